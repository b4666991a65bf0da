"""Making titles: one row a title (`TitleJob`), asked of a model by the worker, never counted as a message.

A row is claimed by a conditional update, so that a job delivered twice asks once. Whatever went wrong (a model that
fails, a lost job, a dead worker) leaves a row with a moment at which it is due again; `send_due` looks for those.
"""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F, Q
from django.utils import timezone

from billing import quota
from billing.amounts import NOTHING
from billing.models import LedgerEntry
from chat import conversations, costs, owed, search, titles
from chat.models import Conversation, Message, TitleJob
from chat.upstream import make_client, pseudonym
from presets import catalogue
from wisqu.accounts.models import User
from wisqu.api import idempotency, jobs, rows
from wisqu.api.problems import NotFound, Problem
from wisqu.api.threads import at_last, drop_broken
from wisqu.openrouter.errors import OpenRouterError, UpstreamTimeout
from wisqu.openrouter.types import ChatRequest, Usage

log = logging.getLogger(__name__)

TASK = "chat.tasks.make_title"
MOST_TRIES = 5
# A title that takes longer has failed; whoever holds a row for twice as long is dead.
ASK_WITHIN_S = 45.0
CLAIM = timedelta(seconds=2 * ASK_WITHIN_S)
# The pause after the first failure; each further one is three times as long.
FIRST_PAUSE_S = 10.0
# A row is left to the job that was sent with it for this long before another one is sent.
OVERDUE = timedelta(seconds=5)
_MOST_AT_ONCE = 200

_OPEN = (TitleJob.Status.QUEUED, TitleJob.Status.RUNNING)


@dataclass(slots=True)
class Reply:
    """What came of asking: a title, maybe none, and what it took."""

    title: str = ""
    error: OpenRouterError | None = None
    model: str = ""
    provider: str = ""
    generation_id: str = ""
    usage: Usage | None = None
    cost_source: LedgerEntry.CostSource = LedgerEntry.CostSource.UPSTREAM


def want(answer: Message) -> None:
    """Have a title made after a conversation's first exchange; belongs into the transaction that stores the answer."""
    if answer.depth == 1 and answer.content:
        job = TitleJob(conversation_id=answer.conversation_id)
        rows.insert(job, unless_there=True)  # one that is open already is as good
        jobs.send_on_commit(TASK, str(job.id))


def request(
    *, owner_id: uuid.UUID, conversation_id: uuid.UUID, key: str | None = None, mark: str = ""
) -> TitleJob:
    """Have a title made because the owner asks for one, and return the job; one that is under way is joined.

    `key` and `mark` are an idempotency key and the fingerprint of its request. Raises NotFound, a reused key, and
    Problem 422 `nothing_to_name` for a conversation without an answer.
    """
    with transaction.atomic():
        conversation = conversations.owned(owner_id=owner_id, conversation_id=conversation_id)
        if not _exchanges(conversation):
            raise Problem(422, "nothing_to_name", "There is no answer yet that a title could be made from.")
        job = _add_asked(conversation.id)
        known = key and idempotency.claim(owner_id=owner_id, key=key, mark=mark, reference=job.id)
        if not known:
            return job
        # A copy: what was added for it goes again with the transaction.
        transaction.set_rollback(True)
    return find(owner_id=owner_id, job_id=known.reference)


def find(*, owner_id: uuid.UUID, job_id: uuid.UUID | None) -> TitleJob:
    """Return the job with its conversation. Raises NotFound when it is missing or somebody else's."""
    rows = TitleJob.objects.filter(conversation__owner_id=owner_id).select_related("conversation")
    job: TitleJob | None = rows.filter(id=job_id).first() if job_id else None
    if job is None:
        raise NotFound
    return job


def _add_asked(conversation_id: uuid.UUID) -> TitleJob:
    """Return the conversation's open job, which is its owner's from now on, or a new one that is sent on commit."""
    rows = TitleJob.objects.filter(conversation_id=conversation_id, status__in=_OPEN)
    while True:
        rows.update(asked_at=timezone.now())
        found = rows.first()
        if found is not None:
            return found
        job = TitleJob(conversation_id=conversation_id, asked_at=timezone.now())
        TitleJob.objects.bulk_create(
            [job], ignore_conflicts=True
        )  # somebody may be quicker: there is one open
        jobs.send_on_commit(TASK, str(job.id))


