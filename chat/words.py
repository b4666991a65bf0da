"""The words that the page's scripts say, in the reader's language, and what they need to know."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

# One number for each plural category that `Intl.PluralRules` knows.
_SAMPLES = {"zero": 0, "one": 1, "two": 2, "few": 3, "many": 11, "other": 100}


def plural(one: str, other: str) -> dict[str, str]:
    """Return the wording for each plural category of the language."""
    return {category: ngettext(one, other, number) for category, number in _SAMPLES.items()}


def script_words() -> dict[str, str | dict[str, str]]:
    """Return every word that a script may show."""
    return {
        "newChat": _("New chat"),
        "today": _("Today"),
        "you": _("You"),
        "copy": _("Copy"),
        "copyCode": _("Copy code"),
        "copied": _("Copied"),
        "copyFailed": _("Your browser did not allow copying."),
        "writing": _("The answer is being written."),
        "finished": _("The answer is finished."),
        "stoppedSaid": _("The answer was stopped."),
        "stopped": _("Stopped"),
        "send": _("Send"),
        "stop": _("Stop"),
        "connecting": _("Connecting…"),
        "reconnecting": _("Connection lost. Trying again…"),
        "offline": _("You are offline. What you write is kept, and sent when you are back."),
        "back": _("Connected again."),
        "signedOut": _("You are signed out. What you wrote is kept here."),
        "signIn": _("Sign in"),
        "refused": _("This page may not talk to the server. Reload it, please."),
        "notSent": _("That was not sent."),
        "failed": _("The answer did not come through."),
        "failedKept": _("The answer broke off. What had arrived is kept above."),
        "retry": _("Try again"),
        "renamed": _("Renamed."),
        "notSaved": _("That could not be saved. Try again in a moment."),
        "deleted": _("Deleted."),
        "tooLong": _("That is too long to send at once."),
        "receipt": _("How this answer was made"),
        "tokens": plural("%(n)s token", "%(n)s tokens"),
        "cut": plural(
            "%(n)s earlier message did not fit and was not read.",
            "%(n)s earlier messages did not fit and were not read.",
        ),
        "seconds": _("%(n)s s"),
        "factModel": _("Model"),
        "factProvider": _("Provider"),
        "factPrompt": _("Tokens read"),
        "factCached": _("of them from the cache"),
        "factCompletion": _("Tokens written"),
        "factReasoning": _("of them for thinking"),
        "factCost": _("Cost"),
        "factFirst": _("First word after"),
        "factTotal": _("Finished after"),
        "usedOf": _("%(used)s of %(limit)s"),
    }
