"""The doors to the reports, for staff: JSON, or the same as CSV. They translate; `reports` has every number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics import reports
from analytics import serializers as forms
from analytics.days import Days, Granularity
from wisqu.accounts.models import User
from wisqu.api import csvs
from wisqu.api.problems import Forbidden

TAGS = ["analytics"]
# Who may see the ledger may see money, and who may see users their addresses; to the rest of the staff they are
# null, as in the console.
SEES_MONEY, SEES_PEOPLE = "billing.view_ledgerentry", "accounts.view_user"


class IsStaff(BasePermission):
    """Only staff; 403 `staff_required` for others."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Let staff in. Raises Forbidden."""
        if isinstance(request.user, User) and request.user.is_staff:
            return True
        raise Forbidden(code="staff_required", detail="Only staff can see the numbers of the business.")


class _Report(APIView):
    """One report: what it is asked with, what it answers, and which of it is a table."""

    permission_classes = (IsAuthenticated, IsStaff)
    query: type[forms.QuerySerializer] = forms.QuerySerializer
    name = ""

    def answer(self, request: Request) -> Any:
        """Return the report in the form that was asked for."""
        asked = self.query(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        wishes = asked.validated_data
        days = wishes["range"]
        sees_money = request.user.has_perm(SEES_MONEY)
        body = {"from": days.first, "to": days.last, **self.report(days, wishes, sees_money)}
        if wishes.get("format") != "csv":
            return Response(body)
        rows = self.rows(body, wishes.get("granularity"))
        name = f"{self.name}-{days.first}-{days.last}.csv"
        return csvs.as_file(request._request, name, csvs.table(*_in_columns(rows)))

    def report(self, days: Days, wishes: Mapping[str, Any], sees_money: bool) -> dict[str, Any]:
        """Return the figures."""
        raise NotImplementedError

    def rows(self, body: dict[str, Any], granularity: Granularity | None) -> Sequence[Mapping[str, Any]]:
        """Return what of the body is the table: the steps where a granularity was asked for, else the whole days."""
        found: list[dict[str, Any]] = body["series"] if granularity else body["results"]
        return found


def _in_columns(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], Iterable[list[Any]]]:
    """Return the heads, and the cells of each row in their order."""
    heads = list(rows[0]) if rows else []
    return heads, ([_cell(row[name]) for name in heads] for row in rows)


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return "; ".join(f"{name} {each}" for name, each in value.items())
    return value


def _documented(name: str, answer: Any, query: type[forms.QuerySerializer]) -> Callable[[Any], Any]:
    """Describe a report in the OpenAPI document."""
    answers = {
        (200, "application/json"): OpenApiResponse(answer),
        (200, "text/csv"): OpenApiResponse(str, description="The same as a table, with `format=csv`."),
    }
    return extend_schema(operation_id=f"analytics_{name}", tags=TAGS, parameters=[query], responses=answers)


def _points(points: Sequence[reports.TrendPoint], sees_money: bool) -> list[dict[str, Any]]:
    return [
        {"start": point.start, "values": point.values if sees_money else forms.without_money(point.values)}
        for point in points
    ]


def _flat(points: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"start": point["start"], **point["values"]} for point in points]


class SystemStats(_Report):
    """GET /analytics/system-stats."""

    name = "system-stats"

    @_documented("system_stats", forms.SystemStatsSerializer, forms.QuerySerializer)
    def get(self, request: Request) -> Any:
        """Return the figures of the whole business."""
        return self.answer(request)

    def report(self, days: Days, wishes: Mapping[str, Any], sees_money: bool) -> dict[str, Any]:
        """Return the figures, and a series of all measures."""
        stats = forms.plain(reports.system_stats(days), sees_money=sees_money)
        body = {name: value for name, value in stats.items() if name not in ("first", "last")}
        if granularity := wishes.get("granularity"):
            trend = reports.usage_trends(days, granularity=granularity)
            body["series"] = _points(trend.points, sees_money)
        return body

    def rows(self, body: dict[str, Any], granularity: Granularity | None) -> Sequence[Mapping[str, Any]]:
        """Return the one row, or the steps."""
        return _flat(body["series"]) if granularity else [body]


