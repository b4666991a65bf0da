"""Where models and presets are: `urlpatterns` belong under /api/v1/, `page_urlpatterns` under /."""

from __future__ import annotations

from django.urls import path

from presets import views
from presets.preset_viewsets import PresetDefault, PresetFiles, PresetImport, PresetViewSet
from presets.viewsets import Models

_list = PresetViewSet.as_view({"get": "list", "post": "create"})
_one = PresetViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"})
_duplicate = PresetViewSet.as_view({"post": "duplicate"})
_export = PresetViewSet.as_view({"get": "export"})

urlpatterns = [
    path("models", Models.as_view(), name="models"),
    path("presets", _list, name="presets"),
    path("presets/default", PresetDefault.as_view(), name="preset_default"),
    path("presets/export", PresetFiles.as_view(), name="presets_export"),
    path("presets/import", PresetImport.as_view(), name="presets_import"),
    path("presets/<uuid:pk>", _one, name="preset"),
    path("presets/<uuid:pk>/duplicate", _duplicate, name="preset_duplicate"),
    path("presets/<uuid:pk>/export", _export, name="preset_export"),
]
page_urlpatterns = [
    path("presets", views.shelf, name="presets_page"),
    path("presets/new", views.new, name="new_preset_page"),
    path("presets/export", views.export, name="presets_file"),
    path("presets/import", views.take_in, name="presets_take_in"),
    path("presets/<uuid:preset_id>", views.one, name="preset_page"),
    path("presets/<uuid:preset_id>/delete", views.delete, name="preset_delete"),
    path("presets/<uuid:preset_id>/duplicate", views.duplicate, name="preset_copy"),
    path("presets/<uuid:preset_id>/default", views.begin_with, name="preset_begin_with"),
    path("presets/<uuid:preset_id>/export", views.export, name="preset_file"),
]
