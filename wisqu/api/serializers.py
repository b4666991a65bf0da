"""Serializers that refuse what they don't know, so that a misspelt or forbidden field is never silently lost."""

from __future__ import annotations

from itertools import islice
from typing import Any

from rest_framework import serializers

# What JSON has to bring for a field. DRF by itself also takes a number for a text, and "yes" or 1 for true.
_JSON: tuple[tuple[type[serializers.Field[Any, Any, Any, Any]], type | tuple[type, ...]], ...] = (
    (serializers.BooleanField, bool),
    (serializers.IntegerField, int),
    (serializers.FloatField, (int, float)),
    (serializers.CharField, str),
    (serializers.UUIDField, str),
)
# Unknown fields that are named. Somebody may send a hundred thousand, and each would cost more than it did to send.
MOST_NAMED = 20


def _fits(field: Any, value: Any) -> bool:
    """Tell whether a JSON value is of the field's type; null and what is in nested objects they judge themselves."""
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        return all(_fits(field.child, item) for item in value)
    if isinstance(field, serializers.ChoiceField):
        return value in (None, "") or type(value) in set(map(type, field.choices))
    wanted = next((types for kind, types in _JSON if isinstance(field, kind)), object)
    return value is None or (
        isinstance(value, wanted) and (wanted in (bool, object) or not isinstance(value, bool))
    )


def _too_many(field: Any, value: Any) -> bool:
    """Tell whether a list is longer than it may be. DRF by itself looks at every item first."""
    most = getattr(field, "max_length", None)
    return (
        isinstance(field, serializers.ListField)
        and isinstance(value, list)
        and len(value) > (most or len(value))
    )


def _wrong(field: Any, value: Any) -> serializers.ErrorDetail | None:
    """Return what is wrong with a value before it is looked at more closely."""
    if _too_many(field, value):
        detail = field.error_messages["max_length"].format(max_length=field.max_length)
        return serializers.ErrorDetail(detail, code="max_length")
    if not _fits(field, value):
        return serializers.ErrorDetail("It is of another type.", code="invalid")
    return None


class StrictFields:
    """Mixin: unknown fields in the input are an error each, code `unknown_field`; so are values of another type."""

    # Whether all values come as text, as those of an address do.
    reads_texts = False

    def to_internal_value(self, data: Any) -> Any:
        """Check names and types before the values."""
        if isinstance(data, dict):
            known = {name: field for name, field in self.fields.items() if not field.read_only}  # type: ignore[attr-defined]
            wrong = {
                str(name): serializers.ErrorDetail("There is no such field.", code="unknown_field")
                for name in islice((name for name in data if name not in known), MOST_NAMED)
            }
            if not self.reads_texts:
                found = {name: _wrong(field, data[name]) for name, field in known.items() if name in data}
                wrong |= {name: error for name, error in found.items() if error is not None}
            if wrong:
                raise serializers.ValidationError(wrong)
        return super().to_internal_value(data)  # type: ignore[misc]


class StrictSerializer(StrictFields, serializers.Serializer[Any]):
    """A plain serializer that refuses unknown fields."""


class StrictModelSerializer(StrictFields, serializers.ModelSerializer[Any]):
    """A model serializer that refuses unknown fields."""
