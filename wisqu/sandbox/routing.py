"""Which model answers: the first of `model` and `models` that is known, fits and is not scripted to fail."""

from dataclasses import dataclass

from wisqu.sandbox import catalogue, faults
from wisqu.sandbox.catalogue import Model
from wisqu.sandbox.controls import FaultWord
from wisqu.sandbox.endpoints import Providers
from wisqu.sandbox.faults import FaultDesk, HttpFault
from wisqu.sandbox.ledger import Attempt
from wisqu.sandbox.reading import Ask

# Of Claude, the models that go on from an unfinished answer; later ones refuse it.
_GO_ON = ("anthropic/claude-3", "anthropic/claude-sonnet-4.5", "anthropic/claude-haiku-4.5")


@dataclass(frozen=True, slots=True)
class Route:
    """The model that answers and the failures scripted for its answer."""

    model: Model
    words: list[FaultWord]
    attempts: list[Attempt]


@dataclass(frozen=True, slots=True)
class NoRoute:
    """No model answers: the last one's error."""

    fault: HttpFault
    word: FaultWord | None
    attempts: list[Attempt]


def missing(name: str) -> HttpFault:
    """The refusal of a model nobody knows."""
    return HttpFault(
        400, f"{name} is not a valid model ID", "invalid_request", availability=("model_not_found", False)
    )


def gone(name: str) -> HttpFault:
    """The refusal of a model that is offered no more, or not for this."""
    return HttpFault(
        404, f"No endpoints found for {name}.", "not_found", availability=("model_deprecated", False)
    )


def _no_endpoints(message: str) -> HttpFault:
    return HttpFault(404, message, "not_found", availability=("no_endpoints", False))


def _too_long(model: Model, ask: Ask) -> HttpFault | None:
    asked = ask.prompt_tokens + (ask.max_tokens or 0)
    if asked <= model.context_length:
        return None
    return HttpFault(
        400,
        f"This endpoint's maximum context length is {model.context_length} tokens. However, you requested "
        f"about {asked} tokens ({ask.prompt_tokens} of text input, {ask.max_tokens or 0} in the output). "
        "Please reduce the length of either one.",
        "context_length_exceeded",
    )


def _unfit(model: Model, ask: Ask) -> HttpFault | None:
    """Why this model cannot take this request, if so."""
    if not {"text", "image"} & set(model.output_modalities):
        return gone(model.id)
    for modality in ("image", "audio", "video"):
        if modality in ask.modalities_in and modality not in model.input_modalities:
            return _no_endpoints(f"No endpoints found that support {modality} input")
    if ask.wants_image and "image" not in model.output_modalities:
        return _no_endpoints("No endpoints found that support the requested output modalities: image")
    goes_on = model.family != "anthropic" or model.id.startswith(_GO_ON)
    if ask.unfinished and not ask.unfinished.told and not goes_on:
        return HttpFault(
            400,
            "This model does not support assistant message prefill. The conversation must end with a user message.",
            "invalid_request",
        )
    return _too_long(model, ask)


def choose(*, ask: Ask, desk: FaultDesk, providers: Providers, scope: str, session: str) -> Route | NoRoute:
    """Try the models in their order; what each answered is noted in `attempts`."""
    wished = ask.body.get("provider")
    preferences = wished if isinstance(wished, dict) else {}
    attempts: list[Attempt] = []
    last: tuple[HttpFault, FaultWord | None] = (missing("?"), None)
    for index, name in enumerate(ask.models):
        model = catalogue.find(name)
        if model is None or model.retired:
            last = (missing(name) if model is None else gone(name), None)
        else:
            words = desk.applying(controls=ask.controls, model=model.id, first=index == 0, scope=scope)
            scripted = faults.http_fault(words)
            unfit = _unfit(model, ask)
            if scripted is None and unfit is None:
                served = providers.serve(model, preferences=preferences, session=session)
                if served is not None:
                    attempts.append(Attempt(served.canonical_slug, served.provider, 200))
                    return Route(served, words, attempts)
                unfit = _no_endpoints("No endpoints found matching your provider preferences")
            last = scripted or (unfit or last[0], None)
        attempts.append(
            Attempt(
                model.canonical_slug if model else name,
                model.provider if model else "unknown",
                last[0].status,
            )
        )
    return NoRoute(*last, attempts)
