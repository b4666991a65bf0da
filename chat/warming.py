"""What is slow the first time is done before somebody waits for it."""

from __future__ import annotations

import logging
from importlib import import_module

from django.db import DatabaseError, connection

from presets import catalogue, standing
from presets.tokens import estimate

log = logging.getLogger(__name__)


def warm_up() -> None:
    """Load the vocabulary and the catalogue; failures are the first turn's to report."""
    try:
        catalogue.all_models()
        estimate(standing.system_prompt())
    except DatabaseError:
        log.warning("models and presets could not be read yet")
    finally:
        connection.close()
    import_module("chat.jsonschemas")  # a validator of schemas, which few need
