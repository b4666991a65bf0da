"""Checking a value against a JSON Schema, and giving up in time.

The checks are those of `jsonschema`. Around each keyword stands a clock; the keywords that it leaves to an engine which
can't be stopped, or does in quadratic time, are ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import regex
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.validators import extend

Errors = Iterator[ValidationError]
Keyword = Callable[[Any, Any, Any, Any], Errors]


class TooLong(Exception):
    """A check was given up."""


class Clock:
    """Says when to give up: after so many seconds of this thread's own work, however busy the machine is."""

    def __init__(self, seconds: float) -> None:
        self._until = time.thread_time() + seconds

    def left(self) -> float:
        """Return the seconds left. Raises TooLong when there are none."""
        left = self._until - time.thread_time()
        if left <= 0:
            raise TooLong
        return left

    def finds(self, pattern: str, text: str) -> bool:
        """Tell whether the pattern occurs in the text. Raises TooLong."""
        try:
            return regex.search(pattern, text, timeout=self.left(), concurrent=True) is not None
        except TimeoutError:
            raise TooLong from None


def first_error(document: Any, value: Any, *, within_s: float) -> ValidationError | None:
    """Return something that is wrong with the value, None where nothing is. Raises TooLong."""
    clock = Clock(within_s)
    ours = _Keywords(clock)
    keywords: dict[str, Keyword] = {
        **Draft202012Validator.VALIDATORS,
        "pattern": ours.pattern,
        "patternProperties": ours.pattern_properties,
        "additionalProperties": ours.additional_properties,
        "uniqueItems": ours.unique_items,
    }
    timed = {name: _timed(keyword, clock) for name, keyword in keywords.items()}
    validator = extend(Draft202012Validator, timed)(document, format_checker=_FORMATS)
    try:
        return next(validator.iter_errors(value), None)
    except (RecursionError, OverflowError) as error:
        raise TooLong from error


def said(error: ValidationError) -> str:
    """Return what is wrong, and where, in a sentence that is never long."""
    path = "".join(f"/{part}" for part in error.absolute_path)
    return f"At {path[:200] or 'the top'}: {error.message[:300]}"


def _timed(keyword: Keyword, clock: Clock) -> Keyword:
    def checked(validator: Any, value: Any, instance: Any, schema: Any) -> Errors:
        clock.left()
        return keyword(validator, value, instance, schema) or iter(())

    return checked


class _Keywords:
    """Our own ones, by a clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def pattern(self, validator: Any, wanted: str, instance: Any, schema: Any) -> Errors:
        if isinstance(instance, str) and not self._clock.finds(wanted, instance):
            yield ValidationError(f"{instance!r:.200} does not match {wanted!r}")

    def pattern_properties(self, validator: Any, named: dict[str, Any], instance: Any, schema: Any) -> Errors:
        for wanted, inner in named.items() if isinstance(instance, dict) else ():
            for key, value in instance.items():
                if self._clock.finds(wanted, key):
                    yield from validator.descend(value, inner, path=key, schema_path=wanted)

    def additional_properties(
        self, validator: Any, inner: Any, instance: Any, schema: dict[str, Any]
    ) -> Errors:
        named, patterns = schema.get("properties", {}), [*schema.get("patternProperties", {})]
        for key, value in instance.items() if isinstance(instance, dict) else ():
            if key in named or any(self._clock.finds(each, key) for each in patterns):
                continue
            if inner is False:
                yield ValidationError(f"{key!r:.200} is a property that the schema does not have")
            else:
                yield from validator.descend(value, inner, path=key)

    def unique_items(self, validator: Any, wanted: Any, instance: Any, schema: Any) -> Errors:
        if wanted and isinstance(instance, list) and len({*map(_frozen, instance)}) < len(instance):
            yield ValidationError("there are equal items, and each may be there once only")


def _frozen(value: Any) -> Any:
    """Return something that is equal for equal JSON values and can be looked up; 1 is 1.0, but not true."""
    if isinstance(value, dict):
        return "object", frozenset((key, _frozen(each)) for key, each in value.items())
    if isinstance(value, list):
        return "array", tuple(map(_frozen, value))
    return isinstance(value, bool), value


_FORMATS = FormatChecker(("date", "email", "ipv4", "ipv6", "uuid"))


@_FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    """Tell whether a text is a day, a T, a time and an offset (RFC 3339)."""
    if not isinstance(value, str):
        return True
    return "T" in value.upper() and datetime.fromisoformat(value).tzinfo is not None
