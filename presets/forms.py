"""The forms of the preset pages. They render and read; the rules are in `presets/keeping.py`."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.models import PlanLimit
from presets import catalogue, searching
from presets.keeping import DECISIVE
from presets.models import ModelPreset

_PLAIN = {"autocomplete": "off", "dir": "auto"}
_CODE = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "dir": "ltr"}

_STRATEGIES = [
    ("", _("As the site is set")),
    (ModelPreset.Strategy.AUTO, _("Balanced")),
    (ModelPreset.Strategy.PRICE, _("The cheapest first")),
    (ModelPreset.Strategy.LATENCY, _("The quickest first")),
    (ModelPreset.Strategy.UPTIME, _("The most reliable first")),
]


class DomainsField(forms.CharField):
    """Domains, one a line."""

    def __init__(self, **options: Any) -> None:
        longest = searching.MOST_DOMAINS * (searching.LONGEST_DOMAIN + 2)
        widget = forms.Textarea(attrs={"rows": 2} | _CODE)
        help_text = _("One a line, such as example.org.")
        super().__init__(required=False, max_length=longest, widget=widget, help_text=help_text, **options)

    def clean(self, value: Any) -> list[str]:
        """Return the domains, each once."""
        try:
            domains = searching.read_domains(super().clean(value).split())
        except ValueError:
            raise forms.ValidationError(_("Name sites such as example.org, one a line.")) from None
        if len(domains) > searching.MOST_DOMAINS:
            raise forms.ValidationError(_("At most %(n)s sites."), params={"n": searching.MOST_DOMAINS})
        return domains


class PresetForm(forms.Form):
    """A preset. `MORE` are the fields that most people never need."""

    MORE = (
        "search_results",
        "search_only",
        "search_without",
        "temperature",
        "top_p",
        "max_tokens",
        "routing_strategy",
        "fallback_models",
        "slug",
    )

    name = forms.CharField(
        label=_("Name"), max_length=ModelPreset.LONGEST_NAME, widget=forms.TextInput(attrs=_PLAIN)
    )
    description = forms.CharField(
        label=_("What it is for"),
        max_length=ModelPreset.LONGEST_DESCRIPTION,
        required=False,
        widget=forms.TextInput(attrs=_PLAIN),
    )
    system_prompt = forms.CharField(
        label=_("Instructions"),
        max_length=ModelPreset.LONGEST_PROMPT,
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 10, "dir": "auto"}),
        help_text=_("What the model is told before every question. Empty: those of the knowledge assistant."),
    )
    model = forms.ChoiceField(label=_("Model"), required=False)
    web_search = forms.BooleanField(label=_("Search the web"), required=False)
    is_public = forms.BooleanField(label=_("Publish it for everyone"), required=False)
    search_results = forms.IntegerField(
        label=_("Pages to find on the web"),
        required=False,
        min_value=1,
        max_value=searching.MOST_RESULTS,
        widget=forms.NumberInput(attrs={"dir": "ltr"}),
    )
    search_only = DomainsField(label=_("Search only these sites"))
    search_without = DomainsField(label=_("Search without these sites"))
    temperature = forms.FloatField(
        label=_("Temperature"),
        required=False,
        min_value=0,
        max_value=2,
        widget=forms.NumberInput(attrs={"step": "any", "dir": "ltr"}),
        help_text=_("0 keeps close to what is likely, 2 wanders far."),
    )
    top_p = forms.FloatField(
        label="Top-p",
        required=False,
        min_value=0.01,
        max_value=1,
        widget=forms.NumberInput(attrs={"step": "any", "dir": "ltr"}),
        help_text=_("Which share of the likely words is chosen from."),
    )
    max_tokens = forms.IntegerField(
        label=_("Longest answer, in tokens"),
        required=False,
        min_value=1,
        max_value=1_000_000,
        widget=forms.NumberInput(attrs={"dir": "ltr"}),
    )
    routing_strategy = forms.ChoiceField(label=_("Providers"), required=False, choices=_STRATEGIES)
    fallback_models = forms.CharField(
        label=_("Other models, if it fails"),
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 2} | _CODE),
        help_text=_("One a line, by its full name, such as openai/gpt-4o-mini."),
    )
    slug = forms.CharField(
        label=_("Short name"),
        max_length=ModelPreset.LONGEST_SLUG,
        required=False,
        widget=forms.TextInput(attrs=_CODE),
        help_text=_("For programs that ask with this preset. Made from the name when empty."),
    )

    def __init__(
        self, *args: Any, plan: PlanLimit, may_publish: bool, preset: ModelPreset | None = None, **kwargs: Any
    ) -> None:
        if preset is not None:
            kwargs["initial"] = _initial(preset)
        super().__init__(*args, **kwargs)
        if not may_publish:
            del self.fields["is_public"]
        now = preset.model if preset else ""
        self.fields["model"] = forms.ChoiceField(
            label=_("Model"), required=False, choices=_models(plan, now=now)
        )

    @property
    def first_fields(self) -> list[Any]:
        """The fields that everybody sees; boxes to tick come after them."""
        return [self[name] for name in ("name", "description", "system_prompt", "model")]

    @property
    def boxes(self) -> list[Any]:
        """The boxes to tick."""
        return [self[name] for name in ("web_search", "is_public") if name in self.fields]

    @property
    def more_fields(self) -> list[Any]:
        """The other fields."""
        return [self[name] for name in self.MORE]

    @property
    def has_more(self) -> bool:
        """Whether one of the other fields is filled in, or wrong."""
        return any(field.errors or field.value() not in (None, "") for field in self.more_fields[:-1])

    def values(self) -> dict[str, Any]:
        """Return the columns; an empty short name is no wish."""
        read = self.cleaned_data
        values = {name: read[name] for name in ("name", "description", *DECISIVE) if name in read}
        values["web_search_options"] = _search_options(read)
        # Browsers send line ends of their own; the model's instructions stay the same to the byte.
        values["system_prompt"] = read["system_prompt"].replace("\r\n", "\n")
        names = [line.strip() for line in read["fallback_models"].splitlines() if line.strip()]
        values["fallback_models"] = list(dict.fromkeys(names)) or None
        if read["slug"]:
            values["slug"] = read["slug"]
        return values

    def clean(self) -> dict[str, Any]:
        """Sites to keep to leave none to do without."""
        read = super().clean() or self.cleaned_data
        if read.get("search_only") and read.get("search_without"):
            self.add_error("search_without", _("Name sites of one kind only."))
        return read

    def clean_fallback_models(self) -> str:
        """Keep to as many as a question may name."""
        text: str = self.cleaned_data["fallback_models"]
        if len(text.split()) > ModelPreset.MOST_FALLBACKS:
            most = {"n": ModelPreset.MOST_FALLBACKS}
            raise forms.ValidationError(_("At most %(n)s models."), params=most)
        return text


class ImportForm(forms.Form):
    """A file of presets."""

    file = forms.FileField(
        label=_("File"), widget=forms.ClearableFileInput(attrs={"accept": ".json,application/json"})
    )


def _search_options(read: dict[str, Any]) -> dict[str, Any] | None:
    found = searching.options(
        max_results=read["search_results"],
        allowed_domains=read["search_only"],
        excluded_domains=read["search_without"],
    )
    return found if any(found.values()) else None


def _initial(preset: ModelPreset) -> dict[str, Any]:
    initial = {
        name: getattr(preset, name) for name in ("name", "slug", "description", "is_public", *DECISIVE)
    }
    initial["fallback_models"] = "\n".join(preset.fallback_models or ())
    options = preset.web_search_options or searching.options()
    initial["search_results"] = options["max_results"]
    initial["search_only"] = "\n".join(options["allowed_domains"])
    initial["search_without"] = "\n".join(options["excluded_domains"])
    return initial


def _models(plan: PlanLimit, *, now: str) -> list[tuple[str, Any]]:
    """Return the models to choose from, and the present one whatever has become of it."""
    usable = [
        (model.id, model.name or model.id)
        for model in catalogue.all_models()
        if model.chats and model.may_be_used(allow_advanced=plan.advanced_models)
    ]
    known = {model_id for model_id, _name in usable}
    return [("", _("The site's usual model")), *([(now, now)] if now and now not in known else []), *usable]
