"""The API of images: what is refused at the door, what is told, and that strangers see nothing."""

from __future__ import annotations

import base64
import json
import uuid
import zipfile
from typing import Any

import pytest
from django.test import Client

from billing.models import PlanLimit, Reservation
from billing.plans import usage
from chat import attaching
from chat.models import Conversation, Message
from imagery import sweeping
from imagery.models import GeneratedImage
from tests.imagery.conftest import QUICK, again, made, wish
from tests.media.test_images import bomb, picture
from tests.people import make_user, signed_in
from wisqu.accounts.exports import archive, export
from wisqu.accounts.models import User
from wisqu.files import storage

pytestmark = pytest.mark.django_db


def post(browser: Client, path: str, body: Any = None, **headers: str):
    return browser.post(f"/api/v1{path}", body or {}, content_type="application/json", headers=headers)


def history(browser: Client, **params: str) -> list[dict[str, Any]]:
    return browser.get("/api/v1/images/history", params).json()["results"]


@pytest.fixture
def stranger(charlie: User) -> Client:
    return signed_in(charlie)


def test_the_history_is_filtered_and_asks_two_queries(browser, alice, django_assert_num_queries):
    done, queued = made(alice, "A white star"), wish(alice, "Two moons", model="black-forest-labs/flux.2-pro")
    browser.get("/api/v1/images/history")
    with django_assert_num_queries(2):  # who asks, and the page
        assert [each["id"] for each in history(browser)] == [str(queued.id), str(done.id)]
    assert [each["id"] for each in history(browser, status="done")] == [str(done.id)]
    assert [each["id"] for each in history(browser, model=queued.model)] == [str(queued.id)]
    assert [each["id"] for each in history(browser, q="star white")] == [str(done.id)]
    assert browser.get("/api/v1/images/history?status=odd").status_code == 422


def test_the_history_goes_on_by_cursor(browser, alice):
    wished = [str(wish(alice).id) for _ in range(3)]
    first = browser.get("/api/v1/images/history?limit=2").json()
    second = browser.get(first["next"]).json()
    assert [each["id"] for each in first["results"] + second["results"]] == wished[::-1]
    assert second["next"] is None


def test_a_stranger_finds_nothing(stranger, alice):
    image = made(alice)
    for path in ("", "/file", "/file?size=thumbnail"):
        assert stranger.get(f"/api/v1/images/{image.id}{path}").status_code == 404
    assert stranger.delete(f"/api/v1/images/{image.id}").status_code == 404
    assert post(stranger, f"/images/{image.id}/restore").status_code == 404
    assert history(stranger) == []
    assert again(image.id).deleted_at is None
    assert Client().get(f"/api/v1/images/{image.id}/file").status_code == 401


def test_the_file_and_its_thumbnail_are_served_to_their_owner(browser, alice):
    image = made(alice)
    document = browser.get(f"/api/v1/images/{image.id}").json()
    full, small = browser.get(document["url"]), browser.get(document["thumbnail_url"])
    assert (full["Content-Type"], small["Content-Type"]) == ("image/png", "image/webp")
    assert "immutable" in full["Cache-Control"]
    assert browser.get(f"{document['url']}?download=1")["Content-Disposition"].startswith("attachment")
    assert (document["width"], document["error"], document["cost_usd"] > 0) == (512, None, True)


def test_an_image_that_is_not_done_has_no_file(browser, alice):
    image = wish(alice)
    assert browser.get(f"/api/v1/images/{image.id}").json()["url"] is None
    assert browser.get(f"/api/v1/images/{image.id}/file").status_code == 404


def test_what_is_thrown_away_can_be_brought_back_until_it_is_cleared_out(browser, alice, settings):
    image = made(alice)
    assert browser.delete(f"/api/v1/images/{image.id}").status_code == 204
    assert browser.get(f"/api/v1/images/{image.id}/file").status_code == 404
    assert history(browser) == []
    assert sweeping.clear_out() == 0
    assert post(browser, f"/images/{image.id}/restore").json()["status"] == "done"
    browser.delete(f"/api/v1/images/{image.id}")
    GeneratedImage.objects.update(deleted_at="2026-01-01T00:00:00Z")
    assert post(browser, f"/images/{image.id}/restore").status_code == 404
    assert sweeping.clear_out() == 1
    assert not GeneratedImage.objects.exists()


def test_an_image_that_is_deleted_before_it_is_begun_is_not_made(browser, alice):
    image = wish(alice)
    browser.delete(f"/api/v1/images/{image.id}")
    assert again(image.id).error_code == "canceled"
    assert not Reservation.objects.filter(state="held").exists()


def test_one_takes_ones_images_along(alice):
    image = made(alice)
    assert [each["id"] for each in export(alice)["images"]] == [image.id]
    with archive(alice) as file:
        assert zipfile.ZipFile(file).read(f"images/{image.id}.png") == storage.read(image.key)


# --- Wishing: the door is async, so these need rows that other threads see ------------------------


