"""Single rows in and out without the ORM's compiler, for the few statements that every turn makes.

The compiler builds each statement anew, which costs several times what the database needs to run it. Here the text is
made once for a model and a shape; values go through the model's fields as everywhere, and conditions are equalities
with values (None never matches). No signals are sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import Field, Model

M = TypeVar("M", bound=Model)
_VALUE = "%s"


class Look(NamedTuple):
    """What `find` looks for."""

    model: type[Model]
    related: str
    where: tuple[tuple[str, Any], ...]


class Change(NamedTuple):
    """What `change` sets, and in which row."""

    model: type[Model]
    values: Mapping[str, Any]
    where: Mapping[str, Any]


_foreseen: ContextVar[dict[Look, Sequence[Any] | None] | None] = ContextVar("foreseen", default=None)
_waiting: ContextVar[list[tuple[str, list[Any]]] | None] = ContextVar("waiting", default=None)


def look(model: type[Model], *, related: str = "", **where: Any) -> Look:
    """Return what `find` with the same words looks for."""
    return Look(model, related, tuple(where.items()))


@contextmanager
def foreseeing(*looks: Look, after: Change | None = None) -> Iterator[bool]:
    """Ask at once for what the block will look for, where the database takes several statements at a time.

    The first `find` of each then has its answer already, as of the beginning of the block. `after` is made before that,
    in the same exchange; the block is told whether its row was there.
    """
    if not _takes_several():
        yield after is None or change(after.model, after.values, where=after.where)
        return
    statements = [_changing(after)] if after else []
    known = {}
    with connection.cursor() as cursor:
        cursor.execute(_joined(cursor, [*statements, *map(_asking, looks)]))
        is_met = after is None or cursor.rowcount == 1
        if after is not None:
            cursor.nextset()
        for each in looks:
            known[each] = cursor.fetchone()
            cursor.nextset()
    token = _foreseen.set(known)
    try:
        yield is_met
    finally:
        _foreseen.reset(token)


@contextmanager
def together() -> Iterator[None]:
    """Keep what the block inserts and puts until its end and send it at once, where the database takes several."""
    if not _takes_several():
        yield
        return
    kept: list[tuple[str, list[Any]]] = []
    token = _waiting.set(kept)
    try:
        yield
    finally:
        _waiting.reset(token)
    if kept:
        with connection.cursor() as cursor:
            cursor.execute(_joined(cursor, kept))


def _joined(cursor: Any, statements: Sequence[tuple[str, list[Any]]]) -> str:
    """Return one text for all, with their values in it.

    Each is filled by itself: psycopg keeps the parts of a text of up to 50 values, and takes a longer one apart each
    time anew.
    """
    return "; ".join([cursor.mogrify(text, values) for text, values in statements])


def _takes_several() -> bool:
    return connection.vendor == "postgresql"


def write(text: str, values: Sequence[Any]) -> None:
    """Run a statement that returns nothing; within `together` at the end of that."""
    waiting = _waiting.get()
    if waiting is not None:
        waiting.append((text, list(values)))
        return
    with connection.cursor() as cursor:
        cursor.execute(text, values)


def insert(*rows: Model, unless_there: bool = False) -> None:
    """Insert new rows of one model, whose primary keys are set, in one statement.

    `unless_there` leaves out what a unique value is in the way of.
    """
    model = type(rows[0])
    fields = model._meta.concrete_fields
    database: Any = connections[DEFAULT_DB_ALIAS]  # `connection` would find it anew for each value
    values = [field.get_db_prep_save(field.pre_save(row, True), database) for row in rows for field in fields]
    places = tuple(map(_place, values))
    text = _insert(model, places) + (" ON CONFLICT DO NOTHING" if unless_there else "")
    write(text, _filling(values, places))
    for row in rows:
        row._state.adding, row._state.db = False, database.alias


def change(model: type[Model], values: Mapping[str, Any], *, where: Mapping[str, Any]) -> bool:
    """Set fields of the one row that meets all of `where`; False when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(*_changing(Change(model, values, where)))
        return bool(cursor.rowcount == 1)


