"""Addresses of billing, under /api/v1/."""

from django.urls import path

from billing.viewsets import MySubscription, Plans, Usage

urlpatterns = [
    path("subscriptions/me", MySubscription.as_view(), name="subscription"),
    path("subscriptions/usage", Usage.as_view(), name="usage"),
    path("subscriptions/plans", Plans.as_view(), name="plans"),
]
