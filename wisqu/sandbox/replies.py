"""What the sandbox's model says: Markdown worth looking at, chosen by the question's script and words."""

import hashlib
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from wisqu.sandbox import controls, tokens
from wisqu.sandbox.amending import amended
from wisqu.sandbox.reading import Ask

_READ = 4000  # characters of a question that are looked at: prompts may have millions
_DATA = Path(__file__).parent / "data" / "replies"
_TITLE_ASKED = re.compile(
    r"\b(?:write|give|generate|create|make|suggest|propose|choose|reply|answer)\b[^\n]{0,80}\btitles?\b",
    re.IGNORECASE,
)
_URDU = re.compile(r"[\u0679\u0688\u0691\u06ba\u06be\u06c1\u06d2]")
_PERSIAN = re.compile(r"[\u067e\u0686\u0698\u06a9\u06af\u06cc]")
_ARABIC = re.compile(r"[\u0600-\u06ff]")
_TOPICS = {
    name: re.compile(words, re.IGNORECASE)
    for name, words in {
        "code": r"\b(?:code|python|program|function|calculate)\b|کد|پایتون|برنامه|پروگرام|برمجة|كود|احسب",
        "table": r"\b(?:table|compare|comparison|overview|timeline)\b|جدول|مقایسه|مقارنة|قارن|موازنہ",
        "verse": r"\b(?:verses?|qur['’]?an|surah|ayah)\b|آیه|آیات|قرآن|سوره|آية|سورة|آیت|سورت",
    }.items()
}
_REASONING = {
    "en": "The question is read first, then its language and its topic. A short structured answer will do: "
    "a heading, the main points, and an example. No model is asked, so nothing is claimed beyond the sample.",
    "ar": "أقرأ السؤال أولا ثم أحدد لغته وموضوعه. يكفي جواب قصير مرتب: عنوان ونقاط رئيسة ومثال.",
    "fa": "نخست پرسش را می‌خوانم و زبان و موضوع آن را می‌یابم. "
    "پاسخی کوتاه و مرتب بس است: عنوان، نکته‌ها و یک نمونه.",
    "ur": "پہلے سوال پڑھتا ہوں، پھر اس کی زبان اور موضوع۔ ایک مختصر اور مرتب جواب کافی ہے۔",
}


@dataclass(frozen=True, slots=True)
class Extra:
    """More than text at the end of a message: an image, annotations, tool calls; what tokens it costs."""

    delta: dict[str, Any]
    tokens: int = 0
    image: int = 0


@dataclass(slots=True)
class Reply:
    """What is said, in the pieces a stream sends, and why it ends."""

    pieces: list[str]
    reasoning: list[str] = field(default_factory=list)
    reasoning_hidden: bool = False
    finish: str = "stop"
    extras: list[Extra] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def cut(self, limit: int | None) -> None:
        """Keep to a limit of tokens, reasoning included."""
        if limit is None or len(self.pieces) + len(self.reasoning) <= limit:
            return
        self.reasoning = self.reasoning[:limit]
        self.pieces = self.pieces[: limit - len(self.reasoning)]
        self.finish = "length"


def digest(text: str) -> bytes:
    """Bytes that are the same for the same text: what all the sandbox's chances are drawn from."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass")).digest()


def language(text: str) -> str:
    """`ur`, `fa`, `ar` or `en`, by the letters that only one of them has."""
    text = text[:_READ]
    if _URDU.search(text):
        return "ur"
    if _PERSIAN.search(text):
        return "fa"
    return "ar" if _ARABIC.search(text) else "en"


def topic(question: str) -> str | None:
    """The first topic one of whose words is in the question."""
    question = question[:_READ]
    return next((name for name, words in _TOPICS.items() if words.search(question)), None)


@cache
def _pages(tongue: str) -> dict[str, str]:
    return {
        path.stem: path.read_text(encoding="utf-8").strip() for path in sorted((_DATA / tongue).glob("*.md"))
    }


def _pick(question: str, names: list[str]) -> str:
    return names[digest(question)[0] % len(names)]


def _quoted(question: str) -> str:
    line = " ".join(question[:_READ].split())
    line = re.sub(r"[<>`*_\[\]|#\\]", "", line)
    return line if len(line) <= 120 else line[:120].rsplit(" ", 1)[0] + " …"


def sample(question: str) -> str:
    """The Markdown answer to a question."""
    tongue = language(question)
    pages = _pages(tongue)
    wanted = topic(question)
    name = (
        wanted if wanted in pages else _pick(question, [name for name in pages if name.startswith("general")])
    )
    return pages[name].replace("{question}", _quoted(question) or "…")


def title(question: str) -> str:
    """A short title of what was asked: the answers to it are told behind a line of dashes."""
    question = question.partition("\n---\n")[0]
    words = re.sub(r"[\"'`*#<>\[\]{}|]", "", controls.strip(question)[:_READ]).split()
    text = " ".join(words[:6]).strip(" ?.!,:;؟،؛")
    text = text[:60].rsplit(" ", 1)[0] if len(text) > 60 else text
    return (text[:1].upper() + text[1:]) or "New conversation"


def asks_for_title(ask: Ask) -> bool:
    return _TITLE_ASKED.search(ask.system) is not None


def _words(count: int) -> list[str]:
    """Numbered words, one token each, so that a lost or doubled one is seen."""
    return [f"w{index}" if index == 1 else f" w{index}" for index in range(1, count + 1)]


def _content(ask: Ask) -> list[str]:
    words = ask.controls
    if "words" in words:
        return _words(words.number("words", 100))
    if "reply" in words:
        return tokens.pieces(words.text("reply"))
    if "echo" in words or ask.models[0] == "sandbox/echo":
        return tokens.pieces(controls.strip(ask.question))
    return tokens.pieces(sample(controls.strip(ask.question)))


def _reasoning(ask: Ask) -> list[str]:
    if not ask.reasoning:
        return []
    if ask.controls.text("reasoning"):
        return _words(ask.controls.number("reasoning", 20))
    return tokens.pieces(_REASONING[language(ask.question)])


def compose(ask: Ask) -> Reply:
    """The plain answer to a request, before failures and limits."""
    if asks_for_title(ask):
        return Reply(tokens.pieces(title(ask.question)))
    again = amended(ask.body.get("messages", []))
    if again is not None and "reply" not in ask.controls:
        return Reply(tokens.pieces(again))
    return Reply(_content(ask), reasoning=_reasoning(ask))
