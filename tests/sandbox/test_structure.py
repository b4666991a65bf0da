import json
from typing import Any

import jsonschema
import pytest

from tests.sandbox.asking import Sandbox, text_of
from wisqu.sandbox.schemas import Instances, Unsatisfiable

NODE = {
    "type": "object",
    "properties": {"v": {"type": "string"}, "kids": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
    "required": ["v", "kids"],
    "additionalProperties": False,
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "plain": {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]},
    "numbers": {
        "type": "object",
        "properties": {
            "a": {"type": "integer", "minimum": 3, "maximum": 5},
            "b": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            "c": {"type": "integer", "exclusiveMinimum": 0, "multipleOf": 5, "maximum": 5},
            "d": {"type": "integer", "maximum": -3},
            "e": {"type": "number", "multipleOf": 0.5, "minimum": 0.2},
        },
        "required": ["a", "b", "c", "d", "e"],
        "additionalProperties": False,
    },
    "lists": {"type": "array", "items": {"type": "string"}, "minItems": 4, "uniqueItems": True},
    "enum": {"enum": ["meccan", "medinan"]},
    "const": {"type": "object", "properties": {"kind": {"const": "verse"}}, "required": ["kind"]},
    "recursive": {"$defs": {"node": NODE}, "$ref": "#/$defs/node"},
    "all": {"allOf": [{"required": ["a"]}, {"properties": {"a": {"type": "boolean"}}}]},
    "any": {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"x": {"type": "integer"}}}]},
    "pattern": {"type": "string", "pattern": "^[A-Z]{2}-\\d{3,5}(x|y)?$"},
    "reference": {"type": "string", "pattern": "^(surah|ayah):[0-9]+$", "minLength": 9},
    "length": {"type": "string", "minLength": 30, "maxLength": 31},
    "nullable": {"type": ["string", "null"]},
    "date": {"type": "string", "format": "date"},
    "open": {"type": "object", "required": ["anything"], "minProperties": 3},
}


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("language", ["en", "ar", "fa", "ur"])
def test_instances_are_valid(name: str, language: str) -> None:
    value = Instances(SCHEMAS[name], language=language, seed="a question").make()
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(SCHEMAS[name], format_checker=checker).validate(value)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"$ref": "#/$defs/none"},
        {"$ref": "https://example.org/schema"},
        {
            "$defs": {"n": {"required": ["n"], "properties": {"n": {"$ref": "#/$defs/n"}}}},
            "$ref": "#/$defs/n",
        },
        {"type": "string", "pattern": "\\p{L}"},
    ],
)
def test_what_cannot_be_met_is_said(schema: dict[str, Any]) -> None:
    with pytest.raises(Unsatisfiable):
        Instances(schema, language="en", seed="").make()


def asked(name: str) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMAS[name]}}}


def test_an_answer_obeys_the_schema_in_the_questions_language(box: Sandbox) -> None:
    answer = box.complete("عنوان این متن چیست؟", **asked("plain"))["choices"][0]["message"]["content"]
    value = json.loads(answer)
    jsonschema.validate(value, SCHEMAS["plain"])
    assert any("\u0600" <= char <= "\u06ff" for char in value["title"])


def test_a_streamed_answer_obeys_it_too(box: Sandbox) -> None:
    jsonschema.validate(json.loads(text_of(box.events("hi", **asked("numbers")))), SCHEMAS["numbers"])


def test_json_mode_answers_an_object(box: Sandbox) -> None:
    reply = box.complete("hi", response_format={"type": "json_object"})
    assert isinstance(json.loads(reply["choices"][0]["message"]["content"]), dict)


def test_a_schema_no_answer_can_meet_is_400(box: Sandbox) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"$ref": "#/$defs/none"}}}
    assert box.post("hi", response_format=schema).status_code == 400


def test_a_structure_can_be_wrong_once_and_right_when_repaired(box: Sandbox) -> None:
    question = {"role": "user", "content": "[[fault:bad-structure times=1 key=r]] [[pace:fast]]"}
    wrong = box.complete([question], **asked("plain"))["choices"][0]["message"]["content"]
    repair = [
        question,
        {"role": "assistant", "content": wrong},
        {"role": "user", "content": "[[pace:fast]] Repair it"},
    ]
    right = box.complete(repair, **asked("plain"))["choices"][0]["message"]["content"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(wrong), SCHEMAS["plain"])
    jsonschema.validate(json.loads(right), SCHEMAS["plain"])


def test_a_structure_can_stay_wrong_through_a_repair(box: Sandbox) -> None:
    question = {"role": "user", "content": "[[fault:bad-structure-json]]"}
    repair = [
        question,
        {"role": "assistant", "content": "{"},
        {"role": "user", "content": "[[pace:fast]] Repair it"},
    ]
    with pytest.raises(json.JSONDecodeError):
        json.loads(box.complete(repair, **asked("plain"))["choices"][0]["message"]["content"])


def test_a_structure_can_come_in_a_code_fence(box: Sandbox) -> None:
    answer = box.complete("[[fault:fenced-structure]]", **asked("plain"))["choices"][0]["message"]["content"]
    assert answer.startswith("```json\n")
    assert answer.endswith("\n```")


def test_a_tool_is_called_with_arguments_its_schema_allows(box: Sandbox) -> None:
    tool = {"type": "function", "function": {"name": "find", "parameters": SCHEMAS["numbers"]}}
    choice = box.complete("[[tool:find]]", tools=[tool])["choices"][0]
    (call,) = choice["message"]["tool_calls"]
    assert choice["finish_reason"] == "tool_calls"
    jsonschema.validate(json.loads(call["function"]["arguments"]), SCHEMAS["numbers"])


def test_tools_are_accepted_without_being_called(box: Sandbox) -> None:
    tool = {"type": "function", "function": {"name": "find", "parameters": SCHEMAS["plain"]}}
    assert box.complete("[[words:2]]", tools=[tool])["choices"][0]["message"]["content"] == "w1 w2"
