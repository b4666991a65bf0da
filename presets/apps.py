"""Django's entry of the app."""

from django.apps import AppConfig


class PresetsConfig(AppConfig):
    """The model catalogue with its prices."""

    name = "presets"
    verbose_name = "Models"

    def ready(self) -> None:
        """Let a saved model end the process-wide snapshot at once."""
        from presets import catalogue

        catalogue.watch()
