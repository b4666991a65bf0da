"""What is slow the first time is done before somebody waits for it."""

from __future__ import annotations

import logging

from django.db import DatabaseError, connection

from chat.prompts import default_system_prompt
from presets import catalogue
from presets.tokens import estimate

log = logging.getLogger(__name__)


def warm_up() -> None:
    """Load the vocabulary and the catalogue; failures are the first turn's to report."""
    estimate(default_system_prompt())
    try:
        catalogue.all_models()
    except DatabaseError:
        log.warning("the model catalogue could not be read yet")
    finally:
        connection.close()
