"""The tradition that a person has chosen stands behind the house's prompts, and behind nobody else's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chat import turns
from chat.inputs import ChatInput
from presets import shipped, traditions
from tests.people import make_alice, signed_in
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
PROMPT = shipped.read(shipped.STANDING).system_prompt


def system_prompt(user: User, **fields: str) -> str:
    opened = turns.open_turn(owner_id=user.pk, chat=ChatInput(message="Salam", **fields))
    text: str = opened.request.messages[0].parts[0].text
    return text


def test_general_is_the_prompt_itself_to_the_byte() -> None:
    assert system_prompt(make_alice()) == PROMPT


@pytest.mark.parametrize("tradition", [each for each in User.Tradition if each != "general"])
def test_a_tradition_follows_the_prompt_and_says_that_nothing_is_hidden(tradition: str) -> None:
    text = system_prompt(make_alice(tradition=tradition))
    assert text == traditions.completed(PROMPT, tradition)
    assert text.startswith(PROMPT + "\n\n")
    assert "hide no disagreement" in text


def test_other_instructions_stay_as_they_are() -> None:
    alice = make_alice(tradition="shia")
    assert system_prompt(alice, system_prompt="Be brief.") == "Be brief."
    assert system_prompt(alice, preset="translator") == shipped.read("translator").system_prompt
    assert system_prompt(alice, preset="quran-study").endswith(traditions.completed("", "shia").strip())


def test_it_is_chosen_over_the_api_and_in_the_profile() -> None:
    alice = make_alice()
    page = signed_in(alice)
    path = "/api/v1/auth/me"
    told = page.patch(path, {"tradition": "sunni_hanafi", "allows_reviews": True}, "application/json")
    assert (told.json()["tradition"], told.json()["allows_reviews"]) == ("sunni_hanafi", True)
    assert page.patch(path, {"tradition": "other"}, "application/json").status_code == 422
    fields = {"name": "A", "language": "en", "theme": "system", "time_zone": "UTC", "tradition": "shia"}
    page.post("/accounts/profile/", fields)
    alice.refresh_from_db()
    assert (alice.tradition, alice.allows_reviews) == ("shia", False)


def test_the_default_prompt_names_what_is_not_a_models_to_decide() -> None:
    for word in (
        "agree",
        "fatwa",
        "divorce",
        "inheritance",
        "apostate",
        "physician",
        "988",
        "unchecked",
        "language",
    ):
        assert word in PROMPT, word


def test_only_numbers_that_the_docs_confirm_are_given_to_people_in_need() -> None:
    table = (ROOT / "docs" / "presets.md").read_text().split("## Numbers to call")[1].split("\n## ")[0]
    confirmed = set(re.findall(r"^\| ([\d ]+) \|", table, re.MULTILINE))
    lines = [
        line for line in PROMPT.splitlines() if line.startswith(("- Emergency services:", "- Helplines:"))
    ]
    told = {number.strip() for line in lines for number in re.findall(r"\d[\d ]{2,}", line)}
    assert told == confirmed
    assert not re.search(r"\d{3}", PROMPT.replace("2:255", "").replace("\n".join(lines), ""))
