"""What DRF takes from JSON: values of the field's own type and nothing that could be read as one."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework import serializers

from wisqu.api.serializers import StrictSerializer


class Sample(StrictSerializer):
    text = serializers.CharField(required=False, allow_null=True)
    number = serializers.FloatField(required=False)
    count = serializers.IntegerField(required=False)
    flag = serializers.BooleanField(required=False)
    names = serializers.ListField(child=serializers.CharField(), required=False)
    few = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=3)
    choice = serializers.ChoiceField(choices=["a"], required=False)
    version = serializers.ChoiceField(choices=[1], required=False)


class FromAddress(Sample):
    reads_texts = True


WRONG = [("text", 5), ("text", True), ("text", ["a"]), ("number", "1.5"), ("number", True), ("count", "3"),
         ("count", 3.0), ("flag", "yes"), ("flag", 1), ("flag", 0), ("names", ["a", 5]), ("names", "a"), ("choice", 1),
         ("version", True), ("version", "1")]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_value_of_another_type_is_an_error_of_its_field(name: str, value: Any) -> None:
    given = Sample(data={name: value})
    assert not given.is_valid()
    assert list(given.errors) == [name]


def test_what_is_wrong_is_told_all_at_once() -> None:
    given = Sample(data={"text": 5, "flag": "no", "colour": 1})
    assert not given.is_valid()
    assert {name: found.code for name, found in given.errors.items()} == {
        "text": "invalid",
        "flag": "invalid",
        "colour": "unknown_field",
    }


def test_values_of_their_type_pass_and_texts_of_an_address_are_read() -> None:
    sent = {"text": None, "number": 1, "count": 3, "flag": False, "names": ["a"], "choice": "a", "version": 1}
    assert Sample(data=sent).is_valid()
    assert FromAddress(data={"count": "3", "flag": "true"}).is_valid()


def test_of_very_many_unknown_fields_some_are_named() -> None:
    given = Sample(data={f"k{number}": 1 for number in range(1000)})
    assert not given.is_valid()
    assert list(given.errors) == [f"k{number}" for number in range(20)]


def test_a_list_that_is_too_long_is_not_looked_into() -> None:
    given = Sample(data={"few": ["no id"] * 4})
    assert not given.is_valid()
    assert [(name, error.code) for name, error in given.errors.items()] == [("few", "max_length")]
