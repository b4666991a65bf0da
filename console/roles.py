"""Who of the staff may do what. Roles are groups of Django's; `manage.py seed_roles` writes them."""

from __future__ import annotations

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db.models import Q

# People and their questions; no money, and no conversation.
SUPPORT = (
    "accounts.view_user",
    "accounts.change_user",
    "accounts.view_apikey",
    "support.view_ticket",
    "support.change_ticket",
    "chat.view_feedback",
    "chat.change_feedback",
    "billing.view_planlimit",
    "billing.view_subscriptionchange",
    "billing.add_quotagrant",
    "billing.view_quotagrant",
    "presets.view_cataloguemodel",
    "presets.view_modelpreset",
)
# Money; nothing that people wrote.
FINANCE = (
    "accounts.view_user",
    "billing.view_planlimit",
    "billing.change_planlimit",
    "billing.view_subscription",
    "billing.change_subscription",
    "billing.view_subscriptionchange",
    "billing.view_order",
    "billing.change_order",
    "billing.view_invoice",
    "billing.view_invoiceline",
    "billing.view_ledgerentry",
    "billing.view_monthlyusagequota",
    "billing.view_usagerepair",
    "billing.add_quotagrant",
    "billing.view_quotagrant",
    "billing.view_webhookevent",
    "billing.change_webhookevent",
    "billing.view_billingmail",
    "presets.view_cataloguemodel",
    "console.view_planversion",
)
# Everything of the product, the rights of others and the opening of a conversation included.
ADMIN_APPS = (
    "accounts",
    "account",
    "auth",
    "billing",
    "presets",
    "chat",
    "support",
    "imagery",
    "quran",
    "console",
)


def seed() -> list[str]:
    """Write the three roles as they are here, over what they were; return their names."""
    for app in apps.get_app_configs():
        create_permissions(app, verbosity=0)
    _write("support", _named(SUPPORT))
    _write("finance", _named(FINANCE))
    _write("admin", Q(content_type__app_label__in=ADMIN_APPS))
    return ["support", "finance", "admin"]


def _named(names: tuple[str, ...]) -> Q:
    wanted = Q(pk__in=[])
    for name in names:
        app, _dot, codename = name.partition(".")
        wanted |= Q(content_type__app_label=app, codename=codename)
    return wanted


def _write(name: str, wanted: Q) -> None:
    group, _is_new = Group.objects.get_or_create(name=name)
    group.permissions.set(Permission.objects.filter(wanted))
