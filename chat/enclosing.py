"""What the files of a question become in a prompt. Pure but for one query; equal input gives equal bytes.

Files stand before the words of their question, so that everything up to the words is the same each time and a cache
point behind them pays from the second question on. Bytes are not read here: parts name where they are kept, and
`chat.payloads` puts them in when the question goes out.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from billing.errors import FeatureRequired
from billing.models import Feature, PlanLimit
from chat.models import Attachment, ParsedFile
from chat.payloads import stored
from chat.prompts import Line
from presets import catalogue
from wisqu.api.problems import FieldError, Invalid
from wisqu.openrouter.types import AudioPart, FilePart, ImagePart, Part, TextPart

log = logging.getLogger(__name__)

# Tokens: of a page that a model sees as a picture, of one that is read for it, of a picture (pixels a token).
_SEEN_PAGE, _READ_PAGE, _PIXELS_A_TOKEN = 1_500, 500, 750
# Of sound: what Gemini counts, more than the others do.
_TOKENS_A_SECOND = 32
# A page with fewer characters is a picture of a page.
_CHARACTERS_OF_A_PAGE = 40
# Of the context, what the texts of one question's files may take: the next question has to fit beside them.
_SHARE_OF_CONTEXT = 2

# What a parser makes of a book; more than this is not kept, and parsed again.
_LONGEST_ANNOTATION = 8_000_000

_CUT = "\n[The rest of this file was left out: it is too long. Say so if the answer may stand there.]"
_UNSEEN = "[The picture {name} was attached here. This model can't see it.]"
_UNHEARD = "[The recording {name} was attached here. This model can't hear it.]"
_UNREADABLE = "[The PDF {name} was attached here. It has no text that could be read.]"


@dataclass(frozen=True, slots=True)
class Enclosed:
    """The files of one message as the model gets them. `text` goes before the message's own words, in one part with
    them; `parts` go before both. `tokens` is an estimate."""

    text: str = ""
    parts: tuple[Part, ...] = ()
    tokens: int = 0

    def with_words(self, words: str) -> tuple[Part, ...]:
        """Return the parts of a message that says `words`."""
        return (*self.parts, TextPart(self.text + words))


@dataclass(frozen=True, slots=True)
class Way:
    """How files get to one model for one plan. `parsed` has what is known of PDFs in this conversation, `told` those
    of them whose annotation stands on an answer of this branch."""

    plan: PlanLimit
    model: catalogue.Model
    context: int
    parsed: Mapping[uuid.UUID, dict[str, Any]] = field(default_factory=dict)
    told: frozenset[uuid.UUID] = frozenset()

    @property
    def sees(self) -> bool:
        """Whether the model takes pictures; of one that nobody describes it is hoped."""
        return "image" in self.model.input_modalities or not self.model.is_known

    @property
    def hears(self) -> bool:
        """Whether the model takes sound."""
        return "audio" in self.model.input_modalities

    @property
    def has_parser(self) -> bool:
        """Whether PDFs go to OpenRouter's parser; else their text is read here."""
        return self.plan.has(Feature.PDF) and not catalogue.is_server_of_ones_own()

    def engine(self, pdfs: Iterable[Attachment]) -> str:
        """Return what reads these PDFs: as the settings say, or the cheapest that can."""
        takes_files = "file" in self.model.input_modalities
        wish: str = settings.PDF_ENGINE
        if wish in ("cloudflare-ai", "mistral-ocr") or (wish == "native" and takes_files):
            return wish
        if all(map(has_text, pdfs)):
            return "cloudflare-ai"
        return "native" if takes_files else "mistral-ocr"


def has_text(pdf: Attachment) -> bool:
    """Tell whether the pages are written, and not pictures of pages."""
    return len(pdf.text) >= _CHARACTERS_OF_A_PAGE * min(pdf.pages or 1, 20)


def facts(attachment: Attachment) -> dict[str, Any]:
    """Return what a question keeps of its file, to be shown without asking for it again."""
    shown = ("name", "media_type", "size", "pages", "width", "height", "duration_ms")
    return {
        "id": str(attachment.id),
        "type": attachment.family,
        **{name: value for name in shown if (value := getattr(attachment, name)) is not None},
    }


class Unheard(Invalid):
    """Recordings that their model can't hear and that have no words yet: `chat.hearing` puts them into words."""

    def __init__(self, recordings: Sequence[Attachment], model: catalogue.Model) -> None:
        detail = f"{model.id} can't hear. Choose a model that can."
        super().__init__(detail=detail, errors=[FieldError("attachments", "model_hears_no_audio", detail)])
        self.recordings = recordings


