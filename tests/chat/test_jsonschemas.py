"""Schemas from outside: which are accepted, what obeys them, and that none takes long."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest

from chat import jsonschemas
from chat.jsonschemas import BadSchema, Disobeyed, accept

VERSE = {
    "type": "object",
    "properties": {"surah": {"type": "integer", "minimum": 1, "maximum": 114}, "ayah": {"type": "integer"}},
    "required": ["surah", "ayah"],
    "additionalProperties": False,
}
TREE = {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#"}}}}
# Each level has the next one checked twice against the same value, or against the same member of it.
DOUBLING = {
    "$defs": {f"a{k}": {"allOf": [{"$ref": f"#/$defs/a{k + 1}"}] * 2} for k in range(40)}
    | {"a40": {"type": "string"}},
    "$ref": "#/$defs/a0",
}
TWICE = {"$defs": {"x": {"allOf": [{"properties": {"a": {"$ref": "#/$defs/x"}}}] * 2}}, "$ref": "#/$defs/x"}


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (VERSE, {"surah": 2, "ayah": 255}),
        (TREE, {"kids": [{"kids": []}, {}]}),
        ({"$schema": jsonschemas.DIALECT, "$id": "urn:mine", "type": "null"}, None),
        ({"$anchor": "n", "properties": {"k": {"$ref": "#n"}, "$ref": {"type": "string"}}}, {"$ref": "x"}),
        ({"prefixItems": [{"const": 1}], "items": False}, [1]),
        ({"enum": [{"$ref": "not a reference"}]}, {"$ref": "not a reference"}),
        ({"patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": False}, {"x1": 1}),
        ({"type": "string", "pattern": r"^\p{Arabic}+$"}, "سلام"),
        ({"uniqueItems": True}, [1, True, "1", [1], {"a": 1}]),
        ({"allOf": [{"properties": {"a": True}}], "unevaluatedProperties": False}, {"a": 1}),
        ({"format": "date-time"}, "2026-11-23T02:00:00Z"),
        ({"$defs": {"a/b": {"type": "integer"}}, "$ref": "#/$defs/a~1b"}, 5),
    ],
)
def test_a_value_that_obeys_is_returned(schema: dict[str, Any], value: Any) -> None:
    assert accept(schema).read(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("schema", "text", "why"),
    [
        (VERSE, '{"surah": 115, "ayah": 1}', "At /surah: 115 is greater than the maximum of 114"),
        (VERSE, '{"surah": 1}', "'ayah' is a required property"),
        (VERSE, '{"surah": 1, "ayah": 1, "x": 1}', "'x' is a property that the schema does not have"),
        (TREE, '{"kids": [{"kids": 5}]}', "At /kids/0/kids: 5 is not of type 'array'"),
        ({"uniqueItems": True}, "[[1], [1.0]]", "equal items"),
        ({"format": "date-time"}, '"2026-11-23"', "is not a 'date-time'"),
        ({"patternProperties": {"^x": {"type": "null"}}}, '{"xy": 1}', "At /xy"),
        ({}, "Here you are: {}", "not valid JSON"),
        ({}, '{"a": NaN}', "not valid JSON"),
        ({}, r'"\u0000"', "NUL"),
        ({}, "[" * 200 + "]" * 200, "nested more than 100"),
    ],
)
def test_what_disobeys_is_told_why(schema: dict[str, Any], text: str, why: str) -> None:
    with pytest.raises(Disobeyed, match=why):
        accept(schema).read(text)


def test_an_answer_in_a_code_fence_is_read() -> None:
    assert accept(VERSE).read('```json\n{"surah": 1, "ayah": 7}\n```') == {"surah": 1, "ayah": 7}


def test_what_is_said_is_short() -> None:
    with pytest.raises(Disobeyed) as found:
        accept({"type": "integer"}).read(json.dumps("x" * 100_000))
    assert len(str(found.value)) < 400


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ([], "is a JSON object"),
        ({"type": "strin"}, "At /type"),
        ({"required": "a"}, "At /required"),
        ({"properties": {"a": 5}}, "At /properties/a"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "2020-12"),
        ({"$ref": "https://example.org/schema"}, "stay inside"),
        ({"$ref": "file:///etc/passwd"}, "stay inside"),
        ({"items": {"$dynamicRef": "other.json#a"}}, "stay inside"),
        ({"$ref": "#/$defs/none"}, "names no subschema"),
        ({"$ref": "#/enum/0", "enum": [{"$ref": "https://example.org"}]}, "names no subschema"),
        ({"$defs": {"a": {"$id": "https://example.org/a"}}}, "only the whole schema"),
        ({"pattern": "("}, "can't be read"),
        ({"pattern": "a" * 501}, "at most 500 characters"),
        ({"properties": {str(k): {"pattern": "a" * 400} for k in range(6)}}, "at most 2,000 characters"),
        ({"unevaluatedItems": False, "patternProperties": {}}, "does not go together"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_with_the_reason(schema: Any, why: str) -> None:
    with pytest.raises(BadSchema, match=why):
        accept(schema)


@pytest.mark.parametrize(
    "schema",
    [
        nested(900),
        {"enum": list(range(100_000))},
        {"properties": {str(k): {} for k in range(1_000)}},
        {"const": "x" * 70_000},
        {"$ref": "#"},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"not": {"$ref": "#/$defs/a"}}}},
        {"items": [{"$ref": "#"}] * 250, "anyOf": [{"properties": {"a": {"$ref": "#"}}}] * 250},
        DOUBLING,
    ],
    ids=["deep", "huge enum", "many", "long", "itself", "loop", "many references", "doubling"],
)
def test_a_hostile_schema_is_refused_at_once(schema: dict[str, Any]) -> None:
    begun = time.thread_time()
    with pytest.raises(BadSchema):
        accept(schema)
    assert time.thread_time() - begun < 0.5


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (TWICE, '{"a":' * 60 + "{}" + "}" * 60),
        ({"pattern": "^(a|a)+$"}, json.dumps("a" * 5_000 + "b")),
        ({"patternProperties": {"^(a+)+$": True}}, json.dumps({"a" * 5_000 + "b": 1})),
        ({"uniqueItems": True}, json.dumps([{} for _ in range(20_000)])),
    ],
    ids=["branching recursion", "pattern", "pattern of names", "quadratic"],
)
def test_no_answer_takes_long(schema: dict[str, Any], text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonschemas, "VALIDATE_WITHIN_S", 0.2)
    begun = time.thread_time()
    with contextlib.suppress(Disobeyed):
        accept(schema).read(text)
    assert time.thread_time() - begun < 3
