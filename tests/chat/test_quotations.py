"""The doors to the Qur'an's text over HTTP."""

from __future__ import annotations

import httpx

from tests.clients import Api
from tests.live import Web


def test_a_text_is_checked(alice: Api) -> None:
    answer = alice.http.post(
        "/quotations/check", json={"text": "﴿إن الله مع الصابرين﴾ (2:153) and Quran 2:300"}
    )
    body = answer.json()
    (quotation,) = body["quotations"]
    assert answer.status_code == 200
    assert quotation["verdict"] == "genuine"
    assert quotation["places"][0] == {"surah": 2, "from": 153, "to": 153}
    assert quotation["reference"]["state"] == "real"
    assert [each["state"] for each in body["references"]] == ["real", "impossible"]


def test_a_verse_and_a_row_of_verses_are_given_with_their_source(alice: Api) -> None:
    one, row = (alice.http.get(f"/quran/112/{which}").json() for which in ("1", "1-4"))
    assert [verse["ayah"] for verse in one["verses"]] == [1]
    assert [verse["ayah"] for verse in row["verses"]] == [1, 2, 3, 4]
    assert (row["name"]["tr"], row["source_url"]) == ("İhlâs", "https://tanzil.net")
    assert (row["verses"][0]["juz"], row["verses"][0]["page"], row["translations"]) == (30, 604, [])


def test_a_verse_that_there_is_not_is_missing(alice: Api) -> None:
    for path in ("2/287", "0/1", "115/1", "112/3-9", "112/4-1", "2/99999999999999999999"):
        assert alice.http.get(f"/quran/{path}").status_code == 404, path


def test_bad_questions_are_refused(alice: Api) -> None:
    for body in ({}, {"text": 1}, {"text": "a", "more": 1}, {"text": "ا" * 50_001}):
        assert alice.http.post("/quotations/check", json=body).status_code == 422, body


def test_a_stranger_is_not_served(live: Web) -> None:
    assert httpx.post(f"{live.url}/api/v1/quotations/check", json={"text": "a"}).status_code == 401
    assert httpx.get(f"{live.url}/api/v1/quran/1/1").status_code == 401
