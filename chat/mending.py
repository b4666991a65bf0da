"""One more call for an answer that quotes the Qur'an wrongly: the model is told what is wrong and writes it anew.

What comes back is checked too and takes the answer's place only where it is better. The first version stays beside it
as a branch. The reader pays for the first version alone; what the second one cost stands in the ledger and the receipt.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db import DatabaseError

from billing import quota
from billing.amounts import NOTHING
from billing.models import LedgerEntry
from chat import checking, fallback, owed
from chat.models import Message
from chat.turns import OpenTurn
from chat.upstream import client
from presets import catalogue
from presets.tokens import estimate
from quran.passages import Passage, arabic
from wisqu.accounts.models import User
from wisqu.api import rows
from wisqu.api.spawning import spawn
from wisqu.api.threads import in_thread
from wisqu.openrouter.client import ChatStream
from wisqu.openrouter.errors import OpenRouterError
from wisqu.openrouter.types import ChatRequest, Usage
from wisqu.openrouter.types import Message as WireMessage

log = logging.getLogger(__name__)

MENDED, IN_VAIN, REPLACED = "mended", "in_vain", "replaced"
# A text that is so much shorter is not the answer with its quotations mended.
_LEAST_KEPT = 0.5
_MOST_TOLD = 12
_INSTRUCTION = (
    "Your answer was checked against the text of the Qur'an. This is wrong in it:\n{faults}\n\n"
    "Write the whole answer again with these places put right: quote word for word as given here, name the right "
    "verse, or describe the meaning without quoting. Change nothing else, and say nothing about this correction."
)


@dataclass(slots=True)
class Repair:
    """A second try at an answer: what it brought and what it took. `text` is empty where it is not better."""

    flaws: int
    text: str = ""
    findings: checking.Findings | None = None
    model: str = ""
    provider: str = ""
    generation_id: str = ""
    usage: Usage | None = None

    @property
    def is_better(self) -> bool:
        """Whether it takes the place of the first version."""
        return bool(self.text)


async def mend(
    repair: Repair, opened: OpenTurn, text: str, findings: checking.Findings, *, served: str
) -> None:
    """Ask for the answer anew, check what comes, and note it on `repair`. Never raises for what a server does.

    `served` is the model that wrote the first version.
    """
    request = _request(opened, text, findings, served)
    stream = client().stream(request, deadlines=fallback.PATIENCE.hurried, max_retries=0)
    noting: list[asyncio.Task[None]] = []
    stream.on_begin = lambda generation_id: noting.append(spawn(_expect(opened, generation_id)))
    try:
        async with stream:
            said = "".join([delta.content async for delta in stream])
            is_whole = stream.completion.finish_reason == "stop"
    except OpenRouterError as error:
        log.info("an answer could not be mended", extra={"code": error.code})
        said, is_whole = "", False
    finally:
        _note(repair, stream, request.model)
        await asyncio.gather(*noting)
    found = await checking.find_beside(said)
    is_alike = len(said.strip()) >= _LEAST_KEPT * len(text.strip())
    if is_whole and is_alike and found.grave < findings.grave:
        repair.text, repair.findings = said, found


async def _expect(opened: OpenTurn, generation_id: str) -> None:
    """Keep in mind what has begun: a process that dies must not lose what it costs."""
    try:
        await in_thread(
            owed.expect,
            kind=LedgerEntry.Kind.REPAIR,
            owner_id=opened.owner_id,
            reference=opened.answer.id,
            generation_id=generation_id,
        )
    except DatabaseError:
        log.warning("a generation that began could not be noted")


def _note(repair: Repair, stream: ChatStream, asked: str) -> None:
    repair.model, repair.provider = stream.model or asked, stream.provider or ""
    repair.generation_id, repair.usage = stream.generation_id or "", stream.usage


def _request(opened: OpenTurn, text: str, findings: checking.Findings, served: str) -> ChatRequest:
    requests = [candidate.request for candidate in opened.candidates]
    request = next((each for each in requests if catalogue.is_same(served, each.model)), requests[0])
    faults = "\n".join(list(_faults(findings))[:_MOST_TOLD])
    wish = (
        WireMessage.text("assistant", text.rstrip()),
        WireMessage.text("user", _INSTRUCTION.format(faults=faults)),
    )
    return msgspec.structs.replace(
        request, messages=(*request.messages, *wish), fallback_models=(), web_search=None
    )


def _faults(findings: checking.Findings) -> Iterator[str]:
    """Yield what is wrong, each with what the text really says."""
    for quotation in findings.quotations:
        if quotation["verdict"] != "altered":
            continue
        right = "; ".join(_verse(place) for place in quotation["places"][:1])
        yield f'- You quote "{quotation["text"]}", which is not what the Qur\'an says. {right}'
    for reference in findings.references:
        if reference["state"] == "impossible":
            yield f'- "{reference["text"]}": there is no such verse.'


def _verse(place: dict[str, int]) -> str:
    passage = Passage(place["surah"], place["from"], min(place["to"], place["from"] + 4))
    return f"{passage.surah}:{passage.first} says: {arabic(passage)}"


def is_mended(answer: Message) -> bool:
    """Tell whether the answer's text is a second version, so that its stream told another one."""
    return answer.repair is not None and answer.repair["state"] == MENDED


