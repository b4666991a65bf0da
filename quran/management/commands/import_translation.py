"""`manage.py import_translation FILE …`: a translation that the operator may show, with its translator and licence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from quran import translations


class Command(BaseCommand):
    """Imports all 6,236 verses or none; one of the same slug is replaced."""

    help = "Import a translation of the Qur'an: lines of surah|ayah|text."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the file and what is said of it."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--name", required=True, help="as readers see it")
        parser.add_argument("--translator", required=True)
        parser.add_argument("--language", required=True, help="such as en, fa, tr")
        parser.add_argument("--licence", required=True, help="its name, as readers see it")
        parser.add_argument("--licence-url", default="")
        parser.add_argument("--source-url", default="")
        parser.add_argument("--slug", default="", help="its short name; made of language and name without it")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        """Import it, or say why not."""
        facts = translations.Facts(
            **{name: options[name] for name in translations.Facts.__dataclass_fields__}
        )
        try:
            row = translations.store(file.read_bytes(), facts)
        except OSError as error:
            raise CommandError(f"{file} can't be read: {error.strerror}.") from error
        except translations.BadTranslation as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{row} is stored as {row.slug}, with {row.verses.count():,} verses.")
