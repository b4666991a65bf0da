"""What reports are asked with, and how they look outside: described by the values of `analytics.results` themselves.

Money is a JSON number of USD. Whoever may not see money is given null in its place.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from rest_framework import serializers

from analytics import reports
from analytics.days import DEFAULT_DAYS, MOST_DAYS, Days, Granularity, today
from analytics.results import (
    CacheFigures,
    FallbackMove,
    ModelStep,
    ModelUsage,
    PlanShare,
    PlanStep,
    SystemStats,
    TopUser,
    TrendPoint,
    UserStep,
)
from wisqu.api.serializers import StrictSerializer

MOST_USERS = 100


class QuerySerializer(StrictSerializer):
    """The days that a report is about: the last `days`, or those `from` … `to`; without any the last 30.

    Days are those of UTC. `to` is today where only `from` is given.
    """

    reads_texts = True

    to = serializers.DateField(required=False, help_text="The last day, included.")
    days = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_DAYS,
        help_text=f"So many days up to today, or up to `to`; {DEFAULT_DAYS} where nothing else is said.",
    )
    granularity = serializers.ChoiceField(
        choices=[each.value for each in Granularity],
        required=False,
        help_text="Also tell the figures of each step; weeks begin on Monday.",
    )
    format = serializers.ChoiceField(choices=["json", "csv"], required=False)

    def get_fields(self) -> dict[str, Any]:
        """Add the field whose name Python keeps for itself."""
        first = serializers.DateField(required=False, help_text="The first day, included.")
        return {"from": first, **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Make one range of what was given."""
        if "from" in attrs and "days" in attrs:
            raise serializers.ValidationError({"days": "Give either days or from, not both."})
        last = attrs.get("to") or today()
        first = attrs.get("from")
        try:
            attrs["range"] = (
                Days(first, last) if first else Days.lately(attrs.get("days", DEFAULT_DAYS), until=last)
            )
        except (ValueError, OverflowError):
            detail = f"It is at most {MOST_DAYS} days after the first day, and not before it."
            raise serializers.ValidationError({"to": detail}) from None
        if "granularity" in attrs:
            attrs["granularity"] = Granularity(attrs["granularity"])
        return attrs


class TrendQuerySerializer(QuerySerializer):
    """With the measures of the series."""

    measures = serializers.CharField(
        required=False,
        help_text=f"Names with commas between them; all of them when it is left out: {', '.join(reports.MEASURES)}.",
    )

    def validate_measures(self, value: str) -> list[str]:
        """Return the names, each once."""
        names = list(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))
        unknown = [name for name in names if name not in reports.MEASURES]
        if unknown:
            raise serializers.ValidationError(
                f"There is no measure {unknown[0][:50]!r}.", code="unknown_measure"
            )
        return names


class TopQuerySerializer(QuerySerializer):
    """With what users are ranked by, and how many are wanted."""

    by = serializers.ChoiceField(choices=list(reports.RANKINGS), default="cost")
    limit = serializers.IntegerField(min_value=1, max_value=MOST_USERS, default=20)


def plain(value: Any, *, sees_money: bool) -> Any:
    """Return a result, or a list of them, as what JSON is made of: fields, then properties."""
    if isinstance(value, list):
        return [plain(each, sees_money=sees_money) for each in value]
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    return {
        name: None
        if _is_money(name) and not sees_money
        else plain(getattr(value, name), sees_money=sees_money)
        for name in members(type(value))
    }


