"""Where the page about the texts is: `page_urlpatterns` belong under /."""

from __future__ import annotations

from django.urls import path

from quran import pages, views

page_urlpatterns = [
    path("about", views.about, name="about"),
    path("quran", pages.chapters, name="quran"),
    path("quran/<int:surah>", pages.chapter, name="chapter"),
    path("quran/<int:surah>/<int:ayah>", pages.verse, name="verse"),
]
