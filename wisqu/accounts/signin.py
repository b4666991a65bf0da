"""Checking a password and making an account, for the API; the pages do the same through allauth."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.mfa.adapter import get_adapter as get_mfa_adapter
from allauth.mfa.models import Authenticator
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest
from django.utils import translation

from wisqu.accounts import throttle
from wisqu.accounts.forms import SignUpForm
from wisqu.accounts.models import User
from wisqu.api.problems import FieldError, Forbidden, Invalid, Problem


class InvalidCredentials(Problem):
    """Wrong password, unknown address, deactivated account: one answer, one duration."""

    status = 401
    code = "invalid_credentials"
    detail = "The e-mail address and password don't match an account."


class EmailNotVerified(Forbidden):
    """The password is right, but mail to the address was never answered."""

    code = "email_not_verified"
    detail = "Confirm your e-mail address first: follow the link in the mail we sent you."


class SecondFactorRequired(Forbidden):
    """The password is right, and not enough for this account."""

    code = "second_factor_required"
    detail = "This account signs in with a second factor, on the site's pages. Programs use an API key."


def check_password(request: HttpRequest, *, email: str, password: str) -> User:
    """Return the active user with this password and a verified address.

    Raises TooManyTries, InvalidCredentials and, only after the right password, EmailNotVerified and
    SecondFactorRequired.
    """
    throttle.count_password_try(account=email, address=client_address(request))
    # allauth's backend hashes the password of an unknown account as well: the answer takes as long.
    user = authenticate(request, email=email, password=password)
    if not isinstance(user, User):
        raise InvalidCredentials
    throttle.forget_password_tries(account=email)
    if not user.has_verified_address():
        send_verification(request, user)
        raise EmailNotVerified
    if get_mfa_adapter().is_mfa_enabled(user, [Authenticator.Type.TOTP]):
        raise SecondFactorRequired
    return user


def confirm_password(request: HttpRequest, *, user: User, password: str) -> None:
    """Make sure that it is the user who asks. Raises TooManyTries and Problem 422 on the field `password`."""
    throttle.count_password_try(account=user.email, address=client_address(request))
    if not user.check_password(password):
        raise Invalid(errors=[FieldError("password", "wrong_password", "This is not your password.")])
    throttle.forget_password_tries(account=user.email)


def client_address(request: HttpRequest) -> str:
    """Return the client's address; behind a proxy the server puts the right one here (`--proxy-headers`)."""
    return str(request.META.get("REMOTE_ADDR") or "unknown")


def register(request: HttpRequest, *, email: str, password: str, name: str) -> None:
    """Make an account and mail its verification link; a taken address gets another mail and the same answer.

    Raises TooManyTries and Problem 422 for input that would be refused for any address.
    """
    throttle.hit(throttle.SIGN_UPS_PER_ADDRESS, client_address(request))
    language = translation.get_language_from_request(request)
    with context.request_context(request), translation.override(language):
        form = SignUpForm(data={"email": email, "password1": password, "name": name})
        if not form.is_valid():
            raise Invalid(errors=list(_field_errors(form)))
        if not form.account_already_exists and (user := form.save_new(request)):
            _send(request, user, is_new=True)
            return
        make_password(password)  # takes as long as a new account's
        if throttle.allows(throttle.MAILS_PER_ACCOUNT, email):
            get_adapter(request).send_account_already_exists_mail(form.cleaned_data["email"])


def _field_errors(form: SignUpForm) -> list[FieldError]:
    names = {"password1": "password", "__all__": ""}
    return [
        FieldError(names.get(field, field), str(error.code or "invalid"), " ".join(error.messages))
        for field, errors in form.errors.as_data().items()
        for error in errors
    ]


def send_verification(request: HttpRequest, user: User) -> None:
    """Mail the verification link, at most once in three minutes."""
    if throttle.allows(throttle.MAILS_PER_ACCOUNT, user.email):
        with context.request_context(request), translation.override(user.language):
            _send(request, user, is_new=False)


def _send(request: HttpRequest, user: User, *, is_new: bool) -> None:
    address, _ = EmailAddress.objects.get_or_create(
        user=user, email=user.email, defaults={"primary": True, "verified": False}
    )
    address.send_confirmation(request, signup=is_new)