def put(model: type[Model], values: Mapping[str, Any], *, where: Mapping[str, Any]) -> None:
    """Do what `change` does, for whoever need not know whether there is such a row; within `together` at its end."""
    write(*_changing(Change(model, values, where)))


def find(model: type[M], *, related: str = "", **where: Any) -> M | None:
    """Return the row whose fields (or columns: `user_id`) have these values, with the row that `related` names."""
    wish, known = look(model, related=related, **where), _foreseen.get()
    if known is not None and wish in known:
        found = known.pop(wish)
    else:
        with connection.cursor() as cursor:
            cursor.execute(*_asking(wish))
            found = cursor.fetchone()
    _, own, other = _select(model, related, tuple(where))
    if found is None:
        return None
    row: M = _made(model, own, found)
    if related:
        link: Any = _field(model, related)
        setattr(row, related, _made(link.related_model, other, found[len(own) :]))
    return row


def add(
    model: type[Model],
    amounts: Mapping[str, Any],
    *,
    where: Mapping[str, Any],
    up_to: Mapping[Any, int] | None = None,
) -> bool:
    """Add to the counters of one row and return True; False when there is none, or it has not enough room.

    `up_to` names counters and what their sum, the amounts included, may come to; one named "-x" is taken off.
    """
    return add_and_read(model, amounts, where=where, up_to=up_to, reading=()) is not None


def add_and_read(
    model: type[Model],
    amounts: Mapping[str, Any],
    *,
    where: Mapping[str, Any],
    up_to: Mapping[Any, int] | None = None,
    reading: Sequence[str],
) -> tuple[int, ...] | None:
    """Do what `add` does; return how the named whole numbers are now, in the same statement, or None."""
    limits, here = up_to or {}, _prepared(model, where)
    room = [limit - sum(amounts.get(name, 0) for name in names) for names, limit in limits.items()]
    # SQLite can since 3.35; before, the row is ours until the transaction ends, and is read once more.
    returned = tuple(reading) if connection.features.can_return_columns_from_insert else ()
    with connection.cursor() as cursor:
        text = _add(model, tuple(amounts), tuple(where), tuple(limits), returned)
        cursor.execute(text, [*_prepared(model, amounts), *here, *room])
        if not returned and cursor.rowcount != 1:
            return None
        if reading and not returned:
            cursor.execute(_numbers(model, tuple(where), tuple(reading)), here)
        found = cursor.fetchone() if reading else ()
    return None if found is None else tuple(found)


def _asking(wish: Look) -> tuple[str, list[Any]]:
    where = dict(wish.where)
    text, _, _ = _select(wish.model, wish.related, tuple(where))
    return text, _prepared(wish.model, where)


def _changing(wish: Change) -> tuple[str, list[Any]]:
    values = _prepared(wish.model, wish.values)
    places = tuple(map(_place, values))
    text = _change(wish.model, tuple(wish.values), places, tuple(wish.where))
    return text, [*_filling(values, places), *_prepared(wish.model, wish.where)]


def _filling(values: Sequence[Any], places: Sequence[str]) -> list[Any]:
    """Return the values that do not stand in the text themselves."""
    return [value for value, place in zip(values, places, strict=True) if place == _VALUE]


def _place(value: Any) -> str:
    """Return what stands for a value. What is empty stands in the text itself: most of a new message is."""
    if value is None:
        return "NULL"
    if value is True or value is False:
        return str(value).upper()
    if isinstance(value, int):
        return _VALUE if value else "0"
    if isinstance(value, str):
        return _VALUE if value else "''"
    json = getattr(value, "obj", None)  # as psycopg wraps it
    return f"'{json}'" if json in ([], {}) else _VALUE


def _prepared(model: type[Model], values: Mapping[str, Any]) -> list[Any]:
    return [_field(model, name).get_db_prep_save(value, connection) for name, value in values.items()]


@cache
def _field(model: type[Model], name: str) -> Field[Any, Any]:
    return next(field for field in model._meta.concrete_fields if name in (field.name, field.attname))


