"""Django's `makemessages`, which also finds the wordings that scripts count with (`chat.words.plural`)."""

from __future__ import annotations

from django.core.management.commands import makemessages


class Command(makemessages.Command):
    """Collect the wordings."""

    xgettext_options = [*makemessages.Command.xgettext_options, "--keyword=plural:1,2"]
