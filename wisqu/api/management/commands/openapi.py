"""`manage.py openapi`: the API's one document, printed, or kept as the committed snapshot."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema


def document() -> str:
    """Return the document as it is committed: sorted, indented, valid. Raises ValidationError otherwise."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    plain = json.loads(json.dumps(schema, default=str))
    validate_schema(plain)  # type: ignore[no-untyped-call]
    return json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


class Command(BaseCommand):
    """Print the document, write the snapshot, or check that it is true."""

    help = "The OpenAPI document: print it, --write the snapshot, or --check that the snapshot is true."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take --write or --check."""
        parser.add_argument("--write", action="store_true")
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, write: bool, check: bool, **options: Any) -> None:
        """Do one of the three."""
        snapshot = Path(settings.BASE_DIR) / "tests" / "snapshots" / "openapi.json"
        found = document()
        if write:
            snapshot.write_text(found, encoding="utf-8")
        elif check:
            if not snapshot.exists() or snapshot.read_text(encoding="utf-8") != found:
                raise CommandError(
                    "The API changed. Run: manage.py openapi --write, and look at the difference."
                )
            self.stdout.write("The OpenAPI document is valid, and the snapshot is true.")
        else:
            self.stdout.write(found)
