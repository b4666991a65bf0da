"""The chat app: conversations, messages and the turns that make them."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """What people came for."""

    name = "chat"

    def ready(self) -> None:
        """Add the chat to what a person can take along."""
        from chat.exports import conversations_of
        from wisqu.accounts import exports

        exports.register("conversations", conversations_of)