def _made(
    model: Any, readers: Sequence[tuple[str, Sequence[Callable[..., Any]], Any]], values: Sequence[Any]
) -> Any:
    """Return the instance of a row; `readers` tell each column's name, converters and expression."""
    read = []
    for (_, converters, column), value in zip(readers, values, strict=False):
        for convert in converters:
            value = convert(value, column, connection)
        read.append(value)
    return model.from_db(connection.alias, [name for name, _, _ in readers], read)


def _quoted(name: Any) -> str:
    return connection.ops.quote_name(name)


def _column(model: type[Model], name: str) -> str:
    return _quoted(_field(model, name).column)


@lru_cache(maxsize=512)
def _insert(model: type[Model], places: tuple[str, ...]) -> str:
    """Return the statement; `places` are what stands for each value, row after row."""
    columns = [_quoted(field.column) for field in model._meta.concrete_fields]
    width = len(columns)
    rows = [", ".join(places[at : at + width]) for at in range(0, len(places), width)]
    return f"INSERT INTO {_quoted(model._meta.db_table)} ({', '.join(columns)}) VALUES ({'), ('.join(rows)})"  # noqa: S608


@lru_cache(maxsize=512)
def _change(
    model: type[Model], names: tuple[str, ...], places: tuple[str, ...], where: tuple[str, ...]
) -> str:
    changes = ", ".join(
        f"{_column(model, name)} = {place}" for name, place in zip(names, places, strict=True)
    )
    conditions = " AND ".join(f"{_column(model, name)} = %s" for name in where)
    return f"UPDATE {_quoted(model._meta.db_table)} SET {changes} WHERE {conditions}"  # noqa: S608


@cache
def _add(
    model: type[Model],
    names: tuple[str, ...],
    where: tuple[str, ...],
    limits: tuple[tuple[str, ...], ...],
    returned: tuple[str, ...],
) -> str:
    changes = ", ".join(f"{_column(model, name)} = {_column(model, name)} + %s" for name in names)
    conditions = [f"{_column(model, name)} = %s" for name in where]
    conditions += [f"{_sum(model, counters)} <= %s" for counters in limits]
    table = _quoted(model._meta.db_table)
    ending = f" RETURNING {', '.join(_column(model, name) for name in returned)}" if returned else ""
    return f"UPDATE {table} SET {changes} WHERE {' AND '.join(conditions)}{ending}"  # noqa: S608


def _sum(model: type[Model], counters: tuple[str, ...]) -> str:
    signed = (f"{'-' if name[0] == '-' else '+'} {_column(model, name.lstrip('-'))}" for name in counters)
    return " ".join(signed).removeprefix("+ ")


@cache
def _numbers(model: type[Model], where: tuple[str, ...], names: tuple[str, ...]) -> str:
    columns = ", ".join(_column(model, name) for name in names)
    conditions = " AND ".join(f"{_column(model, name)} = %s" for name in where)
    return f"SELECT {columns} FROM {_quoted(model._meta.db_table)} WHERE {conditions}"  # noqa: S608


@cache
def _select(model: type[Model], related: str, where: tuple[str, ...]) -> tuple[str, list[Any], list[Any]]:
    own, other = _readers(model), []
    columns = [f"a.{_quoted(field.column)}" for field in model._meta.concrete_fields]
    tables = f"{_quoted(model._meta.db_table)} a"
    if related:
        link: Any = _field(model, related)
        other = _readers(link.related_model)
        columns += [f"b.{_quoted(field.column)}" for field in link.related_model._meta.concrete_fields]
        tables += f" JOIN {_quoted(link.related_model._meta.db_table)} b"
        tables += f" ON b.{_quoted(link.target_field.column)} = a.{_quoted(link.column)}"
    conditions = " AND ".join(f"a.{_column(model, name)} = %s" for name in where)
    return f"SELECT {', '.join(columns)} FROM {tables} WHERE {conditions} LIMIT 1", own, other  # noqa: S608


def _readers(model: Any) -> list[tuple[str, list[Callable[..., Any]], Any]]:
    readers = []
    for field in model._meta.concrete_fields:
        column = field.get_col(model._meta.db_table)
        converters = connection.ops.get_db_converters(column) + column.get_db_converters(connection)
        readers.append((field.attname, converters, column))
    return readers
