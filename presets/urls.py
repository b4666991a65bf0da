"""Addresses of the catalogue, under /api/v1/."""

from django.urls import path

from presets.viewsets import Models

urlpatterns = [path("models", Models.as_view(), name="models")]
