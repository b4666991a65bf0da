"""Images in the admin: what was asked of which model and how it ended. What people wished for stays theirs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.adminbase import ReadOnlyAdmin
from imagery import closing
from imagery.models import GeneratedImage
from imagery.reasons import INTERRUPTED


@admin.register(GeneratedImage)
class GeneratedImageAdmin(ReadOnlyAdmin):
    """Jobs, the newest first. Prompts and pictures are not shown: nobody has agreed to that."""

    list_display = ("id", "owner", "status", "model", "error_code", "seconds", "cost_usd", "created_at")
    list_filter = ("status", "model", "error_code", "created_at")
    list_select_related = ("owner",)
    search_fields = ("id", "owner__email", "generation_id")
    date_hierarchy = "created_at"
    exclude = ("prompt", "key", "thumbnail_key", "input_key")
    actions = ("end",)
    show_full_result_count = False

    @admin.display(description=_("seconds"))
    def seconds(self, image: GeneratedImage) -> Any:
        """Return how long it took, or takes."""
        if image.started_at is None or image.ended_at is None:
            return None
        return round((image.ended_at - image.started_at).total_seconds(), 1)

    def has_end_permission(self, request: HttpRequest) -> bool:
        """Those who could change an image."""
        return request.user.has_perm("imagery.change_generatedimage")

    @admin.action(description=_("End: give the hold back, charge nothing"), permissions=["end"])
    def end(self, request: HttpRequest, queryset: QuerySet[GeneratedImage]) -> None:
        """End chosen images that hang."""
        ended = sum(closing.give_up(image, INTERRUPTED) for image in queryset if image.is_open)
        messages.info(request, gettext("Ended: %(n)s.") % {"n": ended})