def generate(browser: Client, key: str = "", prefer: str = "", **fields: Any):
    headers = {"Idempotency-Key": key, "Prefer": prefer}
    body = {"prompt": f"A star {QUICK}", **fields}
    return post(browser, "/images/generate", body, **{name: text for name, text in headers.items() if text})


def as_url(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def code(answer: Any) -> str:
    body = json.loads(answer.content)
    return body["errors"][0]["code"] if body.get("errors") else body["code"]


@pytest.mark.django_db(transaction=True)
def test_wishing_makes_jobs_and_holds_what_they_may_use(browser, alice):
    answer = generate(browser, n=3, aspect_ratio="16:9")
    document = answer.json()
    assert (answer.status_code, document["status"], len(document["images"])) == (202, "queued", 3)
    assert document["id"] == document["batch_id"] == document["images"][0]["id"]
    assert len({each["seed"] for each in document["images"]}) == 3
    assert usage(alice.pk)["images"] == {"used": 0, "limit": 100, "remaining": 97}


@pytest.mark.django_db(transaction=True)
def test_a_wish_that_comes_twice_is_one_wish(browser):
    first, second = generate(browser, key="k"), generate(browser, key="k")
    assert first.json()["id"] == second.json()["id"]
    assert GeneratedImage.objects.count() == 1
    assert code(generate(browser, key="k", n=2)) == "idempotency_key_reused"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("fields", "status", "refusal"),
    [
        ({"prompt": "  "}, 422, "value_error"),
        ({"prompt": "x" * 8001}, 422, "string_too_long"),
        ({"n": 5}, 422, "less_than_equal"),
        ({"n": True}, 422, "int_type"),
        ({"model": "openai/gpt-4o"}, 422, "unknown_model"),
        ({"model": "black-forest-labs/flux.2-pro", "aspect_ratio": "8:1"}, 422, "unsupported_aspect_ratio"),
        ({"model": "openai/gpt-5-image-mini", "seed": 1}, 422, "unsupported_seed"),
        ({"seed": -1}, 422, "greater_than_equal"),
        ({"odd": 1}, 422, "extra_forbidden"),
        ({"input_image": "https://example.org/x.png"}, 422, "invalid"),
        ({"input_image": "data:image/png;base64,PHN2Zz4="}, 422, "unsupported_type"),
        ({"input_image": as_url(bomb(50_000, 50_000))}, 422, "too_many_pixels"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_and_holds_nothing(browser, fields, status, refusal):
    answer = generate(browser, **fields)
    assert (answer.status_code, code(answer)) == (status, refusal)
    assert not Reservation.objects.exists()
    assert not GeneratedImage.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_plan_quota_and_operator_decide(browser, settings):
    free = signed_in(make_user("free@example.org", "free"))
    assert (generate(free).status_code, code(generate(free))) == (403, "plan_feature_required")
    PlanLimit.objects.filter(slug="premium").update(images=1)
    assert code(generate(browser, n=2)) == "quota_exceeded"
    assert generate(browser).status_code == 202
    assert (generate(browser).status_code, code(generate(browser))) == (400, "quota_exceeded")
    settings.IMAGE_GENERATION_ENABLED = False
    assert code(generate(browser)) == "images_disabled"


@pytest.mark.django_db(transaction=True)
def test_a_picture_may_come_along(browser, alice):
    answer = generate(browser, input_image=as_url(picture("JPEG")))  # its bytes say what it is
    image = again(uuid.UUID(answer.json()["id"]))
    assert storage.read(image.input_key).startswith(b"\xff\xd8\xff")


@pytest.mark.django_db(transaction=True)
def test_an_attached_picture_can_be_started_from_by_its_owner(browser, alice, stranger):
    file = attaching.take(owner_id=alice.pk, name="a.png", declared="image/png", data=picture())
    assert generate(browser, input_image=str(file.id)).status_code == 202
    answers = [generate(stranger, input_image=str(each)) for each in (file.id, uuid.uuid4())]
    assert [each.status_code for each in answers] == [404, 404]
    assert answers[0].json() | {"request_id": ""} == answers[1].json() | {"request_id": ""}


@pytest.mark.django_db(transaction=True)
def test_an_image_belongs_into_ones_own_conversation_alone(browser, alice, stranger):
    talk = Conversation.objects.create(owner=alice)
    said = Message.objects.create(conversation=talk, role="assistant")
    place = {"conversation_id": str(talk.id), "after_message_id": str(said.id)}
    assert generate(browser, **place).status_code == 202
    for foreign in (
        {"conversation_id": place["conversation_id"]},
        {"after_message_id": place["after_message_id"]},
    ):
        assert generate(stranger, **foreign).status_code == 404
    other = Conversation.objects.create(owner=alice)
    assert generate(browser, **place | {"conversation_id": str(other.id)}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_another_of_the_same_wish_has_a_seed_of_its_own(browser, alice, stranger):
    image = wish(alice, aspect_ratio="3:2", seed=7)
    other = post(browser, f"/images/{image.id}/regenerate").json()
    assert (other["prompt"], other["aspect_ratio"]) == (image.prompt, "3:2")
    assert other["seed"] != 7
    assert post(stranger, f"/images/{image.id}/regenerate").status_code == 404
