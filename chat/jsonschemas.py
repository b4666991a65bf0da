"""JSON Schemas (2020-12) from outside: which are accepted, and whether an answer obeys one. Pure, and never long.

Such a schema is a program that somebody else wrote. It may refer to itself without end, double its work with every
level, or carry a pattern that takes years. So it is measured before it is used, and every check has a moment at which
it gives up; patterns are matched by an engine that can be told so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any
from urllib.parse import unquote

import msgspec
import regex
from jsonschema import Draft202012Validator

from chat.obeying import TooLong, first_error, said
from wisqu.api.bodies import parse_json
from wisqu.api.problems import Problem

DIALECT = "https://json-schema.org/draft/2020-12/schema"

MOST_BYTES = 64 * 1024
MOST_DEPTH = 40
MOST_SUBSCHEMAS = 300
MOST_REFERENCES = 200
MOST_VALUES = 4_000
LONGEST_PATTERN = 500
MOST_IN_PATTERNS = 2_000  # characters
# How many subschemas may have to be looked at for one value: a chain of doublings passes it after a dozen links.
MOST_WORK = 2_000
LONGEST_ANSWER = 2_000_000
DEEPEST_ANSWER = 100
# Seconds of work; real schemas and answers take milliseconds.
CHECK_WITHIN_S = 1.0
VALIDATE_WITHIN_S = 3.0

_HERE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas")  # about the same value
_ONE = ("items", "contains", "not", "if", "then", "else", "additionalProperties", "unevaluatedProperties",
        "unevaluatedItems", "propertyNames", "contentSchema")  # fmt: skip
_MANY = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")


class BadSchema(ValueError):
    """The schema can't be used; the text says why, in words for whoever wrote it."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema that was accepted."""

    document: dict[str, Any]

    def read(self, text: str) -> Any:
        """Return the value of an answer. Raises Disobeyed, with words for the model that wrote it."""
        value = _value(text)
        try:
            error = first_error(self.document, value, within_s=VALIDATE_WITHIN_S)
        except TooLong:
            raise Disobeyed("Checking the value against the schema takes too long: write less.") from None
        if error is not None:
            raise Disobeyed(said(error))
        return value


class Disobeyed(ValueError):
    """An answer is not what its schema asks for."""


def accept(document: object) -> Schema:
    """Return the schema. Raises BadSchema for one that is not 2020-12, refers elsewhere, or would take too long."""
    if not isinstance(document, dict):
        raise BadSchema("A schema is a JSON object.")
    _measure(document)
    places = dict(_places(document))
    if len(places) > MOST_SUBSCHEMAS:
        raise BadSchema(f"A schema has at most {MOST_SUBSCHEMAS} subschemas.")
    _check_dialect(document, places)
    _check_patterns(places)
    _check_work(places)
    _check_form(document)
    return Schema(document)


# --- limits -----------------------------------------------------------------------------------------------


def _measure(document: dict[str, Any]) -> None:
    """Refuse what is too deep, too much or too long, without recursion."""
    pending: list[tuple[Any, int]] = [(document, 1)]
    values = 0
    while pending:
        value, depth = pending.pop()
        values += 1
        if depth > MOST_DEPTH:
            raise BadSchema(f"A schema is nested at most {MOST_DEPTH} levels deep.")
        if values > MOST_VALUES:
            raise BadSchema(f"A schema holds at most {MOST_VALUES:,} values.")
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        if len(inner) > MOST_VALUES:
            raise BadSchema(f"A schema holds at most {MOST_VALUES:,} values.")
        pending.extend((each, depth + 1) for each in inner)
    if len(msgspec.json.encode(document)) > MOST_BYTES:
        raise BadSchema(f"A schema has at most {MOST_BYTES // 1024} kB.")


