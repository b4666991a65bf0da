"""Django's entry of the app."""

from django.apps import AppConfig


class PresetsConfig(AppConfig):
    """The model catalogue with its prices, and presets."""

    name = "presets"
    verbose_name = "Models and presets"

    def ready(self) -> None:
        """Let a saved model end the process-wide snapshot at once; add presets to what a person can take along."""
        from presets import catalogue
        from presets.transfer import presets_of
        from wisqu.accounts import exports

        catalogue.watch()
        exports.register("presets", presets_of)
