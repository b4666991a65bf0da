"""Where the reports are, under /api/v1/."""

from __future__ import annotations

from django.urls import path

from analytics.viewsets import (
    CachePerformance,
    ModelUsage,
    PlanDistribution,
    SystemStats,
    TopUsers,
    UsageTrends,
)

urlpatterns = [
    path(f"analytics/{view.name}", view.as_view(), name=f"analytics-{view.name}")
    for view in (SystemStats, PlanDistribution, UsageTrends, TopUsers, ModelUsage, CachePerformance)
]
