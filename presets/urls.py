"""Where models and presets are: `urlpatterns` belong under /api/v1/, `page_urlpatterns` under /presets/."""

from __future__ import annotations

from django.urls import path

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
