"""The chat app: conversations, messages and the turns that make them."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """What people came for."""

    name = "chat"

    def ready(self) -> None:
        """Add the chat to what a person can take along."""
        from chat import attaching, conversations, outpost
        from chat.exports import attachments_of, conversations_of, files_of
        from imagery import inputs as image_inputs
        from imagery import wishes as image_wishes
        from wisqu.accounts import exports
        from wisqu.api import checks

        attaching.watch()
        image_inputs.register(attaching.picture_of)
        image_wishes.register_place(conversations.is_place)
        exports.register("attachments", attachments_of)
        exports.register_files("attachments", files_of)
        exports.register("conversations", conversations_of)
        checks.register("openrouter", outpost.check)
