"""The preset pages: one's own, the gallery, making and changing. They work without scripts."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.errors import FeatureRequired
from billing.plans import plan_for
from presets import choosing, keeping, standing, transfer
from presets.forms import ImportForm, PresetForm
from presets.models import ModelPreset
from presets.picking import in_order
from presets.preset_serializers import PresetFileSerializer
from wisqu.accounts.models import User
from wisqu.api.bodies import encode_json, parse_object
from wisqu.api.pages import not_found
from wisqu.api.problems import NotFound, Problem

LARGEST_FILE = 2 * 1024 * 1024


@require_safe
@login_required
@never_cache
def shelf(request: HttpRequest) -> HttpResponse:
    """One's own presets, and those for everyone."""
    user = _user(request)
    rows = ModelPreset.objects.usable_by(user.pk).own_first().defer("system_prompt")
    own, published = in_order(rows)
    default = choosing.default_of(user.pk) or standing.current()
    plan = plan_for(user.pk)
    context = {
        "own": own,
        "published": published,
        "default_id": default.id if default else None,
        "limit": plan.presets,
        "is_full": plan.presets is not None and len(own) >= plan.presets,
        "import_form": ImportForm(),
    }
    return render(request, "presets/shelf.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def new(request: HttpRequest) -> HttpResponse:
    """Make a preset."""
    user = _user(request)
    form = PresetForm(request.POST or None, plan=plan_for(user.pk), may_publish=keeping.may_publish(user))
    if request.method == "POST" and form.is_valid():
        is_public = form.cleaned_data.get("is_public", False)
        try:
            keeping.make(owner_id=user.pk, values=form.values(), is_public=is_public)
        except Problem as problem:
            _tell(form, problem)
        else:
            messages.success(request, _("Saved."))
            return redirect("presets_page")
    return render(request, "presets/form.html", {"form": form, "preset": None})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def one(request: HttpRequest, preset_id: uuid.UUID) -> HttpResponse:
    """Change a preset, or read one that others keep."""
    user = _user(request)
    preset = choosing.by_id(user_id=user.pk, preset_id=preset_id)
    if preset is None:
        return not_found(request)
    if not _may_change(user, preset):
        return render(request, "presets/one.html", {"preset": preset})
    plan = plan_for(user.pk)
    form = PresetForm(request.POST or None, plan=plan, may_publish=keeping.may_publish(user), preset=preset)
    if request.method == "POST" and form.is_valid():
        try:
            _change(user, preset, form)
        except Problem as problem:
            _tell(form, problem)
        else:
            messages.success(request, _("Saved."))
            return redirect("presets_page")
    return render(request, "presets/form.html", {"form": form, "preset": preset})


@require_POST
@login_required
def delete(request: HttpRequest, preset_id: uuid.UUID) -> HttpResponse:
    """Delete a preset."""
    user = _user(request)
    preset = choosing.by_id(user_id=user.pk, preset_id=preset_id)
    if preset is None or not _may_change(user, preset):
        return not_found(request)
    keeping.remove(preset)
    messages.success(request, _("Deleted."))
    return redirect("presets_page")


@require_POST
@login_required
def duplicate(request: HttpRequest, preset_id: uuid.UUID) -> HttpResponse:
    """Start from a preset: the copy opens to be changed."""
    user = _user(request)
    preset = choosing.by_id(user_id=user.pk, preset_id=preset_id)
    if preset is None:
        return not_found(request)
    try:
        made = keeping.duplicate(preset, owner_id=user.pk)
    except Problem as problem:
        messages.error(request, _words(problem))
        return redirect("presets_page")
    messages.success(request, _("This is your copy. Change it as you like."))
    return redirect("preset_page", made.id)


@require_POST
@login_required
def begin_with(request: HttpRequest, preset_id: uuid.UUID) -> HttpResponse:
    """Begin new chats with this preset."""
    user = _user(request)
    preset = choosing.by_id(user_id=user.pk, preset_id=preset_id)
    if preset is None:
        return not_found(request)
    usual = standing.current()
    is_usual = usual is not None and usual.id == preset.id
    keeping.begin_with(user_id=user.pk, preset=None if is_usual else preset)
    messages.success(request, _("New chats begin with it from now on."))
    return redirect("presets_page")


@require_safe
@login_required
@never_cache
def export(request: HttpRequest, preset_id: uuid.UUID | None = None) -> HttpResponse:
    """One's own presets as a file, or one alone."""
    user = _user(request)
    if preset_id is None:
        return _file(list(ModelPreset.objects.for_owner(user.pk).order_by("id")), "wisqu-presets.json")
    preset = choosing.by_id(user_id=user.pk, preset_id=preset_id)
    return not_found(request) if preset is None else _file([preset], f"{preset.id}.json")


@require_POST
@login_required
def take_in(request: HttpRequest) -> HttpResponse:
    """Make the presets of a file."""
    form = ImportForm(request.POST, request.FILES)
    try:
        if not form.is_valid() or form.cleaned_data["file"].size > LARGEST_FILE:
            raise Problem(422, "not_ours")
        bound = PresetFileSerializer(data=parse_object(form.cleaned_data["file"].read()))
        if not bound.is_valid():
            raise Problem(422, "not_ours")
        made = transfer.take_in(owner_id=_user(request).pk, entries=bound.validated_data["presets"])
    except Problem as problem:
        messages.error(request, _words(problem))
    else:
        messages.success(request, _("Imported: %(names)s") % {"names": ", ".join(each.name for each in made)})
    return redirect("presets_page")


@transaction.atomic
def _change(user: User, preset: ModelPreset, form: PresetForm) -> None:
    changed = keeping.change(preset, values=form.values(), plan=plan_for(user.pk))
    is_public = form.cleaned_data.get("is_public", preset.is_public)
    if is_public and not preset.is_public:
        keeping.publish(changed)
    elif preset.is_public and not is_public:
        keeping.withdraw(changed, owner_id=user.pk)


def _may_change(user: User, preset: ModelPreset) -> bool:
    return preset.owner_id == user.pk or (preset.is_public and keeping.may_publish(user))


def _tell(form: PresetForm, problem: Problem) -> None:
    """Say what was refused at the fields that it is about."""
    for error in problem.errors:
        field = error.field if error.field in form.fields else None
        form.add_error(field, _word(error.code) or error.detail)
    if not problem.errors:
        form.add_error(None, _words(problem))


def _words(problem: Problem) -> str:
    """Return what to say about a refusal, in the reader's language where its code is known."""
    if isinstance(problem, keeping.TooManyPresets):
        return _("Your plan keeps %(limit)s presets. Delete one that you don't need.") % problem.extra
    if isinstance(problem, FeatureRequired):
        return _("Your plan does not have what this preset needs.")
    if isinstance(problem, NotFound):
        return _("This preset is not there any more.")
    if problem.code in ("not_ours", "invalid_json"):
        return _("This is not a file of presets.")
    return next((_word(error.code) or error.detail for error in problem.errors), problem.detail)


def _word(code: str) -> str:
    return {
        "slug_taken": _("You have a preset with this short name already."),
        "invalid": _("Only small letters, digits, hyphens and underscores."),
        "unknown_model": _("There is no such model."),
        "model_blocked": _("This model can't be used at the moment."),
        "not_a_chat_model": _("This model does not answer with text."),
    }.get(code, "")


def _file(presets: list[ModelPreset], name: str) -> HttpResponse:
    document: dict[str, Any] = transfer.as_file(presets)
    response = HttpResponse(encode_json(document), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # login_required let it pass
    return request.user
