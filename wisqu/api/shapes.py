"""What ninja's doors and the websocket take: objects with known fields, and with not absurdly many."""

from __future__ import annotations

from typing import Any

from ninja import Schema
from pydantic import ConfigDict, model_validator

# More than any object of the API has. Beyond it no field is looked at: each unknown one would be an error of its own,
# which costs far more than it did to send.
MOST_FIELDS = 100


class StrictShape(Schema):
    """A shape that refuses unknown fields."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _has_few_fields(cls, data: Any) -> Any:
        if isinstance(data, dict) and len(data) > MOST_FIELDS:
            raise ValueError("It has more fields than there are.")
        return data