def without_money(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the measures of a point with null for those of money."""
    return {name: None if _is_money(name) else value for name, value in values.items()}


def _is_money(name: str) -> bool:
    return name.endswith("_usd") or name in ("revenue_elsewhere", "margin_rate", "savings_rate")


def members(result: type) -> list[str]:
    """Return the names of what a result tells, in order: its fields, then what is worked out from them."""
    worked_out = [name for name, value in vars(result).items() if isinstance(value, property)]
    return [field.name for field in dataclasses.fields(result)] + worked_out


@cache
def described(result: type) -> Any:
    """Return the serializer that describes a result, for the OpenAPI document."""
    hints = typing.get_type_hints(result)
    attributes: dict[str, Any] = {"__doc__": inspect.getdoc(result)}
    for name in members(result):
        own: Any = vars(result).get(name)
        is_worked_out = isinstance(own, property)
        hint = typing.get_type_hints(own.fget)["return"] if is_worked_out else hints[name]
        text = {"help_text": inspect.getdoc(own)} if is_worked_out else {}
        attributes[name] = _field(hint, is_hidden=_is_money(name), **text)
    return type(f"{result.__name__}FiguresSerializer", (serializers.Serializer,), attributes)


_FIELDS: dict[Any, type[serializers.Field[Any, Any, Any, Any]]] = {
    int: serializers.IntegerField,
    float: serializers.FloatField,
    Decimal: serializers.FloatField,
    str: serializers.CharField,
    date: serializers.DateField,
    datetime: serializers.DateTimeField,
    UUID: serializers.UUIDField,
}


def _field(hint: Any, *, is_hidden: bool, **options: Any) -> Any:
    of, kinds = typing.get_origin(hint), typing.get_args(hint)
    if of in (types.UnionType, typing.Union):
        kept = [kind for kind in kinds if kind is not type(None)]
        # What may be of several kinds of numbers is a number.
        return _field(Decimal if len(kept) > 1 else kept[0], is_hidden=len(kept) < len(kinds), **options)
    nullable: dict[str, Any] = {"allow_null": True} if is_hidden else {}
    if of is list:
        return described(kinds[0])(many=True, **options)
    if of is dict:
        return serializers.DictField(child=_field(kinds[1], is_hidden=False), **nullable, **options)
    if dataclasses.is_dataclass(hint):
        return described(hint)(**options)  # type: ignore[arg-type]
    return _FIELDS[hint](**nullable, **options)


class _Ranged(serializers.Serializer[Any]):
    """The days that it is about, both included."""

    def get_fields(self) -> dict[str, Any]:
        """Begin with the range."""
        return {"from": serializers.DateField(), "to": serializers.DateField(), **super().get_fields()}


class SystemStatsSerializer(_Ranged, described(SystemStats)):  # type: ignore[misc]
    """The business in all; `series` where a granularity was asked for."""

    first = None  # `from` and `to` say it
    last = None
    series = described(TrendPoint)(many=True, required=False)


class PlanDistributionSerializer(_Ranged):
    """All plans, the smallest first."""

    results = described(PlanShare)(many=True)
    series = described(PlanStep)(many=True, required=False)


class UsageTrendsSerializer(_Ranged):
    """One series for each measure."""

    granularity = serializers.ChoiceField(choices=[each.value for each in Granularity])
    measures = serializers.ListField(child=serializers.CharField())
    points = described(TrendPoint)(many=True)


class TopUserSerializer(described(TopUser)):  # type: ignore[misc]
    """One user."""

    email = serializers.CharField(allow_null=True)


class TopUsersSerializer(_Ranged):
    """Those who used most."""

    by = serializers.ChoiceField(choices=list(reports.RANKINGS))
    results = TopUserSerializer(many=True)
    series = described(UserStep)(many=True, required=False)


class ModelUsageSerializer(_Ranged):
    """All models that were used, and who helped out whom."""

    results = described(ModelUsage)(many=True)
    fallbacks = described(FallbackMove)(many=True)
    series = described(ModelStep)(many=True, required=False)


class CacheTotalSerializer(described(CacheFigures)):  # type: ignore[misc]
    """All models and days."""

    model = None
    day = None


class CacheModelSerializer(described(CacheFigures)):  # type: ignore[misc]
    """One model."""

    day = None


class CacheStepSerializer(described(CacheFigures)):  # type: ignore[misc]
    """One step of days, which begins with `day`."""

    model = None


class CachePerformanceSerializer(_Ranged):
    """Prompt caching in all, by model and by step."""

    total = CacheTotalSerializer()
    models = CacheModelSerializer(many=True)
    series = CacheStepSerializer(many=True)
