"""Where billing is: `urlpatterns` belong under /api/v1/, `page_urlpatterns` under /."""

from django.urls import path

from billing import views
from billing import viewsets as doors
from billing.payments import pages
from billing.viewsets import MySubscription, Plans, Usage
from billing.warningsets import OneWarning, Warnings

urlpatterns = [
    path("subscriptions/me", MySubscription.as_view(), name="subscription"),
    path("subscriptions/usage", Usage.as_view(), name="usage"),
    path("subscriptions/plans", Plans.as_view(), name="plans"),
    path("subscriptions", doors.Subscriptions.as_view()),
    path("subscriptions/cancel", doors.Cancel.as_view()),
    path("subscriptions/resume", doors.Resume.as_view()),
    path("subscriptions/portal", doors.Portal.as_view()),
    path("subscriptions/invoices", doors.Invoices.as_view()),
    path("subscriptions/invoices/<uuid:pk>", doors.OneInvoice.as_view()),
    path("subscriptions/webhooks/stripe", doors.StripeWebhook.as_view()),
    path("subscriptions/warnings", Warnings.as_view(), name="usage_warnings"),
    path("subscriptions/warnings/<uuid:id>", OneWarning.as_view(), name="usage_warning"),
]
page_urlpatterns = [
    path("billing/sandbox/<uuid:order_id>", pages.sandbox_page, name="sandbox_page"),
    path("billing/usage", views.usage_page, name="usage_page"),
    path("billing/plans", views.plans_page, name="plans_page"),
    path("billing/plans/<slug:slug>", views.change_page, name="change_page"),
    path("billing/cancel", views.cancel_page, name="cancel_page"),
    path("billing/resume", views.resume, name="resume_plan"),
    path("billing/portal", views.portal, name="payment_portal"),
    path("billing/invoices", views.invoices_page, name="invoices_page"),
    path("billing/invoices/<uuid:invoice_id>", views.invoice_page, name="invoice_page"),
    path("billing/warnings/<uuid:warning_id>/dismiss", views.dismiss, name="dismiss_warning"),
]