class PlanDistribution(_Report):
    """GET /analytics/plan-distribution."""

    name = "plan-distribution"

    @_documented("plan_distribution", forms.PlanDistributionSerializer, forms.QuerySerializer)
    def get(self, request: Request) -> Any:
        """Return how many are on which plan now, and what each plan brought and cost."""
        return self.answer(request)

    def report(self, days: Days, wishes: Mapping[str, Any], sees_money: bool) -> dict[str, Any]:
        """Return the plans, and what they came to in each step."""
        body = {"results": forms.plain(reports.plan_distribution(days), sees_money=sees_money)}
        if granularity := wishes.get("granularity"):
            body["series"] = forms.plain(reports.plan_series(days, granularity), sees_money=sees_money)
        return body


class UsageTrends(_Report):
    """GET /analytics/usage-trends."""

    name = "usage-trends"
    query = forms.TrendQuerySerializer

    @_documented("usage_trends", forms.UsageTrendsSerializer, forms.TrendQuerySerializer)
    def get(self, request: Request) -> Any:
        """Return series of the measures that are asked for."""
        return self.answer(request)

    def report(self, days: Days, wishes: Mapping[str, Any], sees_money: bool) -> dict[str, Any]:
        """Return a point for each step."""
        granularity = wishes.get("granularity", Granularity.DAY)
        trend = reports.usage_trends(
            days, measures_wanted=wishes.get("measures", ()), granularity=granularity
        )
        points = _points(trend.points, sees_money)
        return {"granularity": granularity, "measures": trend.measures, "points": points}

    def rows(self, body: dict[str, Any], granularity: Granularity | None) -> Sequence[Mapping[str, Any]]:
        """Return the points."""
        return _flat(body["points"])


class TopUsers(_Report):
    """GET /analytics/top-users."""

    name = "top-users"
    query = forms.TopQuerySerializer

    @_documented("top_users", forms.TopUsersSerializer, forms.TopQuerySerializer)
    def get(self, request: Request) -> Any:
        """Return those who used most; `email` is null to staff who may not see users."""
        return self.answer(request)

    def report(self, days: Days, wishes: Mapping[str, Any], sees_money: bool) -> dict[str, Any]:
        """Return the users, and what each did in each step."""
        found = reports.top_users(days, by=wishes["by"], limit=wishes["limit"])
        results = forms.plain(found, sees_money=sees_money)
        if not self.request.user.has_perm(SEES_PEOPLE):
            results = [{**each, "email": None} for each in results]
        body = {"by": wishes["by"], "results": results}
        if granularity := wishes.get("granularity"):
            steps = reports.user_series([each.user_id for each in found], days, granularity)
            body["series"] = forms.plain(steps, sees_money=sees_money)
        return body


class ModelUsage(_Report):
    """GET /analytics/model-usage."""

    name = "model-usage"

    @_documented("model_usage", forms.ModelUsageSerializer, forms.QuerySerializer)
    def get(self, request: Request) -> Any:
        """Return what each model did, cost and failed at, and which other helped it out."""
        return self.answer(request)

    def report(self, days: Days, wishes: Mapping[str, Any], sees_money: bool) -> dict[str, Any]:
        """Return the models, the moves between them, and what they came to in each step."""
        found = reports.model_usage(days)
        body = {
            "results": forms.plain(found.models, sees_money=sees_money),
            "fallbacks": forms.plain(found.moves, sees_money=sees_money),
        }
        if granularity := wishes.get("granularity"):
            body["series"] = forms.plain(reports.model_series(days, granularity), sees_money=sees_money)
        return body


class CachePerformance(_Report):
    """GET /analytics/cache-performance."""

    name = "cache-performance"

    @_documented("cache_performance", forms.CachePerformanceSerializer, forms.QuerySerializer)
    def get(self, request: Request) -> Any:
        """Return what prompt caching did, and what it would have saved where it was off."""
        return self.answer(request)

    def report(self, days: Days, wishes: Mapping[str, Any], sees_money: bool) -> dict[str, Any]:
        """Return the figures in all, by model and by step."""
        found = reports.cache_performance(days, granularity=wishes.get("granularity", Granularity.DAY))
        total, models = (
            found.total,
            [_without(each, "day") for each in forms.plain(found.models, sees_money=sees_money)],
        )
        return {
            "total": _without(forms.plain(total, sees_money=sees_money), "day", "model"),
            "models": models,
            "series": [_without(each, "model") for each in forms.plain(found.days, sees_money=sees_money)],
        }

    def rows(self, body: dict[str, Any], granularity: Granularity | None) -> Sequence[Mapping[str, Any]]:
        """Return the steps where they were asked for, else the models."""
        rows: list[dict[str, Any]] = body["series"] if granularity else body["models"]
        return rows


def _without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}
