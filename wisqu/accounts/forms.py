"""The forms of the account pages: allauth's, in the product's words, and our own."""

from __future__ import annotations

import zoneinfo
from typing import Any

from allauth.account import forms as allauth_forms
from django import forms
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from wisqu.accounts.models import APIKey, User


class Calm:
    """Mixin for allauth's forms: no placeholder repeats a label, and one line tells what a password needs."""

    first = ""  # the field to begin in
    words = {
        "email": _("E-mail address"),
        "login": _("E-mail address"),
        "oldpassword": _("Current password"),
    }
    new_password = "password1"  # noqa: S105 - a field's name

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, forms.Field] = self.fields  # type: ignore[attr-defined]
        for name, field in fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = self.words.get(name, field.label)
        if self.new_password in fields:
            fields[self.new_password].help_text = _(
                "At least 8 characters, and not one that is easily guessed."
            )
        if self.first and not self.is_bound:  # type: ignore[attr-defined]
            fields[self.first].widget.attrs["autofocus"] = True


class SignInForm(Calm, allauth_forms.LoginForm):
    """E-mail address and password."""

    first = "login"


class ForgottenForm(Calm, allauth_forms.ResetPasswordForm):
    """Where to send the link."""

    first = "email"


class NewPasswordForm(Calm, allauth_forms.ResetPasswordKeyForm):
    """After the link of a forgotten password."""


class ChangePasswordForm(Calm, allauth_forms.ChangePasswordForm):
    """The old one and the new one."""


class SetPasswordForm(Calm, allauth_forms.SetPasswordForm):
    """For an account that never had one."""


class ChangeAddressForm(Calm, allauth_forms.AddEmailForm):
    """The new address."""

    words = {"email": _("New e-mail address")}


class ReauthenticateForm(Calm, allauth_forms.ReauthenticateForm):
    """The password once more."""

    first = "password"


class SignUpForm(Calm, allauth_forms.SignupForm):
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
        fields = ("name", "language", "theme", "time_zone", "tradition", "allows_reviews")
        labels = {
            "name": _("Name"),
            "theme": _("Colours"),
            "tradition": _("Tradition"),
            "allows_reviews": _("Scholars of this site may read answers of mine that failed a check"),
        }
        help_texts = {
            "tradition": _("Whose view comes first where schools differ. The others are named all the same."),
            "allows_reviews": _("With their questions, to put them right. You are told of a correction."),
        }
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
