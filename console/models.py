"""What the console keeps by itself: who did what and why, and every version of a plan. Both are only added to.

People are named by number, without a constraint: the log outlives accounts, and holds no address of anybody.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from wisqu.api.ids import uuid7


class LogIsAppendOnly(Exception):
    """Somebody tried to change or delete what was written down."""


class KeptQuerySet(models.QuerySet[Any]):
    """Reads and adds; refuses the rest. The database refuses it too, by trigger."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Refuse."""
        raise LogIsAppendOnly

    def delete(self) -> NoReturn:
        """Refuse."""
        raise LogIsAppendOnly


class Kept(models.Model):
    """A row that is written once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(_("when"), default=timezone.now, db_index=True)

    objects = KeptQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering: ClassVar = ["-id"]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row; raises LogIsAppendOnly when it is stored already."""
        if not self._state.adding:
            raise LogIsAppendOnly
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse."""
        raise LogIsAppendOnly


def _person(label: Any) -> Any:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name="+",
        verbose_name=label,
    )


class AuditEntry(Kept):
    """One act of staff: who did what to whom or what, and why."""

    class Verb(models.TextChoices):
        """What was done."""

        ADDED = "added", _("Added")
        CHANGED = "changed", _("Changed")
        DELETED = "deleted", _("Deleted")
        ACTED = "acted", _("Action on a list")
        EXPORTED = "exported", _("List exported")
        PLAN_CHANGED = "plan_changed", _("Plan of a person changed")
        EXTRA_GRANTED = "extra_granted", _("Extra quota")
        SUSPENDED = "suspended", _("Suspended")
        RESTORED = "restored", _("Let in again")
        SIGNED_OUT = "signed_out", _("Signed out everywhere")
        LINK_SENT = "link_sent", _("Sign-in link sent")
        FACTOR_REMOVED = "factor_removed", _("Second factor removed")
        CONVERSATION_OPENED = "conversation_opened", _("Conversation opened")

    actor = _person(_("who"))
    verb = models.CharField(_("what"), max_length=20, choices=Verb.choices)
    # The model's label ("billing.planlimit") and key of what was acted upon.
    kind = models.CharField(_("kind"), max_length=100, blank=True)
    object_id = models.CharField(_("object"), max_length=100, blank=True)
    # Whom it is about, where it is about somebody.
    person = _person(_("about"))
    why = models.CharField(_("why"), max_length=300, blank=True)
    facts = models.JSONField(_("facts"), default=dict, blank=True)
    request_id = models.CharField(max_length=128, blank=True)

    class Meta(Kept.Meta):
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        indexes: ClassVar = [
            models.Index(fields=["actor", "-id"], name="audit_of_actor"),
            models.Index(fields=["person", "-id"], name="audit_of_person"),
            models.Index(fields=["kind", "object_id", "-id"], name="audit_of_object"),
        ]
        permissions: ClassVar = [
            ("open_conversation", "Can open a conversation, with a reason"),
            ("manage_staff", "Can make and change staff"),
            ("take_account", "Can change address and password of others"),
        ]

    def __str__(self) -> str:
        return f"{self.get_verb_display()} {self.kind} {self.object_id}".strip()


class PlanVersion(Kept):
    """A plan as it was from one moment on: all its values, who set them and why."""

    plan = models.CharField(_("plan"), max_length=32)
    number = models.PositiveIntegerField(_("version"))
    values = models.JSONField(_("values"))
    # The names of what differs from the version before.
    changed = models.JSONField(_("changed"), default=list)
    actor = _person(_("who"))
    why = models.CharField(_("why"), max_length=300, blank=True)

    class Meta(Kept.Meta):
        verbose_name = _("version of a plan")
        verbose_name_plural = _("versions of plans")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "number"], name="plan_version_once"),
        ]

    def __str__(self) -> str:
        return f"{self.plan}, {self.number}"
