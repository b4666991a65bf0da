"""Recordings over real HTTP: put into words, attached to questions, counted once by the second."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest
from django.conf import settings
from openai import OpenAI

from billing.models import LedgerEntry, MonthlyUsageQuota, PlanLimit, Reservation
from chat.models import Attachment
from tests.clients import Api
from tests.live import Sandbox
from tests.media import files, sounds

QUICK = "[[pace:fast]] [[words:5]]"
GEMINI, SONNET = "google/gemini-2.5-flash", "anthropic/claude-sonnet-4.6"


def transcribe(
    person: Api, data: bytes, name: str = "note.wav", *, key: str = "", **fields: str
) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return person.http.post(
        "/audio/transcriptions", files={"file": (name, data)}, data=fields, headers=headers
    )


def attach(person: Api, data: bytes, name: str = "note.wav") -> str:
    response = person.http.post("/attachments", files={"file": (name, data)})
    assert response.status_code == 201, response.text
    return response.json()["id"]


def named(attachment_id: str, name: str) -> str:
    """Give a kept file the name that tells the sandbox what to do; one that is sent loses such signs."""
    Attachment.objects.filter(id=attachment_id).update(name=name)
    return attachment_id


def counted() -> tuple[int, int]:
    """Seconds used and held."""
    quota = MonthlyUsageQuota.objects.get()
    return quota.used_audio_seconds, quota.held_audio_seconds


def heard(sandbox: Sandbox, name: str) -> list[dict[str, Any]]:
    entries = [entry for entry in sandbox.ledger() if entry["endpoint"] == "transcriptions"]
    return [entry for entry in entries if entry["request"].get("name") == name]


def test_a_recording_is_put_into_words_and_counted(alice: Api, sandbox: Sandbox) -> None:
    name = "[[reply:Salam, dear neighbours.]] one.wav"
    told = transcribe(alice, sounds.wav(2.2), name, language="ar", prompt="iftar").json()
    assert (told["text"], told["duration_ms"]) == ("Salam, dear neighbours.", 2200)
    assert told["usage"]["audio_seconds"] == 3
    assert counted() == (3, 0)
    (upstream,) = heard(sandbox, name)
    assert (upstream["request"]["language"], upstream["request"]["prompt"]) == ("ar", "iftar")
    entry = LedgerEntry.objects.get()
    assert (entry.kind, entry.audio_seconds, str(entry.reference)) == ("transcription", 3, told["id"])
    assert entry.cost_usd == Decimal(str(upstream["cost"])) == Decimal(str(told["usage"]["cost_usd"]))
    assert alice.usage()["audio_minutes"]["used"] == 1


def test_the_openai_client_is_answered(alice: Api) -> None:
    with OpenAI(
        base_url=str(alice.http.base_url),
        api_key=alice.http.headers["Authorization"].removeprefix("Bearer "),
        http_client=httpx.Client(trust_env=False),
    ) as client:
        told = client.audio.transcriptions.create(
            model=settings.TRANSCRIPTION_MODEL, file=("[[reply:Salam.]] two.wav", sounds.wav(1.0))
        )
    assert told.text == "Salam."


def test_a_request_that_comes_twice_is_heard_once(alice: Api, sandbox: Sandbox) -> None:
    name, data = "twice.wav", sounds.wav(1.0)
    one, other = (transcribe(alice, data, name, key="same") for _ in range(2))
    assert one.json() == other.json()
    assert len(heard(sandbox, name)) == 1
    assert counted() == (1, 0)
    reused = transcribe(alice, sounds.wav(1.5), name, key="same")
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")


def test_what_fails_counts_nothing_and_may_be_tried_again(alice: Api) -> None:
    name = "[[fault:400 times=1 key=heard-again]].wav"
    failed = transcribe(alice, sounds.wav(1.0), name, key="again")
    assert (failed.status_code, failed.json()["code"]) == (422, "invalid_request")
    assert counted() == (0, 0)
    assert Reservation.objects.get().state == "released"
    assert transcribe(alice, sounds.wav(1.0), name, key="again").status_code == 200
    assert counted() == (1, 0)


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"words", "note.wav", "type_mismatch"),
        (files.pdf("Hi"), "note.pdf", "unsupported_type"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "note.wav", "broken_file"),
        (b"OggS" + bytes(400), "note.ogg", "broken_file"),
    ],
)
def test_what_is_no_recording_is_refused_and_held_for_nobody(
    alice: Api, data: bytes, name: str, code: str
) -> None:
    response = transcribe(alice, data, name)
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert not Reservation.objects.exists()


def test_a_form_is_read_strictly(alice: Api) -> None:
    data = sounds.wav(0.5)
    assert transcribe(alice, data, temperature="0").json()["errors"][0]["code"] == "unknown_field"
    assert transcribe(alice, data, model="x").json()["errors"][0]["code"] == "unknown_model"
    assert transcribe(alice, data, response_format="srt").json()["errors"][0]["field"] == "response_format"
    assert transcribe(alice, data, language="English!").json()["errors"][0]["field"] == "language"
    assert alice.http.post("/audio/transcriptions", data={"language": "en"}).status_code == 422
    assert alice.http.post("/audio/transcriptions", json={"file": "x"}).status_code == 422
    too_much = transcribe(alice, bytes(26_000_000))
    assert (too_much.status_code, too_much.json()["code"]) == (413, "too_large")
    assert httpx.post(f"{alice.http.base_url}audio/transcriptions", trust_env=False).status_code == 401


def test_a_plan_says_who_may_and_how_much(alice: Api) -> None:
    PlanLimit.objects.update(audio_minutes=1)
    refused = transcribe(alice, sounds.wav(61))
    assert (refused.status_code, refused.json()["code"]) == (400, "quota_exceeded")
    assert "audio minute" in refused.json()["detail"]
    PlanLimit.objects.update(audio=False)
    for response in (
        transcribe(alice, sounds.wav(1)),
        alice.http.post("/attachments", files={"file": ("a.wav", sounds.wav(1))}),
    ):
        assert (response.status_code, response.json()["code"]) == (403, "plan_feature_required")


def test_an_attached_recording_counts_when_it_is_kept_and_once(alice: Api) -> None:
    data = sounds.recording("webm", 1.4)
    first, again = attach(alice, data, "recording.webm"), attach(alice, data, "recording.webm")
    told = alice.get(f"/attachments/{first}").json()
    assert first == again
    assert (told["media_type"], told["name"]) == ("audio/ogg", "recording.ogg")
    assert told["duration_ms"] == pytest.approx(1400, abs=40)
    assert counted() == (2, 0)


def test_a_model_that_hears_gets_the_sound(alice: Api, sandbox: Sandbox) -> None:
    note = attach(alice, sounds.recording("mp3", 0.8), "note.mp3")
    told = alice.ask(f"What is said? {QUICK}", attachments=[note], model=GEMINI, fallback_models=[SONNET])
    assert told.status_code == 200, told.text
    (entry,) = sandbox.ledger(session=told.json()["conversation_id"])
    sound = entry["request"]["messages"][-1]["content"][0]
    assert (sound["type"], sound["input_audio"]["format"]) == ("input_audio", "mp3")
    assert not entry["request"].get("models")  # the other one is deaf
    assert Attachment.objects.get().text == ""
    assert counted() == (1, 0)


def test_a_model_that_is_deaf_gets_the_words_which_are_asked_for_once(alice: Api, sandbox: Sandbox) -> None:
    name = "[[reply:Bring dates, please.]] deaf.wav"
    note = named(attach(alice, sounds.wav(1.0)), name)
    told = alice.ask(f"What is said? {QUICK}", attachments=[note], model=SONNET).json()
    talk = told["conversation_id"]
    alice.ask(f"And then? {QUICK}", conversation_id=talk, model=SONNET)
    first, second = (entry["request"] for entry in sandbox.ledger(session=talk))
    assert "Bring dates, please." in str(first["messages"][-1])
    assert "Bring dates, please." in str(second["messages"][1])
    assert len(heard(sandbox, name)) == 1
    entries = LedgerEntry.objects.filter(kind="transcription")
    assert sorted(entry.audio_seconds for entry in entries) == [0, 1]
    assert counted() == (1, 0)


def test_over_the_line_it_is_the_same(alice: Api) -> None:
    note = named(attach(alice, sounds.wav(0.8)), "[[reply:Over the line.]] line.wav")
    with alice.socket() as socket:
        socket.send(type="send", ref="1", message=f"Said? {QUICK}", attachments=[note], model=SONNET)
        done = socket.until("done", "error", "rejected")[-1]
    assert done["type"] == "done"
    assert Attachment.objects.get().text == "Over the line."


def test_what_cannot_be_put_into_words_is_no_end(alice: Api, sandbox: Sandbox) -> None:
    note = named(attach(alice, sounds.wav(0.7)), "[[fault:400 model=openai/whisper-1]] mute.wav")
    told = alice.ask(f"Said? {QUICK}", attachments=[note], model=SONNET).json()
    (entry,) = sandbox.ledger(session=told["conversation_id"])
    assert "could not be transcribed" in str(entry["request"]["messages"][-1])


def test_a_model_that_is_down_refuses_the_question_and_charges_nothing(alice: Api) -> None:
    note = named(attach(alice, sounds.wav(0.6)), "[[fault:500]] down.wav")
    response = alice.ask(f"Said? {QUICK}", attachments=[note], model=SONNET)
    assert (response.status_code, response.json()["code"]) == (503, "upstream_unavailable")
    assert alice.usage()["messages"]["used"] == 0