def refuse_unreadable(attachments: Sequence[Attachment], way: Way) -> None:
    """Raise what is to be said where the model, or the plan, can do nothing with a file of the question itself."""
    for each in attachments:
        if each.family == Attachment.Family.IMAGE and not way.sees:
            raise _refused(
                "model_sees_no_images", f"{way.model.id} can't see pictures. Choose a model that can."
            )
        if each.family == Attachment.Family.PDF and not way.has_parser and not each.text.strip():
            if not catalogue.is_server_of_ones_own():
                raise FeatureRequired(feature=Feature.PDF, plan=way.plan)
            raise _refused("pdf_without_text", f"{each.name} has no text: its pages are pictures.")


def _refused(code: str, detail: str) -> Invalid:
    return Invalid(detail=detail, errors=[FieldError("attachments", code, detail)])


def enclose(attachments: Sequence[Attachment], way: Way) -> Enclosed:
    """Return the files of one message as they are sent."""
    texts: list[str] = []
    parts: list[Part] = []
    tokens, room = 0, way.context // _SHARE_OF_CONTEXT
    for each in attachments:
        if each.family == Attachment.Family.PDF and way.has_parser:
            text, pieces = _pdf(each, way)
            texts.append(text)
            parts += pieces
            tokens += _pdf_tokens(each, way)
        elif each.family == Attachment.Family.AUDIO and way.hears:
            parts.append(AudioPart(stored(each), each.key.rpartition(".")[2]))
            tokens += (each.duration_ms or 1000) * _TOKENS_A_SECOND // 1000
        elif each.family == Attachment.Family.IMAGE and way.sees:
            parts.append(ImagePart(stored(each)))
            tokens += (each.width or 1) * (each.height or 1) // _PIXELS_A_TOKEN + 1
        else:
            text, size = _text(each, room)
            texts.append(text)
            tokens, room = tokens + size, max(0, room - size)
    return Enclosed("".join(texts), tuple(parts), tokens)


def _pdf(pdf: Attachment, way: Way) -> tuple[str, list[Part]]:
    """Return the file for the parser, or what the parser made of it where no answer of this branch can tell that."""
    annotation = way.parsed.get(pdf.id)
    if annotation is None or pdf.id in way.told:
        return "", [FilePart(pdf.name, stored(pdf))]
    content = [each for each in annotation.get("file", {}).get("content") or () if isinstance(each, dict)]
    texts = [each["text"] for each in content if isinstance(each.get("text"), str)]
    images = [each["image_url"].get("url") for each in content if isinstance(each.get("image_url"), dict)]
    return "\n".join([*texts, "\n"]), [ImagePart(url) for url in images if isinstance(url, str)]


def _pdf_tokens(pdf: Attachment, way: Way) -> int:
    pages = pdf.pages or 1
    if way.engine([pdf]) == "native":
        return pdf.token_estimate + _SEEN_PAGE * pages
    return pdf.token_estimate if has_text(pdf) else max(pdf.token_estimate, _READ_PAGE * pages)


