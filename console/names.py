"""What tables and their columns are called, in the reader's language.

Models name themselves in plain English, where programs read it: the API's document, migrations, rights. The console
shows these names to people, so here each of them learns to be translated. `TABLES` and `COLUMNS` tell translators
which of them a list may show; what is not among them stays English.
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


def translate() -> None:
    """Let every model and field be called what the reader's language calls it; English stays as it was."""
    for model in apps.get_models():
        _let(model._meta, "verbose_name", "verbose_name_plural")
        for field in (*model._meta.local_fields, *model._meta.local_many_to_many):
            _let(field, "verbose_name")


def _let(owner: Any, *names: str) -> None:
    for name in names:
        text = getattr(owner, name)
        if not isinstance(text, Promise):
            setattr(owner, name, gettext_lazy(text))
