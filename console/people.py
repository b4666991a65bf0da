"""One person: how things stand, and what staff may do about it, each act with a reason and an entry in the audit."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from billing.models import MonthlyUsageQuota, QuotaGrant, SubscriptionChange
from billing.plans import subscription_for, usage
from chat.templatetags.page import measure_names
from console import acts, answers
from console.models import AuditEntry
from wisqu.accounts import erasure
from wisqu.accounts.admin import UserAdmin
from wisqu.accounts.models import APIKey, Session, User

MONTHS_SHOWN = 12


class PersonAdmin(UserAdmin):
    """The list of people leads to each one's desk; the account itself is edited by those who may."""

    ordering = ("-id",)
    list_display = ("who", "name", "is_active", "is_staff", "joined_at", "last_login")
    list_display_links = None
    search_fields = ("email", "name", "id")
    change_form_template = "admin/console/account.html"
    filter_horizontal = ()  # type: ignore[assignment]  # plain lists: Django's pair of them hides its labels from screen readers

    @admin.display(description=gettext_lazy("person"), ordering="email")
    def who(self, user: User) -> SafeString:
        """Return the address as the way to the person's desk."""
        address = reverse("admin:accounts_user_desk", args=[user.pk])
        return format_html('<a href="{}"><bdi>{}</bdi></a>', address, user.email)

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses of Django's own pages, and those of the desk."""
        own = [
            path("<uuid:user_id>/desk/", self.admin_site.admin_view(self.desk), name="accounts_user_desk"),
            path(
                "<uuid:user_id>/desk/<slug:act>/",
                self.admin_site.admin_view(self.act),
                name="accounts_user_act",
            ),
        ]
        return [*own, *super().get_urls()]

    # --- Who may change whom --------------------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Leave staff to those who manage staff: whoever could edit them could become them."""
        return super().has_change_permission(request, obj) and may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """The same for deleting."""
        return super().has_delete_permission(request, obj) and may_touch(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Keep rights from all but those who manage staff, addresses and passwords from whoever only helps out."""
        fields = tuple(str(name) for name in super().get_readonly_fields(request, obj))
        if not _is_superuser(request):
            fields += ("is_superuser", "user_permissions")
            if not request.user.has_perm("console.manage_staff"):
                fields += ("is_staff", "groups")
            if obj and not request.user.has_perm("console.take_account"):
                fields += ("email", "password", "is_active")
        return fields

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Deleting many people at once is never meant."""
        found: dict[str, Any] = super().get_actions(request)
        found.pop("delete_selected", None)
        return found

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Leave the note to the audit, which names people by number; Django's own history would keep the address."""
        for user in queryset:
            erasure.forget_history(user)
        return []

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:  # noqa: A002
        """Set somebody's password, for those who may take an account over."""
        if not request.user.has_perm("console.take_account"):
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)

    def response_action(  # type: ignore[override]  # the stubs know a parameter that Django doesn't
        self, request: HttpRequest, queryset: QuerySet[User]
    ) -> Any:
        """Leave staff out of what is done to many at once: those one by one, on their desks."""
        if not _is_superuser(request):
            queryset = queryset.filter(is_staff=False, is_superuser=False)
        return super().response_action(request, queryset)

    # --- The desk -------------------------------------------------------------------------------------

    def desk(self, request: HttpRequest, user_id: UUID) -> HttpResponse:
        """Show how things stand with one person."""
        person = self._person(request, user_id)
        return render(request, "admin/console/person.html", self._desk(request, person))

    def act(self, request: HttpRequest, user_id: UUID, act: str) -> HttpResponse:
        """Do one of the acts, or show its form again with what is wrong."""
        person = self._person(request, user_id)
        known = acts.offered(request, person)
        if request.method != "POST" or act not in known:
            raise PermissionDenied
        form = known[act](request, person, request.POST)
        if not form.is_valid():
            context = self._desk(request, person, failed={act: form})
            return render(request, "admin/console/person.html", context, status=422)
        try:
            messages.success(request, form.do())
        except acts.Refused as refusal:
            messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse("admin:accounts_user_desk", args=[user_id]))

    def _person(self, request: HttpRequest, user_id: UUID) -> User:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return get_object_or_404(User, pk=user_id)

    def _desk(
        self, request: HttpRequest, person: User, failed: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        subscription = subscription_for(person.pk)
        report = usage(person.pk, subscription=subscription)
        forms = {name: act(request, person) for name, act in acts.offered(request, person).items()}
        sees_money = request.user.has_perm("billing.view_ledgerentry")
        return self.admin_site.each_context(request) | {
            "title": person.email,
            "person": person,
            "opts": self.opts,
            "is_verified": person.has_verified_address(),
            "has_factor": Authenticator.objects.filter(user=person, type=Authenticator.Type.TOTP).exists(),
            "sessions": Session.objects.filter(user=person).count(),
            "keys": APIKey.objects.filter(user=person, revoked_at=None).count(),
            "subscription": subscription,
            "meters": [report[name] | {"name": label} for name, label in measure_names().items()],
            "usage": report,
            "months": list(
                MonthlyUsageQuota.objects.filter(user=person).order_by("-period_start")[:MONTHS_SHOWN]
            ),
            "answers": [(each, answers.why(each)) for each in answers.recent(person.pk)],
            "changes": SubscriptionChange.objects.filter(user=person).order_by("-created_at")[:8],
            "grants": QuotaGrant.objects.filter(user=person).order_by("-id")[:8],
            "audit": AuditEntry.objects.filter(person=person).select_related("actor").order_by("-id")[:10],
            "sees_money": sees_money,
            "may_edit": self.has_change_permission(request, person),
            "acts": forms | (failed or {}),
            "failed": list(failed or ()),
        }


def may_touch(request: HttpRequest, person: User | None) -> bool:
    """Tell whether the reader may change this account."""
    if person is None or _is_superuser(request):
        return True
    if person.is_superuser:
        return False
    return not person.is_staff or request.user.has_perm("console.manage_staff")


def _is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))