def _text(attachment: Attachment, room: int) -> tuple[str, int]:
    """Return what stands for a file in words, and about how many tokens that is; at most `room`, cut with a note."""
    text, size = attachment.text.strip(), attachment.token_estimate
    if not text:
        return _note(attachment) + "\n\n", 20
    if size > room:
        text, size = text[: len(text) * room // max(size, 1)] + _CUT, room
    return f'<file name="{attachment.name}">\n{text}\n</file>\n\n', size + 12


def _note(attachment: Attachment) -> str:
    notes = {Attachment.Family.IMAGE: _UNSEEN, Attachment.Family.AUDIO: _UNHEARD}
    return notes.get(Attachment.Family(attachment.family), _UNREADABLE).format(name=attachment.name)


# --- The whole prompt -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a question, and where it is asked."""

    conversation_id: uuid.UUID | None = None
    attached: Sequence[Attachment] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """What is to be known of the files of a prompt. `pdfs` (id and name) go to the parser, which is `engine`; whoever
    answers must take what `needs` names ("image", "file", "audio")."""

    pdfs: tuple[tuple[uuid.UUID, str], ...] = ()
    engine: str | None = None
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Dressed:
    """History and question with their files."""

    lines: Sequence[Line]
    question: tuple[Part, ...]
    sent: Sent = field(default_factory=Sent)


def dress(files: Files, way: Way, lines: Sequence[Line], words: str) -> Dressed:
    """Put the files into the lines of a history, and before the words of a question."""
    named = [ids_in(line.attached) for line in lines]
    known = {each.id: each for each in files.attached}
    known |= _rows({each for ids in named for each in ids} - known.keys())
    if not known:
        return Dressed(lines, (TextPart(words),))
    if not way.hears and (unheard := [each for each in known.values() if _is_unheard(each)]):
        raise Unheard(unheard, way.model)
    way = replace(way, parsed=_parsed(files.conversation_id, way, known.values()))
    done, seen = list(lines), set[uuid.UUID]()
    for place, ids in enumerate(named):
        answer = _answer_after(lines, place)
        told = [] if answer is None else [each for each in ids if each in way.parsed and each not in seen]
        fresh = [known[each] for each in ids if each in known and each not in seen]
        if fresh:
            enclosed = enclose(fresh, replace(way, told=frozenset(told)))
            done[place] = replace(done[place], parts=enclosed.with_words(lines[place].content))
        if answer is not None and told:
            done[answer] = replace(done[answer], annotations=tuple(way.parsed[each] for each in told))
        seen.update(ids)
    enclosed = enclose([each for each in files.attached if each.id not in seen], way)
    question = enclosed.with_words(words)
    return Dressed(done, question, _sent(done, question, way, known))


def _is_unheard(attachment: Attachment) -> bool:
    return attachment.family == Attachment.Family.AUDIO and not attachment.text


def _rows(ids: set[uuid.UUID]) -> dict[uuid.UUID, Attachment]:
    # What stands on a message was its owner's when it was written there.
    return Attachment.objects.in_bulk(list(ids)) if ids else {}


def _parsed(
    conversation_id: uuid.UUID | None, way: Way, attachments: Iterable[Attachment]
) -> dict[uuid.UUID, dict[str, Any]]:
    pdfs = [each.id for each in attachments if each.family == Attachment.Family.PDF and way.has_parser]
    if not pdfs or conversation_id is None:
        return {}
    rows = ParsedFile.objects.filter(conversation_id=conversation_id, attachment_id__in=pdfs)
    return dict(rows.values_list("attachment_id", "annotation"))


def _answer_after(lines: Sequence[Line], place: int) -> int | None:
    answer = place + 1
    is_there = answer < len(lines) and lines[answer].role == "assistant" and lines[answer].content
    return answer if is_there else None


def _sent(
    lines: Sequence[Line], question: tuple[Part, ...], way: Way, known: Mapping[uuid.UUID, Attachment]
) -> Sent:
    sent = [part for line in lines for part in line.parts] + list(question)
    references = {part.data for part in sent if isinstance(part, FilePart)}
    pdfs = [each for each in known.values() if stored(each) in references]
    engine = way.engine(pdfs) if pdfs else None
    needs = {"image"} if any(isinstance(part, ImagePart) for part in sent) else set()
    if any(isinstance(part, AudioPart) for part in sent):
        needs.add("audio")
    if engine == "native":
        needs.add("file")
    return Sent(tuple((each.id, each.name) for each in pdfs), engine, frozenset(needs))


def takes(model: catalogue.Model | None, needs: frozenset[str]) -> bool:
    """Tell whether a model takes all that a prompt has."""
    return model is None or not model.is_known or needs <= set(model.input_modalities)


def ids_in(attached: Iterable[Mapping[str, Any]]) -> list[uuid.UUID]:
    """Return the files that a message's `attached` names."""
    return [uuid.UUID(each["id"]) for each in attached]


# --- What comes back --------------------------------------------------------------------------------------------


def keep_parsed(
    conversation_id: uuid.UUID, pdfs: Sequence[tuple[uuid.UUID, str]], annotations: Sequence[dict[str, Any]]
) -> None:
    """Keep what the parser made of these PDFs (id and name), to be sent back with the next question."""
    left, found = list(pdfs), []
    for annotation in annotations:
        name = annotation["file"].get("name")
        mine = next((each for each in left if each[1] == name), left[0] if left else None)
        text = json.dumps(annotation)
        if mine is None or len(text) > _LONGEST_ANNOTATION or "\\u0000" in text:
            continue
        left.remove(mine)
        found.append(
            ParsedFile(conversation_id=conversation_id, attachment_id=mine[0], annotation=annotation)
        )
    try:
        with transaction.atomic():
            ParsedFile.objects.bulk_create(found, ignore_conflicts=True)
    except IntegrityError:
        log.info("a conversation or a file was deleted while its parsed text came")