def run(job_id: uuid.UUID) -> bool:
    """Do the job unless it is done, being done or not due; True when a title was made."""
    job = _claim(job_id)
    if job is None:
        return False
    if not _is_wanted(job):
        return False
    conversation = job.conversation
    exchanges = _exchanges(conversation)
    user = pseudonym(conversation.owner_id) if settings.TRACK_USER_IDS else None
    wish = titles.request_for(exchanges, user=user) if exchanges else None
    if wish is None:
        _end(job, TitleJob.Status.FAILED)
        return False
    return at_last(_finish, job, wish, async_to_sync(_ask)(wish, partial(_expect, conversation)))


def _is_wanted(job: TitleJob) -> bool:
    """Tell whether there is a title to be made; else end the job, unless its owner asks for one in this moment."""
    if job.asked_at is not None or _lacks_title(job.conversation):
        return True
    claim = TitleJob.objects.filter(id=job.id, status=TitleJob.Status.RUNNING, tries=job.tries)
    return not claim.filter(asked_at=None).update(status=TitleJob.Status.DONE, due_at=timezone.now())


def _claim(job_id: uuid.UUID) -> TitleJob | None:
    now = timezone.now()
    claimed = TitleJob.objects.filter(id=job_id, status__in=_OPEN, due_at__lte=now).update(
        status=TitleJob.Status.RUNNING, due_at=now + CLAIM, tries=F("tries") + 1
    )
    return TitleJob.objects.select_related("conversation").filter(id=job_id).first() if claimed else None


def _lacks_title(conversation: Conversation) -> bool:
    is_kept = conversation.deleted_at is None and not conversation.is_temporary
    is_done = conversation.title_jobs.filter(status=TitleJob.Status.DONE).exists()
    return is_kept and conversation.own_title_at is None and not is_done


def _exchanges(conversation: Conversation) -> list[tuple[str, str]]:
    """Return question and answer of the first exchange, and of the one that is shown last."""
    answers = conversation.messages.filter(role=Message.Role.ASSISTANT).exclude(content="")
    answers = answers.exclude(status=Message.Status.STREAMING).select_related("parent")
    ends = [answers.filter(depth=1).order_by("-id").first()]
    if conversation.head_id:
        ends.append(answers.filter(id=conversation.head_id).first())
    found = {answer.id: (answer.parent, answer.content) for answer in ends if answer is not None}
    return [(question.content, content) for question, content in found.values() if question is not None]


def _expect(conversation: Conversation, generation_id: str) -> None:
    """Keep in mind what has begun: a worker that dies, or a database that is away, must not lose what it costs."""
    try:
        owed.expect(
            kind=LedgerEntry.Kind.TITLE,
            owner_id=conversation.owner_id,
            reference=conversation.id,
            generation_id=generation_id,
        )
    except DatabaseError:
        drop_broken()  # the database may be back when the title is there


async def _ask(wish: ChatRequest, expect: Callable[[str], None]) -> Reply:
    client = make_client()
    reply, text = Reply(), ""
    noting: list[asyncio.Task[None]] = []

    def begun(generation_id: str) -> None:
        noting.append(asyncio.create_task(sync_to_async(expect)(generation_id)))

    try:
        async with client.stream(wish) as stream:
            stream.on_begin = begun
            try:
                async with asyncio.timeout(ASK_WITHIN_S):
                    async for delta in stream:
                        text += delta.content
            except OpenRouterError as error:
                reply.error = error
            except TimeoutError:
                reply.error = UpstreamTimeout()
            reply.model, reply.provider = stream.model or "", stream.provider or ""
            reply.generation_id, reply.usage = stream.generation_id or "", stream.usage
        if reply.usage is None and reply.generation_id:
            reply.usage, _ = await costs.look_up(client, reply.generation_id)
            reply.cost_source = LedgerEntry.CostSource.LOOKUP
    finally:
        await asyncio.gather(*noting)
        await client.close()
    reply.title = "" if reply.error else titles.clean(text)
    return reply


