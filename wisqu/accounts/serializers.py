"""What the accounts' API takes and gives."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django.conf import settings
from rest_framework import serializers

from wisqu.accounts.models import APIKey, User
from wisqu.api.serializers import StrictModelSerializer, StrictSerializer

LONGEST_PASSWORD = 1000  # hashing more would be work for nothing


class PasswordField(serializers.CharField):
    """A password: taken as typed, never told."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs |= {"max_length": LONGEST_PASSWORD, "trim_whitespace": False, "write_only": True}
        super().__init__(style={"input_type": "password"}, **kwargs)


class Registration(StrictSerializer):
    """A new account."""

    email = serializers.EmailField(max_length=254)
    password = PasswordField()
    name = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")


class Registered(serializers.Serializer[Any]):
    """The same words for a new address and for one that has an account."""

    detail = serializers.CharField()


class PasswordSignIn(StrictSerializer):
    """Address and password."""

    email = serializers.EmailField(max_length=254)
    password = PasswordField()


class Refresh(StrictSerializer):
    """A refresh token."""

    refresh = serializers.CharField(max_length=200)


class Tokens(serializers.Serializer[Any]):
    """An access token and the refresh token to get the next one with."""

    access = serializers.CharField()
    refresh = serializers.CharField()
    token_type = serializers.CharField(help_text="Always `Bearer`.")
    expires_in = serializers.IntegerField(help_text="Seconds that the access token holds.")


class Me(StrictModelSerializer):
    """One's own account."""

    language = serializers.ChoiceField(choices=settings.LANGUAGES)
    email_verified = serializers.BooleanField(source="has_verified_address", read_only=True)

    class Meta:
        model = User
        fields = (
            "id",
            "email",
            "email_verified",
            "name",
            "language",
            "theme",
            "time_zone",
            "tradition",
            "allows_reviews",
            "is_staff",
            "joined_at",
        )
        read_only_fields = ("id", "email", "is_staff", "joined_at")

    def validate_time_zone(self, value: str) -> str:
        """Take only zones that exist."""
        if value not in zoneinfo.available_timezones():
            raise serializers.ValidationError("There is no such time zone.", code="unknown_time_zone")
        return value


class Erasure(StrictSerializer):
    """The password again, since nothing brings the account back."""

    password = PasswordField()


class Key(serializers.ModelSerializer[APIKey]):
    """An API key without its secret."""

    scopes = serializers.ListField(child=serializers.ChoiceField(choices=APIKey.Scope.choices))

    class Meta:
        model = APIKey
        fields = ("id", "name", "prefix", "scopes", "created_at", "last_used_at")


class NewKey(StrictSerializer):
    """What to make a key from."""

    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=APIKey.Scope.choices),
        default=lambda: [APIKey.Scope.READ.value, APIKey.Scope.WRITE.value],
        allow_empty=False,
        max_length=20,
        help_text="`read` and `write` unless said otherwise.",
    )

    def validate_scopes(self, value: list[str]) -> list[str]:
        """Name each scope once."""
        return sorted(set(value))


class MadeKey(Key):
    """A key as it is shown once."""

    key = serializers.CharField(help_text="The key itself. It is told this once.")

    class Meta(Key.Meta):
        fields = (*Key.Meta.fields, "key")  # type: ignore[assignment]
