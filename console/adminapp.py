"""Django's admin as this project installs it."""

from django.contrib.admin import apps


class ConsoleAdminConfig(apps.AdminConfig):
    """Django's admin with the console as its site."""

    default_site = "console.site.ConsoleSite"
