"""Django's entry of the app."""

from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    """The numbers of the business: daily sums, and the reports that are made of them."""

    name = "analytics"
    verbose_name = "Numbers"