def _places(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield every subschema with the pointer that names it; what is only data (`enum`, `const`) is none."""
    pending: list[tuple[str, Any]] = [("", document)]
    while pending:
        pointer, schema = pending.pop()
        yield pointer, schema
        if isinstance(schema, dict):
            pending.extend((f"{pointer}/{step}", each) for step, each in _inner(schema))


def _inner(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in schema.items():
        if name in _ONE:
            yield name, value
        elif name in _MANY and isinstance(value, list):
            yield from ((f"{name}/{index}", each) for index, each in enumerate(value))
        elif name in _NAMED and isinstance(value, dict):
            yield from ((f"{name}/{_escaped(key)}", each) for key, each in value.items())


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _check_dialect(document: dict[str, Any], places: Mapping[str, Any]) -> None:
    if (
        document.get("$schema", DIALECT).rstrip("#") != DIALECT
        if isinstance(document.get("$schema", DIALECT), str)
        else True
    ):
        raise BadSchema(f"The dialect is JSON Schema 2020-12: {DIALECT}.")
    for pointer, schema in places.items():
        if pointer and isinstance(schema, dict) and "$id" in schema:
            raise BadSchema(f"#{pointer}: only the whole schema may have an $id.")
    keywords = {name for schema in places.values() if isinstance(schema, dict) for name in schema}
    looks_back = keywords & {"unevaluatedProperties", "unevaluatedItems"}
    if looks_back and keywords & {"patternProperties", "dependentSchemas"}:
        raise BadSchema("unevaluated… does not go together with patternProperties or dependentSchemas here.")


def _check_patterns(places: Mapping[str, Any]) -> None:
    patterns = [found for pointer, schema in places.items() for found in _patterns(pointer, schema)]
    if sum(len(pattern) for _, pattern in patterns) > MOST_IN_PATTERNS:
        raise BadSchema(f"All patterns of a schema have at most {MOST_IN_PATTERNS:,} characters.")
    for pointer, pattern in patterns:
        if len(pattern) > LONGEST_PATTERN:
            raise BadSchema(f"#{pointer}: a pattern has at most {LONGEST_PATTERN} characters.")
        try:
            regex.compile(pattern)
        except (regex.error, RecursionError, OverflowError, ValueError) as error:
            raise BadSchema(f"#{pointer}: the pattern can't be read: {error}.") from None


def _patterns(pointer: str, schema: Any) -> Iterator[tuple[str, str]]:
    if isinstance(schema, dict):
        named = schema.get("patternProperties")
        yield from ((pointer, pattern) for pattern in (named if isinstance(named, dict) else ()))
        if isinstance(schema.get("pattern"), str):
            yield pointer, schema["pattern"]


def _check_work(places: Mapping[str, Any]) -> None:
    """Refuse references that lead elsewhere or nowhere, and schemas whose parts multiply, or never end."""
    graph = {pointer: _same_value(pointer, schema, places) for pointer, schema in places.items()}
    references = sum(_is_reference(schema) for schema in places.values())
    if references > MOST_REFERENCES:
        raise BadSchema(f"A schema has at most {MOST_REFERENCES} references.")
    work: dict[str, int] = {}
    try:
        for pointer in TopologicalSorter(graph).static_order():
            work[pointer] = 1 + sum(work[each] for each in graph[pointer])
            if work[pointer] > MOST_WORK:
                raise BadSchema(
                    f"#{pointer}: its references multiply; checking one value would take too long."
                )
    except CycleError as error:
        raise BadSchema(f"#{error.args[1][0]} refers to itself without end.") from None


def _is_reference(schema: Any) -> bool:
    return isinstance(schema, dict) and ("$ref" in schema or "$dynamicRef" in schema)


def _same_value(pointer: str, schema: Any, places: Mapping[str, Any]) -> list[str]:
    """Return the subschemas that are applied to the very value that this one is applied to."""
    if not isinstance(schema, dict):
        return []
    inner = [f"{pointer}/{step}" for step, _ in _inner(schema) if step.partition("/")[0] in _HERE]
    named = [schema[name] for name in ("$ref", "$dynamicRef") if name in schema]
    return inner + [_target(pointer, reference, places) for reference in named]


def _target(pointer: str, reference: object, places: Mapping[str, Any]) -> str:
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise BadSchema(f"#{pointer}: references stay inside the schema, like #/$defs/name.")
    name = unquote(reference[1:])
    if name.startswith("/") or not name:
        found = name if name in places else None
    else:
        anchors = ("$anchor", "$dynamicAnchor")
        found = next(
            (
                place
                for place, schema in places.items()
                if isinstance(schema, dict) and name in [schema.get(each) for each in anchors]
            ),
            None,
        )
    if found is None:
        raise BadSchema(f"#{pointer}: {reference} names no subschema.")
    return found


def _check_form(document: dict[str, Any]) -> None:
    try:
        error = first_error(Draft202012Validator.META_SCHEMA, document, within_s=CHECK_WITHIN_S)
    except TooLong:
        raise BadSchema("The schema takes too long to check: make it smaller.") from None
    if error is not None:
        raise BadSchema(said(error))


# --- answers ----------------------------------------------------------------------------------------------


def _value(text: str) -> Any:
    """Return the JSON value of an answer, which models like to put into a code fence."""
    bare = text.strip()
    if bare.startswith("```") and bare.endswith("```") and "\n" in bare:
        bare = bare.partition("\n")[2].removesuffix("```")
    if len(bare) > LONGEST_ANSWER:
        raise Disobeyed(f"The answer has more than {LONGEST_ANSWER:,} characters.")
    try:
        value = parse_json(bare)
    except Problem as problem:
        raise Disobeyed(problem.detail.replace("The body", "The answer")) from None
    if _is_deeper(value, DEEPEST_ANSWER):
        raise Disobeyed(f"The answer is nested more than {DEEPEST_ANSWER} levels deep.")
    return value


def _is_deeper(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
        ]
        if not level:
            return False
    return True
