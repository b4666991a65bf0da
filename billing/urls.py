"""Where billing is: `urlpatterns` belong under /api/v1/, `page_urlpatterns` under /."""

from django.urls import path

from billing import views
from billing.viewsets import MySubscription, Plans, Usage

urlpatterns = [
    path("subscriptions/me", MySubscription.as_view(), name="subscription"),
    path("subscriptions/usage", Usage.as_view(), name="usage"),
    path("subscriptions/plans", Plans.as_view(), name="plans"),
]
page_urlpatterns = [
    path("billing/usage", views.usage_page, name="usage_page"),
    path("billing/plans", views.plans_page, name="plans_page"),
]
