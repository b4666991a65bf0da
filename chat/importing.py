"""Conversations from files: our own JSON, and what ChatGPT exports. Whatever it claims, it is somebody's input.

`chat.unpacking` brings them out of a ZIP, `chat.luggage` their files.

A file is first read into drafts, which no longer know where they came from: a tree of texts in which questions and
answers take turns. Only then something is stored, one conversation a transaction. What the answers quote is looked at
afterwards, by a job: nobody waits for `chat.importchecks`, and what a file says of its own quotations is not believed.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from chat import citations, search
from chat.conversations import title_from
from chat.luggage import Luggage, Named
from chat.models import Conversation, Folder, Message
from presets.tokens import estimate
from wisqu.api import jobs
from wisqu.api.ids import uuid7
from wisqu.api.problems import Problem

MOST_CONVERSATIONS = 200  # in one request, which is bounded in bytes too
MOST_MESSAGES = 5_000  # in one conversation
MOST_KEPT = 200_000  # messages of one person
_MOST_NAMED = 100  # files, of all that somebody said in a row
TASK = "chat.tasks.check_imported"
_BEGIN = datetime(2000, 1, 1, tzinfo=UTC)
_FAR = 4_000_000_000  # seconds since 1970
_STEP = timedelta(milliseconds=1)
_ASKER = Message.Role.USER
T = TypeVar("T")


class NotReadable(Exception):
    """This conversation is not taken over; the text says why."""


@dataclass(slots=True)
class Node:
    """A message of a file, before it is known to make sense."""

    key: str
    parent: str | None
    role: str
    text: str
    moment: datetime | None
    model: str = ""
    attached: list[Named] = field(default_factory=list)
    citations: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Draft:
    """A conversation of a file; `head` is the key of the message that it shows last."""

    title: str
    created_at: datetime
    head: str | None
    nodes: list[Node]
    pinned_at: datetime | None = None
    archived_at: datetime | None = None
    folder: str = ""


@dataclass(slots=True)
class Outcome:
    """What was taken over, and what was not, with the reason."""

    conversations: list[uuid.UUID] = field(default_factory=list)
    messages: int = 0
    skipped: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, Any] = field(default_factory=dict)


def take_over(*, owner_id: uuid.UUID, data: Any) -> Outcome:
    """Store the conversations of a file's value under their new owner.

    Raises Problem 422 `unknown_format`, `too_many_conversations` or `too_many_messages`.
    """
    items = _items(data)
    if len(items) > MOST_CONVERSATIONS:
        detail = f"Send at most {MOST_CONVERSATIONS} conversations at a time."
        raise Problem(422, "too_many_conversations", detail)
    return bring(owner_id, items, luggage=Luggage(owner_id), read=lambda item: item)


def bring(owner_id: uuid.UUID, items: Sequence[T], *, luggage: Luggage, read: Callable[[T], Any]) -> Outcome:
    """Store conversations, one after the other; `read` returns the value of an item, or raises NotReadable.

    Raises Problem 422 `too_many_messages`.
    """
    kept = _kept(owner_id)
    outcome = Outcome()
    for index, item in enumerate(items):
        value = None
        try:
            value = read(item)
            draft = _read(value)
            _refuse_too_many(kept + outcome.messages + len(draft.nodes))
            conversation, count = _store(owner_id, draft, _turns(draft), luggage)
        except NotReadable as reason:
            said = _text(value.get("title"))[:200] if isinstance(value, dict) else ""
            outcome.skipped.append({"index": index, "title": said, "reason": str(reason)})
            continue
        outcome.conversations.append(conversation.id)
        outcome.messages += count
    if outcome.conversations:
        jobs.send_on_commit(TASK, [str(each) for each in outcome.conversations])
    outcome.files = luggage.told
    return outcome


def files_of(
    owner_id: uuid.UUID, items: Sequence[T], *, read: Callable[[T], Any], among: Container[str]
) -> list[Named]:
    """Return those files `among` these ids that questions name. Raises Problem 422 `too_many_messages`."""
    named: dict[str, Named] = {}
    count = _kept(owner_id)
    for item in items:
        try:
            draft = _read(read(item))
            nodes = _turns(draft)
        except NotReadable:
            continue
        count += len(draft.nodes)
        _refuse_too_many(count)
        for node in nodes:
            if node.role == _ASKER:
                named |= {each.id: each for each in node.attached if each.id in among}
    return list(named.values())


def _kept(owner_id: uuid.UUID) -> int:
    return Message.objects.filter(conversation__owner_id=owner_id).count()


def _refuse_too_many(messages: int) -> None:
    if messages > MOST_KEPT:
        raise Problem(422, "too_many_messages", f"An account keeps at most {MOST_KEPT:,} messages.")


# --- Reading ----------------------------------------------------------------------------------------


def _items(data: Any) -> list[Any]:
    """Return the conversations of a file: a list, one alone, or everything that a person took along."""
    if isinstance(data, dict):
        inner = data.get("conversations")
        if isinstance(inner, list):
            return inner
        if "messages" in data or "mapping" in data:
            return [data]
    if isinstance(data, list):
        return data
    raise Problem(422, "unknown_format", "This is neither an export of WisQu nor one of ChatGPT.")


def _read(item: Any) -> Draft:
    if not isinstance(item, dict):
        raise NotReadable("It is no conversation.")
    if isinstance(item.get("mapping"), dict):
        nodes, head = list(islice(_of_chatgpt(item["mapping"]), MOST_MESSAGES + 1)), item.get("current_node")
    elif isinstance(item.get("messages"), list):
        nodes, head = list(islice(_of_ours(item["messages"]), MOST_MESSAGES + 1)), item.get("head_id")
    else:
        raise NotReadable("It has no messages.")
    if len(nodes) > MOST_MESSAGES:
        raise NotReadable(f"It has more than {MOST_MESSAGES:,} messages.")
    if any(len(node.text) > settings.MAX_MESSAGE_CHARACTERS for node in nodes):
        raise NotReadable(f"A message has more than {settings.MAX_MESSAGE_CHARACTERS:,} characters.")
    moment = _moment(item.get("created_at", item.get("create_time"))) or timezone.now()
    return Draft(
        title=_text(item.get("title"))[:200],
        created_at=moment,
        head=head if isinstance(head, str) else None,
        nodes=nodes,
        pinned_at=_moment(item.get("pinned_at")),
        archived_at=_moment(item.get("archived_at")) or (moment if item.get("is_archived") is True else None),
        folder=_text(item.get("folder")).strip()[:80],
    )


def _of_ours(messages: list[Any]) -> Iterator[Node]:
    for message in messages:
        if isinstance(message, dict) and isinstance(message.get("id"), str):
            parent = message.get("parent_id")
            yield Node(
                key=message["id"],
                parent=parent if isinstance(parent, str) else None,
                role=_text(message.get("role")),
                text=_text(message.get("content")),
                moment=_moment(message.get("created")),
                model=_text(message.get("model"))[:200],
                attached=_named(message.get("attachments")),
                citations=citations.taken_over(message.get("citations")),
            )


def _of_chatgpt(mapping: dict[str, Any]) -> Iterator[Node]:
    for key, entry in mapping.items():
        if not isinstance(entry, dict):
            continue
        message, parent = entry.get("message"), entry.get("parent")
        message = message if isinstance(message, dict) else {}
        author, content = message.get("author"), message.get("content")
        facts = message.get("metadata")
        is_text = isinstance(content, dict) and content.get("content_type") in ("text", "multimodal_text")
        parts = content.get("parts") if is_text and isinstance(content, dict) else None
        yield Node(
            key=key,
            parent=parent if isinstance(parent, str) else None,
            role=_text(author.get("role")) if isinstance(author, dict) else "",
            text="\n\n".join(part for part in parts if isinstance(part, str))
            if isinstance(parts, list)
            else "",
            moment=_moment(message.get("create_time")),
            model=_text(facts.get("model_slug"))[:200] if isinstance(facts, dict) else "",
        )


def _named(attachments: Any) -> list[Named]:
    """Return the files that a message names, as far as they have ids."""
    named = attachments if isinstance(attachments, list) else []
    return [
        Named(each["id"], _text(each.get("name"))[:200], _text(each.get("media_type"))[:100])
        for each in named[:20]
        if isinstance(each, dict) and isinstance(each.get("id"), str)
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _moment(value: Any) -> datetime | None:
    """Return a moment that can be: seconds or RFC 3339, not before this century, not after now."""
    found: datetime | None = None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _FAR:
        found = datetime.fromtimestamp(value, UTC)
    elif isinstance(value, str) and len(value) < 40:
        try:
            found = parse_datetime(value)
        except ValueError:
            return None
    if found is None or timezone.is_naive(found) or found < _BEGIN:
        return None
    return min(found, timezone.now())


# --- Making sense of it -----------------------------------------------------------------------------


def _turns(draft: Draft) -> list[Node]:
    """Return the nodes that make a conversation, parents first: question, answer, question.

    Whatever says nothing (system notes, tools, pictures) is passed over. Who speaks twice in a row has said one thing.
    A question that nobody answered is left out, since nothing could follow it.
    """
    known = {node.key: node for node in draft.nodes}
    children: dict[str | None, list[Node]] = defaultdict(list)
    for node in draft.nodes:
        children[node.parent if node.parent in known and node.parent != node.key else None].append(node)
    for group in children.values():
        group.sort(key=lambda node: node.moment or _BEGIN)
    kept = _joined(children, room=4 * sum(len(node.text) for node in draft.nodes) + 1000)
    answered = {node.parent for node in kept}
    return [node for node in kept if node.role == Message.Role.ASSISTANT or node.key in answered]


def _joined(children: dict[str | None, list[Node]], *, room: int) -> list[Node]:
    """Walk from the roots down; a circle is never reached. `room` (characters) bounds what joining may make."""
    kept: list[Node] = []
    # Each step: a node as it was, and what stands before it: the last that was kept, open to be gone on with.
    steps: list[tuple[Node, Node | None]] = [(node, None) for node in reversed(children[None])]
    while steps:
        node, before = steps.pop()
        here = before
        if node.role in Message.Role.values and node.text.strip():
            is_more = before is not None and before.role == node.role
            if before is not None and is_more:
                text, parent = f"{before.text}\n\n{node.text}", before.parent
            else:
                text, parent = node.text, before.key if before else None
            room -= len(text)
            if room < 0:
                raise NotReadable("Its messages stand in each other's way.")
            attached = [*(before.attached if before is not None and is_more else ()), *node.attached]
            here = Node(node.key, parent, node.role, text, node.moment, node.model, attached[:_MOST_NAMED])
            kept.append(here)
        steps += [(child, here) for child in reversed(children[node.key])]
    gone_on = _gone_on_with(children, kept)
    return [node for node in kept if node.key not in gone_on]


def _gone_on_with(children: dict[str | None, list[Node]], kept: list[Node]) -> set[str]:
    """Return the nodes whose text a later one holds, and after which nobody else speaks."""
    by_parent: dict[str | None, set[str]] = defaultdict(set)
    for node in kept:
        by_parent[node.parent].add(node.key)
    own = {node.key: node for node in kept}
    gone: set[str] = set()
    for node in kept:
        has_reply = bool(by_parent[node.key])
        pending = list(children[node.key])
        while pending and not has_reply and node.key not in gone:
            child = pending.pop()
            found = own.get(child.key)
            if found is None:
                pending += children[child.key]
            elif found.role == node.role:
                gone.add(node.key)
    return gone


# --- Storing ----------------------------------------------------------------------------------------


def _store(
    owner_id: uuid.UUID, draft: Draft, nodes: list[Node], luggage: Luggage
) -> tuple[Conversation, int]:
    if not nodes:
        raise NotReadable("It has no question with an answer.")
    conversation = Conversation(
        owner_id=owner_id,
        title=draft.title,
        created_at=draft.created_at,
        pinned_at=draft.pinned_at,
        archived_at=draft.archived_at,
    )
    made = _messages(conversation, nodes)
    messages = list(made.values())
    conversation.title = conversation.title or title_from(messages[0].content)
    conversation.own_title_at = timezone.now()
    conversation.last_message_at = max(message.created_at for message in messages)
    head = made.get(draft.head or "")
    parents = {message.parent_id for message in messages}
    leaves = [message for message in messages if message.id not in parents]
    conversation_head = head if head is not None and head.id not in parents else leaves[-1]
    with transaction.atomic():
        conversation.folder = _folder(owner_id, draft.folder)
        conversation.save(force_insert=True)
        Message.objects.bulk_create(messages, batch_size=200)
        luggage.bind([(made[node.key], node.attached) for node in nodes if made[node.key].role == _ASKER])
        Conversation.objects.filter(id=conversation.id).update(head=conversation_head)
        for begin in range(0, len(messages), 100):
            search.remember(owner_id, *messages[begin : begin + 100])
        search.remember_title(conversation)
    return conversation, len(messages)


def _folder(owner_id: uuid.UUID, name: str) -> Folder | None:
    """Return the person's folder of this name, made now where it was missing and there is room for one."""
    own = Folder.objects.filter(owner_id=owner_id)
    if not name or (not own.filter(name=name).exists() and own.count() >= Folder.MOST):
        return None
    return own.get_or_create(name=name, defaults={"owner_id": owner_id})[0]


def _messages(conversation: Conversation, nodes: list[Node]) -> dict[str, Message]:
    """Return the rows by the keys of their nodes; each is later than what it follows."""
    made: dict[str, Message] = {}
    for node in nodes:
        parent = made.get(node.parent or "")
        earliest = parent.created_at + _STEP if parent else conversation.created_at
        is_answer = node.role == Message.Role.ASSISTANT
        made[node.key] = Message(
            id=uuid7(),
            conversation=conversation,
            parent=parent,
            role=node.role,
            content=node.text,
            created_at=max(node.moment or earliest, earliest),
            depth=parent.depth + 1 if parent else 0,
            token_estimate=estimate(node.text),
            model=node.model if is_answer else "",
            citations=node.citations if is_answer else [],
        )
    return made
