"""What is slow the first time is done before somebody waits for it: imports, vocabulary, connection pool."""

from __future__ import annotations

import importlib
import logging

from django.db import DatabaseError, connection

from chat.prompts import default_system_prompt
from presets import catalogue
from presets.tokens import estimate

log = logging.getLogger(__name__)


def warm_up() -> None:
    """Load everything that the first turn would load; failures are the first turn's to report."""
    importlib.import_module("openai")
    estimate(default_system_prompt())
    try:
        catalogue.all_models()
    except DatabaseError:
        log.warning("the model catalogue could not be read yet")
    finally:
        connection.close()