# --- What is kept -----------------------------------------------------------------------------------------------------


def store(answer: Message, repair: Repair) -> None:
    """Write down what came of it, in the transaction that closes the turn: receipt, ledger, and both versions.

    The answer has the first version; where the second is better it has that one afterwards.
    """
    receipt = _receipt(repair)
    if repair.is_better and repair.findings is not None:
        version = _first_version(answer)
        rows.insert(version)
        receipt["first_version_id"] = str(version.id)
        answer.content, answer.token_estimate = repair.text, estimate(repair.text)
        answer.quotations, answer.references = repair.findings.quotations, repair.findings.references
        # Where a page was cited in the first version is no place in this one.
        answer.citations = [{**each, "start": 0, "end": 0} for each in answer.citations]
    answer.repair = receipt
    _book(answer, repair)


def _receipt(repair: Repair) -> dict[str, Any]:
    usage = repair.usage
    cost = _cost(repair)
    return {
        "state": MENDED if repair.is_better else IN_VAIN,
        "flaws": repair.flaws,
        "model": repair.model,
        "generation_id": repair.generation_id,
        "total_tokens": usage.total_tokens if usage else None,
        "cost_usd": None if cost is None else float(cost),
        "first_version_id": None,
    }


def _cost(repair: Repair) -> Any:
    usage = repair.usage
    if usage is None:
        return None
    return usage.cost_usd if usage.cost_usd is not None else catalogue.cost(repair.model, usage)


def _first_version(answer: Message) -> Message:
    """Return the first version as a sibling that stands right before the answer. Its cost stays with the answer."""
    # Ids tell the order of siblings. The last bits are chance, so the number before is free and still a v7.
    return Message(
        id=uuid.UUID(int=answer.id.int - 1),
        conversation_id=answer.conversation_id,
        parent_id=answer.parent_id,
        role=Message.Role.ASSISTANT,
        status=Message.Status.DONE,
        content=answer.content,
        created_at=answer.created_at,
        depth=answer.depth,
        token_estimate=answer.token_estimate,
        reasoning=answer.reasoning,
        citations=answer.citations,
        model=answer.model,
        final_model_used=answer.final_model_used,
        models_attempted=answer.models_attempted,
        provider=answer.provider,
        finish_reason=answer.finish_reason,
        preset=answer.preset,
        applied=answer.applied,
        quotations=answer.quotations,
        references=answer.references,
        repair={"state": REPLACED, "by": str(answer.id)},
    )


def _book(answer: Message, repair: Repair) -> None:
    """Write the ledger's entry: the call is paid for upstream, and costs its reader nothing."""
    if not repair.generation_id:
        return
    usage, cost, owner_id = repair.usage, _cost(repair), answer.conversation.owner_id
    if usage is None:  # it broke off: what it cost is still to be asked
        attempt = owed.Attempt(repair.generation_id, repair.model, repair.provider)
        owed.note(owner_id=owner_id, message_id=answer.id, attempt=attempt)
        return
    is_told = usage.cost_usd is not None
    source = LedgerEntry.CostSource.UPSTREAM if is_told else LedgerEntry.CostSource.COMPUTED
    entry = quota.EntryFacts(
        kind=LedgerEntry.Kind.REPAIR,
        reference=answer.id,
        generation_id=repair.generation_id,
        model=repair.model,
        provider=repair.provider,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        cached_tokens_read=usage.cached_tokens_read,
        cached_tokens_written=usage.cached_tokens_written,
        cost_usd=cost,
        cost_source=LedgerEntry.CostSource.UNKNOWN if cost is None else source,
    )
    owed.expected(repair.generation_id)
    if User.objects.filter(pk=owner_id).exists():
        quota.record(user_id=owner_id, charge=NOTHING, entry=entry)
    else:
        quota.record_erased(user_id=owner_id, entry=entry)
