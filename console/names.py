"""What tables and their columns are called, in the reader's language.

Models name themselves in plain English, where programs read it: the API's document, migrations, rights. The console
shows these names to people, so here each of them learns to be translated. `TABLES`, `COLUMNS` and `DETAILS` tell
translators which of them a list or one row's page may show; what is not among them stays English.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

TABLES = (
    _("API key"), _("API keys"), _("billing mail"), _("billing mails"), _("change of a subscription"),
    _("changes of subscriptions"), _("feedback"), _("guidance"), _("image"), _("images"), _("invoice"),
    _("invoices"), _("ledger entry"), _("ledger entries"), _("model"), _("models"), _("order"), _("orders"),
    _("plan limit"), _("plan limits"), _("preset"), _("presets"), _("quota grant"), _("quota grants"),
    _("review"), _("reviews"), _("subscription"), _("subscriptions"), _("ticket"), _("tickets"),
    _("translation"), _("translations"), _("usage period"), _("usage periods"), _("usage repair"),
    _("usage repairs"), _("user"), _("users"), _("webhook event"), _("webhook events"),
)  # fmt: skip
COLUMNS = (
    _("about"), _("advanced"), _("amount"), _("answer promised until"), _("attempts"), _("author"),
    _("blocked reason"), _("by"), _("cache mode"), _("cancel at period end"), _("cost source"), _("cost usd"),
    _("created at"), _("currency"), _("e-mail address"), _("error"), _("error code"), _("event id"),
    _("held messages"), _("id"), _("imported at"), _("interval"), _("is active"), _("is listed"), _("is shown"),
    _("is staff"), _("issued at"), _("joined at"), _("kind"), _("language"), _("largest context in tokens"),
    _("last used at"), _("licence"), _("made by"), _("may be read"), _("measure"), _("messages a month"),
    _("model id"), _("name"), _("number"), _("opened at"), _("owner"), _("paid until"), _("period start"), _("plan"),
    _("plan after"), _("plan before"), _("prefix"), _("priority"), _("provider"), _("rating"), _("reason"),
    _("received at"), _("requests a minute"), _("reviewed at"), _("revoked at"), _("scopes"), _("sent at"),
    _("slug"), _("state"), _("status"), _("status after"), _("subject"), _("tokens"), _("tokens a month"),
    _("topic"), _("total"), _("translator"), _("updated at"), _("USD a month"), _("used messages"),
    _("used tokens"), _("verb"), _("verdict"), _("version"), _("why"),
    # Of plans, whose page tells what a change was from and to.
    _("USD a year"), _("images a month"), _("documents a month"), _("audio minutes a month"), _("position"),
    _("presets kept"), _("web search"), _("image generation"), _("PDF"), _("audio"), _("prompt caching"),
    _("advanced models"), _("quotation repair"), _("priority support"),
)  # fmt: skip
# On the page of one row.
DETAILS = (
    _("actor"), _("amount paid"), _("audio seconds"), _("cache savings usd"), _("cached tokens read"),
    _("cached tokens written"), _("cause"), _("closed at"), _("completion tokens"), _("correction"),
    _("cost without cache usd"), _("customer ref"), _("description"), _("documents"), _("due at"),
    _("extra audio seconds"), _("extra documents"), _("extra images"), _("extra messages"), _("extra tokens"),
    _("fallback models"), _("fees usd"), _("found"), _("generation id"), _("grace until"), _("handled at"),
    _("held audio seconds"), _("held documents"), _("held images"), _("held tokens"), _("max tokens"), _("messages"),
    _("note"), _("paid at"), _("paid from"), _("pending plan"), _("period end"), _("prompt tokens"),
    _("provider ref"), _("questions"), _("reasoning tokens"), _("reference"), _("repaired"), _("request id"),
    _("reservation key"), _("reviewer"), _("routing strategy"), _("savings usd"), _("staff id"), _("started at"),
    _("status before"), _("subscription ref"), _("subtotal"), _("system prompt"), _("tax"), _("temperature"),
    _("text"), _("theme"), _("time zone"), _("top p"), _("used audio seconds"), _("used documents"),
    _("used images"), _("values"), _("web searches"),
)  # fmt: skip


def translate() -> None:
    """Let every model and field be called what the reader's language calls it; English stays as it was."""
    for model in apps.get_models():
        usual = f"{model._meta.verbose_name}s" if not isinstance(model._meta.verbose_name, Promise) else ""
        if usual in TABLES and isinstance(model._meta.verbose_name_plural, Promise):
            # Django's own plural, an English s, which knows no translation.
            model._meta.verbose_name_plural = gettext_lazy(usual)
        _let(model._meta, "verbose_name", "verbose_name_plural")
        for field in (*model._meta.local_fields, *model._meta.local_many_to_many):
            _let(field, "verbose_name")


def _let(owner: Any, *names: str) -> None:
    for name in names:
        text = getattr(owner, name)
        if not isinstance(text, Promise):
            setattr(owner, name, gettext_lazy(text))
