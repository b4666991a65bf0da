"""Django's database sessions, kept in `accounts.Session`, which knows whose they are."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from wisqu.accounts.models import Session


class SessionStore(DatabaseStore):
    """Writes the signed-in user's id into the row's own column."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """Return the model that holds the rows."""
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """Return the row for `data`, not saved yet."""
        session = super().create_model_instance(data)
        assert isinstance(session, Session)
        session.user_id = data.get(SESSION_KEY)
        return session
