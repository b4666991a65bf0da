"""What staff do for or against one person. Each act is a form that asks why, a verb, and an entry in the audit."""

from __future__ import annotations

import smtplib
from typing import Any, ClassVar

from allauth.mfa.models import Authenticator
from django import forms
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing import grants, subscriptions
from billing.amounts import MEASURES
from billing.models import SECONDS_A_MINUTE, PlanLimit
from billing.plans import shown_measure, subscription_for
from chat.templatetags.page import measure_names
from console import audit
from console.models import AuditEntry
from wisqu.accounts import signinlinks
from wisqu.accounts.models import User

Verb = AuditEntry.Verb


class Refused(Exception):
    """The act can't be done now; the text says why."""


class Act(forms.Form):
    """One act on one person. `do` returns what to tell the member of staff."""

    label: ClassVar[Any]
    hint: ClassVar[Any] = ""
    needs: ClassVar[str]
    is_harsh: ClassVar[bool] = False

    why = forms.CharField(label=gettext_lazy("Why"), min_length=3, max_length=200)

    def __init__(self, request: HttpRequest, person: User, data: Any = None) -> None:
        super().__init__(data, prefix=type(self).__name__.lower(), label_suffix="")
        self.request, self.person = request, person
        self.order_fields([*(name for name in self.fields if name != "why"), "why"])

    @classmethod
    def suits(cls, person: User) -> bool:
        """Tell whether there is anything to do."""
        return True

    def do(self) -> str:
        """Do it. Raises Refused."""
        raise NotImplementedError

    def _note(self, verb: AuditEntry.Verb, **facts: Any) -> None:
        audit.note(self.request, verb, self.person, why=self.cleaned_data["why"], **facts)


class ChangePlan(Act):
    """Puts somebody on a plan without payment, or on trial."""

    label = gettext_lazy("Change the plan")
    hint = gettext_lazy("At once and without payment. What is used stays used; the limits change.")
    needs = "billing.change_subscription"

    plan = forms.ModelChoiceField(PlanLimit.objects.all(), label=gettext_lazy("Plan"), empty_label=None)
    trial_days = forms.IntegerField(
        label=gettext_lazy("Days of trial"),
        required=False,
        min_value=1,
        max_value=366,
        help_text=gettext_lazy("Empty: without end."),
    )

    def __init__(self, request: HttpRequest, person: User, data: Any = None) -> None:
        super().__init__(request, person, data)
        self.initial["plan"] = subscription_for(person.pk).plan_id

    @transaction.atomic
    def do(self) -> str:
        """Let billing's own verb do it, whose audit has it as well."""
        plan, days = self.cleaned_data["plan"], self.cleaned_data["trial_days"]
        reason = subscriptions.Reason.staff(self.request.user.pk, self.cleaned_data["why"])
        before = subscription_for(self.person.pk).plan_id
        try:
            if days:
                subscriptions.start_trial(user_id=self.person.pk, plan=plan, days=days, reason=reason)
            else:
                subscriptions.grant(user_id=self.person.pk, plan=plan, reason=reason)
        except subscriptions.StillBilled:
            raise Refused(_("Stripe charges for the present plan. Cancel that first, in the list.")) from None
        self._note(Verb.PLAN_CHANGED, plan=[before, plan.slug], trial_days=days)
        return _("The plan is %(plan)s now.") % {"plan": plan.name}


class GiveExtra(Act):
    """Raises what the present usage period holds."""

    label = gettext_lazy("Give extra quota")
    hint = gettext_lazy("On top of the plan, until the present month of use ends. Below zero takes back.")
    needs = "billing.add_quotagrant"

    measure = forms.ChoiceField(label=gettext_lazy("Of what"))
    amount = forms.IntegerField(label=gettext_lazy("How much"), min_value=-(10**9), max_value=10**9)

    def __init__(self, request: HttpRequest, person: User, data: Any = None) -> None:
        super().__init__(request, person, data)
        names = measure_names()
        choices: Any = [(measure, names[shown_measure(measure)]) for measure in MEASURES]
        self.fields["measure"].choices = choices  # type: ignore[attr-defined]

    @transaction.atomic
    def do(self) -> str:
        """Grant it. Minutes of audio are counted in seconds."""
        measure, amount = self.cleaned_data["measure"], self.cleaned_data["amount"]
        unit = SECONDS_A_MINUTE if measure == "audio_seconds" else 1
        try:
            grants.grant_extra(
                user_id=self.person.pk,
                measure=measure,
                amount=amount * unit,
                staff_id=self.request.user.pk,
                why=self.cleaned_data["why"],
            )
        except grants.BadGrant:
            raise Refused(
                _("Nothing was given: the amount is zero, or more than there is to take back.")
            ) from None
        self._note(Verb.EXTRA_GRANTED, measure=measure, amount=amount)
        return _("Given. It holds from the next question on.")


