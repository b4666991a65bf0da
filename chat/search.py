"""Search over titles and messages: the same words, order and answers on PostgreSQL and on SQLite.

An entry's id tells its place in the order of results. A message's is its moment, so that the newest come first off the
index; a title's is the same below zero, and titles come before messages.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef

from chat.folding import fold, index_text, without_article, words
from chat.models import Attachment, Conversation, Message, SearchEntry
from wisqu.api import rows

MOST_WORDS = 10
LONGEST_QUERY = 300
# Hits that are read, one window after the other, to fill one page of conversations.
WINDOWS = (1000, 4000)
MATCHES_EACH = 2
EXCERPT = 140

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PG = "entry.owner_id = %s AND entry.words @@ %s::tsquery"
_SQLITE = "entry.id = chat_searchwords.rowid AND chat_searchwords MATCH %s"


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A piece of a message around what was looked for; `marks` are places in its text, in code points."""

    message_id: uuid.UUID
    role: str
    created_at: datetime
    text: str
    marks: list[tuple[int, int]]


@dataclass(slots=True)
class Found:
    """A conversation with the first of its messages that match; none where only its title does."""

    conversation: Conversation
    matches: list[Excerpt] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Page:
    """Conversations in the order of their best match; `next` is where to go on."""

    found: list[Found]
    next: int | None


# --- Keeping the index ------------------------------------------------------------------------------


def remember(owner_id: uuid.UUID, *messages: Message) -> None:
    """Make these finished messages findable; those that are already, stay as they are."""
    _insert(
        (_place(message.created_at, message.id), owner_id, message.conversation_id, message.id, text)
        for message in messages
        if (text := _text_of(message))
    )


def renew(owner_id: uuid.UUID, messages: Iterable[Message]) -> None:
    """Make messages that can be found findable by what they and their files say now."""
    found = [message for message in messages if SearchEntry.objects.filter(message_id=message.id).delete()[0]]
    remember(owner_id, *found)


def remember_title(conversation: Conversation) -> None:
    """Make the conversation findable by the title that it has now."""
    SearchEntry.objects.filter(conversation_id=conversation.id, message=None).delete()
    text = index_text(conversation.title)
    if text and not conversation.is_temporary:
        place = _free(-_place(conversation.created_at, conversation.id), step=-1)
        _insert([(place, conversation.owner_id, conversation.id, None, text)])


def catch_up(*, limit: int = 500) -> int:
    """Index so many titles and finished messages that have no entry yet; return how many.

    Older than the index, named by the first words of a question, or the rare two that meet in one place.
    """
    named = Exists(SearchEntry.objects.filter(conversation=OuterRef("pk"), message=None))
    talks = Conversation.objects.listed().exclude(title="").filter(~named)
    unnamed = [each for each in talks[:limit] if index_text(each.title)]
    for conversation in unnamed:
        remember_title(conversation)
    rows = Message.objects.exclude(status=Message.Status.STREAMING).exclude(content="")
    rows = rows.filter(search_entry=None, conversation__is_temporary=False).select_related("conversation")
    missing = list(rows.only("content", "attached", "created_at", "conversation__owner_id")[:limit])
    for message in missing:
        text = _text_of(message)
        place = _free(_place(message.created_at, message.id), step=1)
        _insert([(place, message.conversation.owner_id, message.conversation_id, message.id, text)])
    return len(missing) + len(unnamed)


def _text_of(message: Message) -> str:
    """Return what a message is found by: its words, and the names and words of its files."""
    if not message.attached:
        return index_text(message.content)
    files = Attachment.objects.filter(links__message_id=message.id).order_by("id")
    names = [each["name"] for each in message.attached]
    return index_text("\n".join([message.content, *names, *files.values_list("text", flat=True)]))


def _place(moment: datetime, key: uuid.UUID) -> int:
    return (moment - _EPOCH) // _MICROSECOND << 11 | key.int & 0x7FF