@transaction.atomic
def _finish(job: TitleJob, wish: ChatRequest, reply: Reply) -> bool:
    """Book what it cost, then name the conversation, or leave the row for another try."""
    if reply.generation_id or reply.usage is not None:
        _book(job.conversation, wish, reply)
    if reply.title:
        _name(job, reply.title)
        _end(job, TitleJob.Status.DONE)
        return True
    if job.tries >= MOST_TRIES or (reply.error is not None and not reply.error.retryable):
        log.info("no title could be made", extra={"code": reply.error.code if reply.error else "no_title"})
        _end(job, TitleJob.Status.FAILED)
    else:
        pause = FIRST_PAUSE_S * 3 ** (job.tries - 1) * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
        _end(job, TitleJob.Status.QUEUED, due_at=timezone.now() + timedelta(seconds=pause))
    return False


def _name(job: TitleJob, title: str) -> None:
    """Give the title unless its owner wrote one: at any time, or since they asked for this one."""
    # Locked: who asks from now on waits, finds the job ended, and gets one of their own.
    asked_at = (
        TitleJob.objects.select_for_update().filter(id=job.id).values_list("asked_at", flat=True).first()
    )
    is_free = Q(own_title_at=None)
    if asked_at is not None:
        is_free |= Q(own_title_at__lte=asked_at)
    named = Conversation.objects.filter(is_free, id=job.conversation_id)
    if named.update(title=title, own_title_at=None):
        search.remember_title(Conversation.objects.get(id=job.conversation_id))


def _end(job: TitleJob, status: TitleJob.Status, *, due_at: datetime | None = None) -> None:
    """Move the claimed row on; one that another worker has taken over meanwhile is left to it."""
    claim = TitleJob.objects.filter(id=job.id, status=TitleJob.Status.RUNNING, tries=job.tries)
    claim.update(status=status, due_at=due_at or timezone.now())


def _book(conversation: Conversation, wish: ChatRequest, reply: Reply) -> None:
    """Write the ledger entry: it costs the user no message and no tokens."""
    entry = _entry(conversation, wish, reply)
    owed.expected(reply.generation_id)
    if User.objects.filter(id=conversation.owner_id).exists():
        quota.record(user_id=conversation.owner_id, charge=NOTHING, entry=entry)
    else:
        quota.record_erased(user_id=conversation.owner_id, entry=entry)


def _entry(conversation: Conversation, wish: ChatRequest, reply: Reply) -> quota.EntryFacts:
    usage, model = reply.usage, reply.model or wish.model
    if usage is None:
        cost, source = None, LedgerEntry.CostSource.UNKNOWN
    elif usage.cost_usd is not None:
        cost, source = usage.cost_usd, reply.cost_source
    else:
        cost, source = catalogue.cost(model, usage), LedgerEntry.CostSource.COMPUTED
    return quota.EntryFacts(
        kind=LedgerEntry.Kind.TITLE,
        reference=conversation.id,
        generation_id=reply.generation_id,
        model=model,
        provider=reply.provider,
        prompt_tokens=usage.prompt_tokens if usage else 0,
        completion_tokens=usage.completion_tokens if usage else 0,
        reasoning_tokens=usage.reasoning_tokens if usage else 0,
        cached_tokens_read=usage.cached_tokens_read if usage else None,
        cached_tokens_written=usage.cached_tokens_written if usage else None,
        cost_usd=cost,
        cost_source=source,
        savings_usd=catalogue.savings(model, usage) if usage else None,
    )


def send_due() -> int:
    """Send the jobs that are due and nobody does: to be tried again, lost on their way, or of a dead worker."""
    overdue = TitleJob.objects.filter(status__in=_OPEN, due_at__lte=timezone.now() - OVERDUE)
    overdue.filter(tries__gte=MOST_TRIES).update(status=TitleJob.Status.FAILED)
    ids = list(overdue.order_by("due_at").values_list("id", flat=True)[:_MOST_AT_ONCE])
    return sum(jobs.send(TASK, str(job_id)) for job_id in ids)
