"""What the pages say about files, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

# What the dialog of the browser offers; the server looks for itself. Without an ending, code and notes are text too.
_ACCEPT = (
    ".pdf,.txt,.md,.markdown,.csv,.json,.py,.js,image/png,image/jpeg,image/gif,image/webp,text/plain,"
    ".wav,.mp3,.m4a,.ogg,.opus,.flac,.webm,audio/*"
)


def limits() -> dict[str, Any]:
    """Return what the composer has to know of the settings."""
    files, most = settings.ATTACHMENT_MAX_FILES, settings.ATTACHMENT_MAX_BYTES
    return {"files": files, "bytes": most, "accept": _ACCEPT}


def kinds() -> dict[str, str]:
    """Return what each family of files is called."""
    return {"pdf": _("PDF"), "text": _("Text"), "image": _("Picture"), "audio": _("Recording")}


def failures() -> dict[str, str]:
    """Return what to say for each code that a file, or a question with one, can be refused with."""
    return {
        "unsupported_type": _("This kind of file is not taken: PDF, text, pictures and recordings are."),
        "type_mismatch": _("The file is not what its name says."),
        "broken_file": _("The file is damaged or empty; it can't be read."),
        "encrypted_file": _("The PDF is locked with a password. Save it without one."),
        "file_too_large": _("The file is too large."),
        "too_many_pages": _("The PDF has too many pages. Attach a part of it."),
        "recording_too_long": _("The recording is too long. Attach a part of it."),
        "too_many_pixels": _("The picture is too large."),
        "file_too_expensive": _("The file takes too long to read. Save it in a simpler form."),
        "files_busy": _("Too many files are being read at this moment. Try again shortly."),
        "attachment_storage_full": _("Your files take all the space there is for them."),
        "model_sees_no_images": _("This model can't see pictures. Please choose one that can."),
        "model_hears_no_audio": _("This model can't hear. Please choose one that can."),
        "pdf_without_text": _("This PDF has no text: its pages are pictures."),
    }


def importing() -> dict[str, str]:
    """Return what to say for each code, beside those, that leaves a file out of an import."""
    return {
        "file_missing": _("It is neither in the ZIP file nor in your account."),
        "too_many_files": _("Its question has too many files."),
        "quota_exceeded": _("Your plan has no more of these this month."),
        "plan_feature_required": _("Your plan does not have this."),
    }


def script_words(plural: Callable[[str, str], dict[str, str]]) -> dict[str, Any]:
    """Return every word about files that a script may show; `plural` gives a wording for each number."""
    return {
        "fileKinds": kinds(),
        "pages": plural("%(n)s page", "%(n)s pages"),
        "tooManyFiles": plural("A question has at most %(n)s file.", "A question has at most %(n)s files."),
        "fileAttached": _("%(name)s is attached."),
        "fileRemoved": _("%(name)s is not attached any more."),
        "removeFile": _("Remove %(name)s"),
        "lost": _("The server can't be reached. Try again in a moment."),
        "filesSending": _("A file is still on its way. Send your question when it is there."),
    }


def shown(facts: dict[str, Any]) -> dict[str, Any]:
    """Return what a page shows of a file of a question: `chat.enclosing.facts` with an address and words."""
    pages = facts.get("pages")
    kind = kinds().get(facts["type"], "")
    if duration_ms := facts.get("duration_ms"):
        minutes, seconds = divmod(-(-duration_ms // 1000), 60)
        kind = f"{kind} · {minutes}:{seconds:02}"
    if pages:
        kind = f"{kind} · {ngettext('%(n)s page', '%(n)s pages', pages) % {'n': f'{pages:,}'}}"
    is_picture = facts["type"] == "image"
    address = f"/api/v1/attachments/{facts['id']}/file"
    return {
        "name": facts["name"],
        "facts": kind,
        "icon": "mic" if facts["type"] == "audio" else "file",
        "address": address if is_picture else f"{address}?download=true",
        "thumbnail": f"{address}?thumbnail=true" if is_picture else "",
    }
