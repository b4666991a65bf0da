"""The console's own tables, and those of the apps that it puts more on."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from billing.adminbase import ReadOnlyAdmin
from billing.models import PlanLimit, QuotaGrant
from console.models import AuditEntry, PlanVersion
from console.people import PersonAdmin
from console.plandesk import PlanDesk, PlanVersionDesk
from wisqu.accounts.models import User

for model, desk in ((User, PersonAdmin), (PlanLimit, PlanDesk)):
    admin.site.unregister(model)
    admin.site.register(model, desk)
admin.site.register(PlanVersion, PlanVersionDesk)
# Whoever could read these rows could make the codes. A lost telephone is dealt with on the person's desk.
admin.site.unregister(Authenticator)


admin.site.unregister(EmailAddress)
admin.site.unregister(Group)


@admin.register(Group)
class RoleAdmin(GroupAdmin):
    """Roles and their rights, in a plain list as on a person's account."""

    filter_horizontal = ()


@admin.register(EmailAddress)
class EmailAddressAdmin(ReadOnlyAdmin):
    """Addresses, to look at. Whoever could add one to a superuser could have the superuser's password sent there."""

    list_display = ("email", "user", "verified", "primary")
    list_filter = ("verified", "primary")
    list_select_related = ("user",)
    search_fields = ("user__email",)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Who did what, and why. Filtered, searched, exported; never changed."""

    list_display = ("created_at", "actor", "verb", "kind", "about", "why")
    list_filter = ("verb", "created_at", "kind")
    list_select_related = ("actor", "person")
    search_fields = ("actor__email", "person__email", "=object_id", "=request_id", "why")
    fields = ("created_at", "actor", "verb", "kind", "object_id", "person", "why", "facts", "request_id")
    readonly_fields = fields

    @admin.display(description=gettext_lazy("about"))
    def about(self, entry: AuditEntry) -> SafeString | str:
        """Return whom or what it is about, by address where there is an account, else by number."""
        text = str(entry.person) if entry.person_id and entry.person else entry.object_id
        return format_html("<bdi>{}</bdi>", text) if text else "–"


@admin.register(QuotaGrant)
class QuotaGrantAdmin(ReadOnlyAdmin):
    """Extra quota that was given; it is given on a person's desk."""

    list_display = ("created_at", "who", "measure", "amount", "period_start", "why")
    list_filter = ("measure", "created_at")
    list_select_related = ("user",)
    search_fields = ("user__email",)

    @admin.display(description=gettext_lazy("user"))
    def who(self, grant: QuotaGrant) -> Any:
        """Return the user where the account still exists, else its id."""
        return getattr(grant, "user", None) or grant.user_id

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only by the act, which asks why."""
        return False
