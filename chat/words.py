"""The words that the page's scripts say, in the reader's language, and what they need to know."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from chat import filewords, receipts

# One number for each plural category that `Intl.PluralRules` knows.
_SAMPLES = {"zero": 0, "one": 1, "two": 2, "few": 3, "many": 11, "other": 100}


def plural(one: str, other: str) -> dict[str, str]:
    """Return the wording for each plural category of the language."""
    return {category: ngettext(one, other, number) for category, number in _SAMPLES.items()}


def failures() -> dict[str, str]:
    """Return what to say for each code that a turn can fail or be refused with."""
    busy = _("The model is asked by too many at the moment. Try again shortly.")
    return {
        "upstream_misconfigured": _(
            "The model can't be reached. Those who run this site have to look into it."
        ),
        "context_too_long": _("The conversation is longer than this model can read. Begin a new one."),
        "content_refused": _("The model's provider refused this content."),
        "model_unavailable": _("This model is not available. Please choose another one."),
        "upstream_rate_limited": busy,
        "upstream_unavailable": _("The model's provider is not answering. Try again in a moment."),
        "upstream_timeout": _("The model took too long to answer."),
        "interrupted": _("The answer broke off. What had arrived is kept above."),
        "malformed_reply": _("What the model's provider sent could not be read."),
        "empty_answer": _("The model gave no answer. Try again."),
        "conversation_deleted": _("This conversation was deleted while the answer was being written."),
        "unknown_model": _("There is no such model any more. Please choose another one."),
        "internal_error": _("Something broke on our side. It has been noted."),
        **filewords.failures(),
    }


def script_words() -> dict[str, str | dict[str, str]]:
    """Return every word that a script may show."""
    return {
        "today": _("Today"),
        "copy": _("Copy"),
        "copyCode": _("Copy code"),
        "copied": _("Copied"),
        **filewords.script_words(plural),
        "copyFailed": _("Your browser did not allow copying."),
        "waits": _("Waiting for the connection. Your question is sent as soon as it is back."),
        "writing": _("The answer is being written."),
        "finished": _("The answer is finished."),
        "stoppedSaid": _("The answer was stopped."),
        "stopped": _("Stopped"),
        "reconnecting": _("Connection lost. Trying again…"),
        "offline": _("You are offline. What you write is kept, and sent when you are back."),
        "signedOut": _("You are signed out. What you wrote is kept here."),
        "signIn": _("Sign in"),
        "refused": _("This page may not talk to the server. Reload it, please."),
        "notSent": _("That was not sent."),
        "failed": _("The answer did not come through."),
        "failedKept": _("The answer broke off. What had arrived is kept above."),
        "failures": failures(),
        "quota": _("All %(limit)s messages of this month are used. The count starts again on %(day)s."),
        "renamed": _("Renamed."),
        "naming": _("A title is being found."),
        "notSaved": _("That could not be saved. Try again in a moment."),
        "deleted": _("Deleted."),
        "undo": _("Undo"),
        "restored": _("It is back."),
        "deletedMany": plural("%(n)s conversation deleted.", "%(n)s conversations deleted."),
        "chosen": plural("%(n)s selected", "%(n)s selected"),
        "pinned": _("Pinned"),
        "unpinned": _("No longer pinned."),
        "archived": _("It is in the archive."),
        "unarchived": _("It is out of the archive."),
        "moved": _("Moved."),
        "shared": _("The link is made, and copied."),
        "unshared": _("The link leads nowhere any more."),
        "nothingToShare": _("There is no answer yet that could be shared."),
        "thanks": _("Thank you."),
        "rateTaken": _("Taken back."),
        "goingOn": _("Your next question follows the answer that you chose."),
        "cancel": _("Cancel"),
        "send": _("Send"),
        "editing": _("The question's new wording"),
        "conversation": _("Conversation"),
        "importing": _("%(done)s of %(all)s…"),
        "imported": plural("%(n)s conversation was taken over.", "%(n)s conversations were taken over."),
        "importSkipped": plural("%(n)s could not be read.", "%(n)s could not be read."),
        "importedFiles": plural("%(n)s file came along.", "%(n)s files came along."),
        "importFilesLeft": plural("%(n)s file was left out:", "%(n)s files were left out:"),
        "importReasons": filewords.importing(),
        "importFailed": _("This file can't be read."),
        "tokens": plural("%(n)s token", "%(n)s tokens"),
        "cut": plural(
            "%(n)s earlier message did not fit and was not read.",
            "%(n)s earlier messages did not fit and were not read.",
        ),
        "seconds": _("%(n)s s"),
        "saved": _("saved %(share)s"),
        "reasons": receipts.reasons(),
        "retired": _("%(model)s was retired; its successor is %(successor)s"),
        "noAudio": _("Your plan has no audio."),
        "micAsking": _("Allow the microphone…"),
        "micBlocked": _(
            "The microphone is blocked for this site. Allow it beside the address, and try again."
        ),
        "micMissing": _("No microphone was found."),
        "micFailed": _("The microphone can't be used. Another program may hold it."),
        "recording": _("Recording…"),
        "recordingCancelled": _("The recording was thrown away."),
        "recordingEmpty": _("Nothing was recorded."),
        "recordingLongest": _("A recording can't be longer."),
        "transcribing": _("Putting it into words…"),
        "transcribingFailed": _("That did not come through. Your recording is kept: try again."),
        "nothingHeard": _("No words could be heard."),
        "insertText": _("Insert text"),
        "again": _("Try again"),
        "noWebSearch": _("Your plan does not search the web."),
        "plans": _("See the plans"),
        "modelsFailed": _("The models could not be listed. Try again in a moment."),
        "factModel": _("Model"),
        "factServed": _("Answered by"),
        "factBecause": _("Because"),
        "factTried": _("Tried"),
        "factProvider": _("Provider"),
        "factPreset": _("Preset"),
        "factPrompt": _("Tokens read"),
        "factCached": _("of them from the cache"),
        "factStored": _("of them put into the cache"),
        "factCompletion": _("Tokens written"),
        "factReasoning": _("of them for thinking"),
        "factCost": _("Cost"),
        "factSearches": _("Web searches"),
        "factSearchFee": _("of the cost, for searching"),
        "factSaved": _("Saved by the cache"),
        "factMended": _("Quotations mended"),
        "factMendTried": _("Mending tried in vain"),
        "factFirst": _("First word after"),
        "theText": _("WisQu: the text itself"),
        "factTotal": _("Finished after"),
    }
