"""People and their API keys, for the operator."""

from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from wisqu.accounts.models import APIKey, User

# Staff sign in on the same page as everybody: throttled, and with a verified address.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


class UserCreationForm(AdminUserCreationForm):  # type: ignore[type-arg]
    """A new account made by staff."""

    class Meta:
        model = User
        fields = ("email", "name")

    def clean_email(self) -> str:
        """Keep addresses in lower case, as everywhere."""
        return str(self.cleaned_data["email"]).lower()


@admin.register(User)
class UserAdmin(DjangoUserAdmin):  # type: ignore[type-arg]
    """Make, find, change, deactivate."""

    add_form = UserCreationForm
    ordering = ("-joined_at",)
    list_display = ("email", "name", "is_active", "is_staff", "joined_at", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser", "language", "joined_at")
    search_fields = ("email", "name", "id")
    readonly_fields = ("id", "joined_at", "last_login")
    actions = ("deactivate", "activate", "sign_out_everywhere")
    filter_horizontal = ("groups", "user_permissions")
    fieldsets = (
        (None, {"fields": ("id", "email", "password", "name")}),
        (_("Preferences"), {"fields": ("language", "theme", "time_zone")}),
        (_("Rights"), {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        (_("Moments"), {"fields": ("joined_at", "last_login")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "usable_password", "password1", "password2")}),)

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm[User], change: bool) -> None:
        """Save; staff vouch for the addresses they type."""
        super().save_model(request, obj, form, change)
        if not change or "email" in form.changed_data:
            obj.addresses.all().delete()
            obj.vouch_for_address()

    @admin.action(
        description=_("Deactivate: sign out everywhere and refuse from now on"), permissions=["change"]
    )
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Deactivate the chosen ones, except oneself."""
        self._set_active(queryset.exclude(pk=str(request.user.pk)), is_active=False)

    @admin.action(description=_("Activate again"), permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Let the chosen ones in again; they have to sign in anew."""
        self._set_active(queryset, is_active=True)

    @admin.action(description=_("Sign out everywhere"), permissions=["change"])
    def sign_out_everywhere(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """End every session, token and socket of the chosen ones."""
        for user in queryset:
            user.end_sign_ins()

    @staticmethod
    @transaction.atomic
    def _set_active(queryset: QuerySet[User], *, is_active: bool) -> None:
        # One by one through `save`, which ends sign-ins.
        for user in queryset:
            user.is_active = is_active
            user.save(update_fields=["is_active"])


@admin.register(APIKey)
class APIKeyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """To look at and to revoke; nobody can make a key for somebody else."""

    list_display = ("name", "prefix", "user", "scopes", "created_at", "last_used_at", "revoked_at")
    list_filter = ("revoked_at", "created_at")
    list_select_related = ("user",)
    search_fields = ("name", "prefix", "user__email")
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: APIKey | None = None) -> bool:
        """Only the action changes something."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: APIKey | None = None) -> bool:
        """A revoked key stays to be seen; it goes with its user."""
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Those who may change users."""
        return request.user.has_perm("accounts.change_user")

    @admin.action(description=_("Revoke"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[APIKey]) -> None:
        """End the chosen keys at once."""
        queryset.filter(revoked_at=None).update(revoked_at=timezone.now())
