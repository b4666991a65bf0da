"""Django's entry of the app."""

from django.apps import AppConfig


class QuranConfig(AppConfig):
    """Translations that operators have imported, and what the product says of the texts that it holds."""

    name = "quran"
    verbose_name = "Qur'an"

    def ready(self) -> None:
        """Look at the texts before anybody reads from them, and tell their versions where the state is told.

        Raises DamagedText: a process with a changed text must not start.
        """
        from wisqu.api import health
        from wisqu.scripture import verses

        verses.verify()
        health.tell("quran", verses.facts)
