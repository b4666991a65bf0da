"""The forms of our own account pages, and what allauth's sign-up form asks on top."""

from __future__ import annotations

import zoneinfo
from typing import Any

from allauth.account.forms import SignupForm
from django import forms
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from wisqu.accounts.models import APIKey, User


class SignUpForm(SignupForm):
    """E-mail, password, and a name for those who want one."""

    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name", "dir": "auto"}),
    )
    field_order = ("name", "email", "password1")

    def try_save(self, request: HttpRequest) -> Any:
        """Save the account; for a taken address spend the time that a new password's hash takes."""
        if not self.account_already_exists and (user := self.save_new(request)):
            return user, None
        make_password(self.cleaned_data["password1"])
        return super().try_save(request)

    def save_new(self, request: HttpRequest) -> User | None:
        """Save the account; None when another request took the address since it was checked."""
        try:
            with transaction.atomic():
                user: User = self.save(request)
        except IntegrityError:
            self.account_already_exists = True
            return None
        return user

    def custom_signup(self, request: HttpRequest, user: User) -> None:
        """Fill in what allauth does not know of."""
        user.name = self.cleaned_data["name"].strip()
        user.language = spoken_language()
        user.save(update_fields=["name", "language"])


def spoken_language() -> str:
    """Return the language of this request, if the site speaks it."""
    language = get_language() or settings.LANGUAGE_CODE
    return language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


_AREAS = frozenset(
    ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
)


def time_zones() -> list[tuple[str, str]]:
    """Return the time zones of places (and UTC) as choices: the others are old names for the same."""
    places = sorted(name for name in zoneinfo.available_timezones() if name.partition("/")[0] in _AREAS)
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in places)]


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    """What people may change about themselves."""

    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=time_zones)

    class Meta:
        model = User
        fields = ("name", "language", "theme", "time_zone")
        labels = {"name": _("Name"), "theme": _("Colours")}
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "name", "dir": "auto"}),
            "theme": forms.RadioSelect,
        }


class KeyForm(forms.Form):
    """A new API key."""

    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
        help_text=_("What it is for: a program, a machine."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("It may"),
        choices=APIKey.Scope.choices,
        initial=[APIKey.Scope.READ.value, APIKey.Scope.WRITE.value],
        widget=forms.CheckboxSelectMultiple,
    )


class DeleteForm(forms.Form):
    """The two proofs that somebody means to erase their account."""

    WORD = "DELETE"

    word = forms.CharField(
        label=_("Type DELETE to confirm"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "dir": "ltr"}),
    )
    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def clean_word(self) -> str:
        """Take the word in any case."""
        word: str = self.cleaned_data["word"].strip().upper()
        if word != self.WORD:
            raise forms.ValidationError(_("Type the word DELETE, so that nothing is erased by mistake."))
        return word
