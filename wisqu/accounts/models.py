"""The user, who signs in with an e-mail address, and everything that may act for the user.

Three kinds of credential stand beside the password: the browser's `Session`, the `TokenFamily` of a
program that signed in with the password, and the `APIKey`. Each row can be ended by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models, transaction
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from wisqu.api.ids import uuid7


class UserManager(BaseUserManager["User"]):
    """Makes users; addresses are kept in lower case, since people never mean two accounts by case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Make a user. Without a password the account can't sign in by password."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Make a staff member who may do everything in the admin."""
        user = self.create_user(email, password, is_staff=True, is_superuser=True, **fields)
        user.vouch_for_address()  # whoever may run this command needs no mail to be believed
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        """Find the user by address, in any case."""
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person with an account."""

    class Theme(models.TextChoices):
        """Which colours the pages take."""

        SYSTEM = "system", _("As the device")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    class Tradition(models.TextChoices):
        """From whose point of view questions about Islam are answered first."""

        GENERAL = "general", _("General: all schools, side by side")
        SUNNI = "sunni", _("Sunni")
        HANAFI = "sunni_hanafi", _("Sunni, Hanafi school")
        MALIKI = "sunni_maliki", _("Sunni, Maliki school")
        SHAFII = "sunni_shafii", _("Sunni, Shafi'i school")
        HANBALI = "sunni_hanbali", _("Sunni, Hanbali school")
        SHIA = "shia", _("Shia")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField("e-mail address", max_length=254, unique=True)
    name = models.CharField(max_length=100, blank=True)
    language = models.CharField(max_length=10, default="en")
    theme = models.CharField(max_length=6, choices=Theme.choices, default=Theme.SYSTEM)
    time_zone = models.CharField(max_length=64, default="UTC")
    tradition = models.CharField(max_length=13, choices=Tradition.choices, default=Tradition.GENERAL)
    # Scholars who work for the site may read answers whose quotations failed the check, with their questions.
    allows_reviews = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    joined_at = models.DateTimeField(default=timezone.now, editable=False)
    # Every access token and socket carries the number it was made under; raising it ends them all.
    credential_epoch = models.PositiveIntegerField(default=0, editable=False)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(Lower("email"), name="user_email_any_case")]
        ordering: ClassVar = ["-joined_at"]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        """Return the name to greet the person with."""
        return self.name or self.email.partition("@")[0]

    def get_short_name(self) -> str:
        """Return the first word of the name."""
        return self.get_full_name().split()[0]

    @property
    def addresses(self) -> Any:
        """Return the manager of allauth's rows of this user's addresses."""
        return self.emailaddress_set  # type: ignore[attr-defined]  # allauth ships no types

    def vouch_for_address(self) -> None:
        """Take the address as verified, on the word of the operator."""
        self.addresses.update_or_create(email=self.email, defaults={"verified": True, "primary": True})

    def has_verified_address(self) -> bool:
        """Tell whether mail to the address was answered (or the operator vouched for it)."""
        return bool(self.addresses.filter(email=self.email, verified=True).exists())

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; a changed password or a deactivation ends every sign-in in the same transaction."""
        # `_password` is Django's own mark of a password that changed (a mere re-hash clears it).
        ends = not self._state.adding and (getattr(self, "_password", None) is not None or not self.is_active)
        with transaction.atomic():
            super().save(*args, **kwargs)
            if ends:
                self.end_sign_ins()

    def end_sign_ins(self) -> None:
        """End every browser session and token of this user, in one transaction. API keys stay."""
        with transaction.atomic():
            User.objects.filter(pk=self.pk).update(credential_epoch=models.F("credential_epoch") + 1)
            self.refresh_from_db(fields=["credential_epoch"])
            Session.objects.filter(user=self).delete()
            TokenFamily.objects.filter(user=self, revoked_at=None).update(revoked_at=timezone.now())

    def get_session_auth_hash(self) -> str:
        """Return what a session must carry to be this user's; a raised epoch changes it."""
        return self._with_epoch(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """Return the same for each older SECRET_KEY that is still accepted."""
        return map(self._with_epoch, super().get_session_auth_fallback_hash())

    def _with_epoch(self, session_hash: str) -> str:
        return f"{session_hash}.{self.credential_epoch}"


class Session(AbstractBaseSession):
    """A browser's session, with the user as a column so that all of a user's can be ended at once."""

    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")

    class Meta(AbstractBaseSession.Meta):
        abstract = False

    @classmethod
    def get_session_store_class(cls) -> type:
        """Return the store that keeps its sessions here."""
        from wisqu.accounts.sessions import SessionStore

        return SessionStore


class TokenFamily(models.Model):
    """One sign-in of a program: the refresh tokens that followed each other, and their access tokens."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="token_families")
    # The user's epoch when the password was checked: a later one ends the family, whatever raced it.
    epoch = models.PositiveIntegerField(editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name_plural = "token families"

    def __str__(self) -> str:
        return str(self.id)


class RefreshToken(models.Model):
    """One refresh token of a family. Used once; used again, it ends the family."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    family = models.ForeignKey(TokenFamily, models.CASCADE, related_name="tokens")
    secret_hash = models.CharField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField(db_index=True, editable=False)
    used_at = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return str(self.id)


class APIKey(models.Model):
    """A key that acts for its user until revoked. Only a hash of the secret is kept."""

    class Scope(models.TextChoices):
        """What a key may do."""

        READ = "read", _("Read")
        WRITE = "write", _("Ask and change")
        ACCOUNT = "account", _("Manage the account and its keys")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    # The public part of the key: finds the row, and tells a person which key is meant.
    prefix = models.CharField(max_length=12, unique=True, editable=False)
    secret_hash = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "API key"
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} (wq_{self.prefix}…)"

    @property
    def scope_labels(self) -> list[str]:
        """Return what the key may do, in the reader's language."""
        return [str(self.Scope(scope).label) for scope in self.scopes]
