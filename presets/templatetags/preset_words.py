"""The words of presets in templates."""

from __future__ import annotations

from django import template

from presets import naming

register = template.Library()
register.filter("preset_name", naming.shown_name)
register.filter("preset_description", naming.shown_description)
