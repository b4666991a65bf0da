"""The account pages that allauth does not have: profile, API keys, export, erasure."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from wisqu.accounts import erasure, exports, signin
from wisqu.accounts.credentials import make_key, revoke_key
from wisqu.accounts.forms import DeleteForm, KeyForm, ProfileForm
from wisqu.accounts.models import User
from wisqu.api.bodies import encode_json
from wisqu.api.problems import Problem


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # login_required let it pass
    return request.user


@login_required
@never_cache
def profile(request: HttpRequest) -> HttpResponse:
    """Name, language, colours, time zone; and the ways to everything else about the account."""
    form = ProfileForm(request.POST or None, instance=_user(request))
    if request.method == "POST" and form.is_valid():
        user = form.save()
        with translation.override(user.language):
            messages.success(request, _("Saved."))
        return redirect("account_profile")
    return render(request, "accounts/profile.html", {"form": form})


@login_required
@require_POST
def end_sign_ins(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere else."""
    user = _user(request)
    user.end_sign_ins()
    update_session_auth_hash(request, user)
    messages.success(request, _("You are signed out everywhere else."))
    return redirect("account_profile")


@login_required
@never_cache
def keys(request: HttpRequest) -> HttpResponse:
    """The API keys; a new one is shown in the answer to its form, the only time there is."""
    user = _user(request)
    form = KeyForm(request.POST or None)
    made = None
    if request.method == "POST" and form.is_valid():
        try:
            _row, made = make_key(user=user, **form.cleaned_data)
            form = KeyForm()
        except Problem as refusal:
            form.add_error(None, refusal.detail)
    context = {"form": form, "made": made, "keys": user.api_keys.filter(revoked_at=None)}
    return render(request, "accounts/keys.html", context)


@login_required
@require_POST
def revoke(request: HttpRequest, key_id: uuid.UUID) -> HttpResponse:
    """End a key."""
    if revoke_key(user=_user(request), key_id=key_id):
        messages.success(request, _("The key is revoked."))
    return redirect("account_keys")


@login_required
@require_safe
@never_cache
def export(request: HttpRequest) -> HttpResponse:
    """Everything kept about the person, as a file."""
    response = HttpResponse(encode_json(exports.export(_user(request))), content_type="application/json")
    response["Content-Disposition"] = 'attachment; filename="wisqu-export.json"'
    return response


@login_required
@never_cache
@sensitive_post_parameters("password")
def delete(request: HttpRequest) -> HttpResponse:
    """Erase the account after the typed word and the password."""
    form = DeleteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            signin.confirm_password(request, user=_user(request), password=form.cleaned_data["password"])
        except Problem as refusal:
            form.add_error("password", refusal.errors[0].detail if refusal.errors else refusal.detail)
        else:
            try:
                erasure.erase(_user(request))
            except Problem as refusal:  # somebody outside, who charges for the plan, could not be told
                form.add_error(None, refusal.detail)
            else:
                logout(request)
                return render(request, "accounts/deleted.html")
    return render(request, "accounts/delete.html", {"form": form})