def _free(place: int, *, step: int) -> int:
    while SearchEntry.objects.filter(id=place).exists():
        place += step
    return place


def _insert(entries: Iterable[tuple[int, uuid.UUID, uuid.UUID, uuid.UUID | None, str]]) -> None:
    convert = SearchEntry._meta.get_field("owner").target_field.get_db_prep_value
    values: list[Any] = []
    for place, owner_id, conversation_id, message_id, text in entries:
        keys = [convert(key, connection) for key in (owner_id, conversation_id, message_id)]
        values += [place, *keys, text]
    if values:
        places = ", ".join(["(%s, %s, %s, %s, %s)"] * (len(values) // 5))
        rows.write(
            "INSERT INTO chat_searchentry (id, owner_id, conversation_id, message_id, text) "  # noqa: S608
            f"VALUES {places} ON CONFLICT DO NOTHING",
            values,
        )


# --- Asking -----------------------------------------------------------------------------------------


def search(owner_id: uuid.UUID, query: str, *, after: int | None = None, limit: int = 20) -> Page:
    """Return the owner's conversations where every word of the query begins a word of one message, or of the title."""
    terms = _terms(query)
    if not terms:
        return Page([], None)
    found: dict[Key, list[Key]] = {}
    place = after
    for window in WINDOWS:
        hits, shown, count = _hits(owner_id, terms, after=place, limit=window), set[Key](), 0
        if after is not None:
            hits = iter(known := list(hits))
            shown = _shown_before(owner_id, terms, after, {conversation for _, conversation, _ in known})
        # Read one by one: what the page does not need is not fetched.
        for hit, conversation, message in hits:
            if conversation not in shown:
                if conversation not in found and len(found) == limit:
                    return Page(_read(found, terms), place)
                matches = found.setdefault(conversation, [])
                if message is not None and len(matches) < MATCHES_EACH:
                    matches.append(message)
            place, count = hit, count + 1
        if count < window:
            return Page(_read(found, terms), None)
    return Page(_read(found, terms), place)


def _terms(query: str) -> list[str]:
    return words(query[:LONGEST_QUERY])[:MOST_WORDS]


Key = (
    uuid.UUID | str
)  # as the database gives it: making a UUID of each of a thousand hits takes longer than finding them
Hit = tuple[int, Key, Key | None]


def _hits(owner_id: uuid.UUID, terms: Sequence[str], *, after: int | None, limit: int) -> Iterator[Hit]:
    """Yield entries in their order: titles, the newest first, then messages, the newest first."""
    if after is None or after < 0:
        low = "entry.id < 0" if after is None else "entry.id > %s AND entry.id < 0"
        bound = [] if after is None else [after]
        for hit in _select(owner_id, terms, low, bound, order="ASC", limit=limit):
            limit -= 1
            yield hit
    if limit:
        top = "entry.id > 0" if after is None or after < 0 else "entry.id > 0 AND entry.id < %s"
        bound = [] if after is None or after < 0 else [after]
        yield from _select(owner_id, terms, top, bound, order="DESC", limit=limit)


def _shown_before(owner_id: uuid.UUID, terms: Sequence[str], after: int, candidates: set[Key]) -> set[Key]:
    """Return which of these conversations an earlier page has shown: each comes once, at its best match."""
    if not candidates:
        return set()
    named = f"entry.conversation_id IN ({', '.join(['%s'] * len(candidates))})"
    before = "entry.id <= %s" if after < 0 else "(entry.id >= %s OR entry.id < 0)"
    hits = _select(
        owner_id, terms, f"{before} AND {named}", [after, *candidates], order="DESC", limit=100_000
    )
    return {conversation_id for _, conversation_id, _ in hits}


def _select(
    owner_id: uuid.UUID, terms: Sequence[str], where: str, values: list[Any], *, order: str, limit: int
) -> Iterator[Hit]:
    owner = Conversation._meta.get_field("owner").target_field.get_db_prep_value(owner_id, connection)
    if connection.vendor == "postgresql":
        source, place, match, begin = "chat_searchentry AS entry", "entry.id", _PG, [owner, _tsquery(terms)]
    else:
        # FTS5 walks its own rows in the order of their ids; the entry is only looked up.
        source, place = "chat_searchwords CROSS JOIN chat_searchentry AS entry", "chat_searchwords.rowid"
        match, begin = _SQLITE, [_fts5(owner, terms)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT entry.id, entry.conversation_id, entry.message_id FROM {source} "  # noqa: S608
            f"WHERE {match} AND {where.replace('entry.id', place)} ORDER BY {place} {order} LIMIT %s",
            [*begin, *values, limit],
        )
        yield from cursor


def _uuid(key: Key) -> uuid.UUID:
    return key if isinstance(key, uuid.UUID) else uuid.UUID(key)


def _forms(term: str) -> list[str]:
    """Return the word as it was asked for, and without its article."""
    return list(dict.fromkeys([term, without_article(term)]))


def _tsquery(terms: Sequence[str]) -> str:
    parts = [[f"'{form}'{':*' if len(form) > 1 else ''}" for form in _forms(term)] for term in terms]
    return " & ".join(f"({' | '.join(part)})" for part in parts)


def _fts5(owner: str, terms: Sequence[str]) -> str:
    parts = [[f'"{form}"{"*" if len(form) > 1 else ""}' for form in _forms(term)] for term in terms]
    wanted = " AND ".join(f"({' OR '.join(part)})" for part in parts)
    return f'owner_id : "{owner}" AND text : ({wanted})'


# --- Showing ----------------------------------------------------------------------------------------


def _read(found: Mapping[Key, Sequence[Key]], terms: Sequence[str]) -> list[Found]:
    """Read conversations and messages of a page; what was thrown away meanwhile is left out."""
    matches = {_uuid(key): [_uuid(each) for each in keys] for key, keys in found.items()}
    rows = Conversation.objects.filter(deleted_at=None).listed().for_page().in_bulk(list(matches))
    ids = [message_id for each in matches.values() for message_id in each]
    messages = Message.objects.only("role", "content", "created_at").in_bulk(ids)
    return [
        Found(
            rows[conversation_id],
            [excerpt(messages[each], terms) for each in message_ids if each in messages],
        )
        for conversation_id, message_ids in matches.items()
        if conversation_id in rows
    ]


# What an excerpt can do without.
_MARKUP = re.compile(r"[*`#|>\s]+")
# A word with its vowel signs, tatweel and joiners.
_WORD = re.compile(r"[^\W_]+(?:[\u064b-\u0670\u06d6-\u06ed\u0640\u200c\u0300-\u036f]+[^\W_]*)*")


def excerpt(message: Message, terms: Sequence[str]) -> Excerpt:
    """Return the piece of the message around the first word that was looked for, with all of them marked in it."""
    content = _MARKUP.sub(" ", message.content)
    wanted = {form for term in terms for form in _forms(term)}
    begin_of = tuple(form for form in wanted if len(form) > 1)

    def is_meant(word: str) -> bool:
        folded = fold(word)
        if folded.startswith(begin_of) or folded in wanted:
            return True
        bare = without_article(folded)
        return bare is not folded and (bare.startswith(begin_of) or bare in wanted)

    first = next((word.start() for word in _WORD.finditer(content) if is_meant(word.group())), 0)
    begin = max(first - EXCERPT // 3, 0)
    if begin:
        begin = content.find(" ", begin, first) + 1 or begin
    piece = content[begin : begin + EXCERPT]
    text = ("…" if begin else "") + piece + ("…" if begin + EXCERPT < len(content) else "")
    marks = [word.span() for word in _WORD.finditer(text) if is_meant(word.group())]
    return Excerpt(message.id, message.role, message.created_at, text, marks)