class Suspend(Act):
    """Shuts somebody out."""

    label = gettext_lazy("Suspend")
    hint = gettext_lazy("Out within seconds: pages, sockets, tokens and keys. Nothing is deleted.")
    needs = "accounts.change_user"
    is_harsh = True

    @classmethod
    def suits(cls, person: User) -> bool:
        """Only who is in can be shut out."""
        return person.is_active

    @transaction.atomic
    def do(self) -> str:
        """Deactivate; saving ends every sign-in."""
        if self.person.pk == self.request.user.pk:
            raise Refused(_("You can't shut yourself out."))
        self.person.is_active = False
        self.person.save(update_fields=["is_active"])
        self._note(Verb.SUSPENDED)
        return _("Suspended, and signed out everywhere.")


class Restore(Act):
    """Lets somebody in again."""

    label = gettext_lazy("Let in again")
    hint = gettext_lazy("They sign in anew.")
    needs = "accounts.change_user"

    @classmethod
    def suits(cls, person: User) -> bool:
        """Only who was shut out."""
        return not person.is_active

    @transaction.atomic
    def do(self) -> str:
        """Activate."""
        self.person.is_active = True
        self.person.save(update_fields=["is_active"])
        self._note(Verb.RESTORED)
        return _("They can sign in again.")


class SendLink(Act):
    """Helps somebody in who can't get in."""

    label = gettext_lazy("Send a sign-in link")
    hint = gettext_lazy("To the person's own address, for an hour, once. You don't see it.")
    needs = "accounts.change_user"

    @classmethod
    def suits(cls, person: User) -> bool:
        """Only who may come in."""
        return person.is_active

    def do(self) -> str:
        """Mail it."""
        try:
            signinlinks.send(self.request, self.person)
        except (OSError, smtplib.SMTPException):
            raise Refused(_("The mail could not be sent. Try again in a moment.")) from None
        self._note(Verb.LINK_SENT)
        return _("The link is on its way.")


class SignOut(Act):
    """Ends every sign-in."""

    label = gettext_lazy("Sign out everywhere")
    hint = gettext_lazy("Browsers and programs; API keys stay.")
    needs = "accounts.change_user"

    @classmethod
    def suits(cls, person: User) -> bool:
        """Only who may come in."""
        return person.is_active

    @transaction.atomic
    def do(self) -> str:
        """End them."""
        self.person.end_sign_ins()
        self._note(Verb.SIGNED_OUT)
        return _("Signed out everywhere.")


class RemoveFactor(Act):
    """Helps somebody whose telephone is gone."""

    label = gettext_lazy("Remove the second factor")
    hint = gettext_lazy("For a lost telephone. Be sure who asks: it halves what protects the account.")
    needs = "console.take_account"
    is_harsh = True

    @classmethod
    def suits(cls, person: User) -> bool:
        """Only who has one."""
        return bool(Authenticator.objects.filter(user=person).exists())

    @transaction.atomic
    def do(self) -> str:
        """Remove it, with its recovery codes and every sign-in."""
        Authenticator.objects.filter(user=self.person).delete()
        self.person.end_sign_ins()
        self._note(Verb.FACTOR_REMOVED)
        return _("Removed. The person is signed out everywhere.")


ACTS: dict[str, type[Act]] = {
    "plan": ChangePlan,
    "extra": GiveExtra,
    "link": SendLink,
    "sign-out": SignOut,
    "restore": Restore,
    "factor": RemoveFactor,
    "suspend": Suspend,
}


def offered(request: HttpRequest, person: User) -> dict[str, type[Act]]:
    """Return the acts that the reader may do on this person now."""
    from console.people import may_touch

    if not may_touch(request, person):
        return {}
    return {name: act for name, act in ACTS.items() if request.user.has_perm(act.needs) and act.suits(person)}
