"""Presets at the doors of the chat: over JSON, as a stream, on the websocket."""

from __future__ import annotations

from presets import keeping
from presets.models import ModelPreset
from tests.clients import Api
from tests.live import Sandbox
from wisqu.accounts.models import User

QUICK = "[[pace:fast]] [[words:3]]"


def make_terse() -> ModelPreset:
    alice = User.objects.get(email="alice@example.org")
    values = {
        "name": "Terse",
        "system_prompt": "Be terse.",
        "model": "openai/gpt-4o-mini",
        "temperature": 0.1,
    }
    return keeping.make(owner_id=alice.id, values=values)


def test_the_answer_tells_what_applied(alice: Api, sandbox: Sandbox) -> None:
    preset = make_terse()
    answer = alice.ask(f"Salam {QUICK}", preset="terse", temperature=0.9).json()
    message = answer["message"]
    assert (message["preset"]["id"], message["preset"]["source"]) == (str(preset.id), "request")
    assert message["applied"]["model"] == {"value": "openai/gpt-4o-mini", "source": "preset"}
    assert message["applied"]["temperature"] == {"value": 0.9, "source": "request"}
    assert alice.get(f"/conversations/{answer['conversation_id']}").json()["preset"] == str(preset.id)
    (upstream,) = sandbox.ledger(session=answer["conversation_id"])
    assert upstream["model"].startswith("openai/gpt-4o-mini")


def test_a_stream_and_the_stored_message_tell_the_same(alice: Api) -> None:
    make_terse()
    events = alice.stream(f"Salam {QUICK}", preset="terse")
    conversation_id = events[0]["conversation_id"]
    stored = alice.get(f"/conversations/{conversation_id}/messages").json()["results"]
    assert events[-1]["message"]["applied"] == stored[0]["applied"]
    assert (events[-1]["message"]["preset"]["name"], stored[1]["preset"]) == ("Terse", None)


def test_a_preset_that_is_not_theirs_is_404_at_every_door(alice: Api, charlie: Api) -> None:
    preset = make_terse()
    for reference in ("terse", str(preset.id)):
        assert charlie.ask("Salam", preset=reference).status_code == 404
        assert charlie.ask("Salam", preset=reference, stream=True).status_code == 404
    with charlie.socket() as socket:
        socket.send(type="send", ref="r", message="Salam", preset="terse")
        rejected = socket.until("rejected")[-1]
    assert rejected["problem"]["status"] == 404
    assert charlie.usage()["messages"]["used"] == 0
