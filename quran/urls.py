"""Where the page about the texts is: `page_urlpatterns` belong under /."""

from __future__ import annotations

from django.urls import path

from quran import views

page_urlpatterns = [path("about", views.about, name="about")]
