import pytest
from analytics import reports, rollups
from analytics.days import Days
pytestmark = pytest.mark.django_db
def test_all():
    d = Days.lately(30)
    for f in (reports.system_stats, reports.plan_distribution, reports.usage_trends, reports.top_users, reports.model_usage, reports.cache_performance):
        print(f(d))
    for g in reports.Granularity:
        reports.usage_trends(d, granularity=g)
    print(reports.quota_pressure(), reports.quota_pressure(spent=True), reports.waiting())
    rollups.roll_up()
    rollups.rebuild()
    assert rollups.wrong_days() == []
