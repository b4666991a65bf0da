"""Markdown of an answer to HTML that is safe to show.

`static/js/markdown.js` does the same in the browser while an answer streams; `tests/browser` holds the two
together. Markup of the author's own never passes, pictures become their description (nothing is fetched from
elsewhere), every block takes its own direction, and nothing needs an inline style.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from chat import citations
from chat.citations import MARK, Source
from chat.formulas import add_formulas

RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]")
# Recitation marks, or vowels on every third letter: the text is a verse, or set like one.
RECITATION = re.compile("[\u0671\u06d6-\u06ed]")
VOWEL = re.compile("[\u064b-\u0652\u0670]")
WEB = re.compile(r"(https?:|mailto:)", re.IGNORECASE)
LANGUAGE = re.compile(r"[\w+#.-]{1,30}")

BLOCKS = ("p", "h3", "h4", "h5", "h6", "ul", "li", "blockquote", "table", "th", "td", "pre")
BARE = ("br", "hr", "em", "strong", "s", "thead", "tbody", "tr")
MOST_BEGINNINGS, MOST_SEARCHING = 20, 10_000_000  # of addresses in one word; characters, for all of them
LEAVES = {"paragraph_open", "heading_open", "th_open", "td_open"}
CONTAINERS = {"bullet_list_open", "ordered_list_open", "list_item_open", "blockquote_open", "table_open"}
ALIGNMENT = {"text-align:left": "to-start", "text-align:center": "to-center", "text-align:right": "to-end"}

BLOCK = {"dir", "class"}
ALLOWED: dict[str, set[str]] = {
    **dict.fromkeys(BLOCKS, BLOCK),
    **{tag: set() for tag in BARE},
    **dict.fromkeys(("code", "div", "span"), BLOCK),
    "ol": BLOCK | {"start"},
    "a": {"href", "title", "target", "class", "referrerpolicy"},
}


def render(text: str, cited: Sequence[Mapping[str, Any]] = ()) -> SafeString:
    """Return the Markdown as HTML, with the numbers of the pages that it cites."""
    if not cited:
        return _render(text, ())
    return _render(citations.marked(text, cited), tuple(citations.sources(cited)))


@lru_cache(maxsize=256)
def _render(text: str, sources: tuple[Source, ...]) -> SafeString:
    placed = {int(number) for number in MARK.findall(text)}
    markdown = _markdown if _may_hold_links(text) else _without_links
    html = nh3.clean(
        markdown.render(text, {"sources": {source.number: source for source in sources}, "placed": placed}),
        tags=set(ALLOWED),
        attributes=ALLOWED,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener nofollow noreferrer",
        strip_comments=True,
    )
    return mark_safe(html)  # noqa: S308 - cleaned in the line above


def direction(text: str) -> str:
    """Return the direction of the first letter: "rtl", "ltr", or "auto" where there is none."""
    letter = next((character for character in text if character.isalpha()), None)
    if letter is None:
        return "auto"
    return "rtl" if RTL.match(letter) else "ltr"


def is_verse(text: str) -> bool:
    """Tell whether the text carries the marks of the Qur'an's script."""
    return bool(RECITATION.search(text)) or len(VOWEL.findall(text)) * 3 > sum(map(str.isalpha, text)) > 0


def _set_directions(state: StateCore) -> None:
    """Give leaves `dir="auto"`, and containers the direction of their first letter.

    A container can't be "auto": a browser skips what has a direction of its own when it looks for the letter.
    """
    open_containers: list[Token] = []
    for place, token in enumerate(state.tokens):
        if token.type in LEAVES:
            token.attrSet("dir", "auto")
        elif token.type in CONTAINERS:
            token.attrSet("dir", "auto")
            open_containers.append(token)
        elif token.type == "inline":
            _direct_containers(open_containers, direction(token.content))
            _mark_verse(state.tokens[place - 1], open_containers, token.content)
        elif token.nesting == -1 and open_containers and f"{token.type[:-5]}open" in CONTAINERS:
            open_containers.pop()


def _direct_containers(containers: list[Token], found: str) -> None:
    for container in containers:
        if container.attrGet("dir") == "auto" and found != "auto":
            container.attrSet("dir", found)


def _mark_verse(block: Token, containers: list[Token], text: str) -> None:
    is_quoted = any(container.type == "blockquote_open" for container in containers)
    if is_quoted and block.type == "paragraph_open" and is_verse(text):
        block.attrSet("class", "verse")


def _align_by_class(state: StateCore) -> None:
    """Replace the style attribute of table cells, which the content security policy refuses."""
    for token in state.tokens:
        if token.type in {"th_open", "td_open"} and (style := token.attrs.pop("style", None)):
            token.attrSet("class", ALIGNMENT.get(str(style), "to-start"))


def _outline_headings(state: StateCore) -> None:
    """Let headings begin at h3, below the page's own two levels, and never skip one, whatever the author wrote."""
    above: list[int] = []
    for token in state.tokens:
        if token.type == "heading_open":
            level = int(token.tag[1])
            above = [each for each in above if each < level] + [level]
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(len(above) + 2, 6)}"


def _number_sources(state: StateCore) -> None:
    """Make links of the marks in the text, and put a number behind links to pages that were cited without a place."""
    sources: dict[int, Source] = state.env.get("sources", {})
    if not sources:
        return
    linked = {
        state.md.normalizeLink(source.url): source
        for source in sources.values()
        if source.number not in state.env["placed"]
    }
    for token in state.tokens:
        token.content = token.content if token.children else MARK.sub("", token.content)
        if token.children:
            token.children = list(_numbered(token.children, sources, linked))


def _numbered(
    tokens: Sequence[Token], sources: Mapping[int, Source], linked: Mapping[str, Source]
) -> Iterator[Token]:
    address = ""
    for token in tokens:
        if token.type == "text":
            yield from _split(token, sources)
            continue
        token.content = MARK.sub("", token.content)
        yield token
        if token.type == "link_open":
            address = str(token.attrGet("href"))
        elif token.type == "link_close" and address in linked:
            yield _cite(linked[address], token.level)


def _split(token: Token, sources: Mapping[int, Source]) -> Iterator[Token]:
    """Yield a text and the numbers in it as tokens of their own."""
    for place, part in enumerate(MARK.split(token.content)):
        if place % 2 == 0 and part:
            yield Token("text", "", 0, content=part, level=token.level)
        elif place % 2 and int(part) in sources:
            yield _cite(sources[int(part)], token.level)


def _cite(source: Source, level: int) -> Token:
    return Token("cite", "a", 0, meta={"source": source}, level=level)


class Renderer(RendererHTML):
    """The few elements that differ from plain CommonMark."""

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """Return a block of code with its language above it."""
        return _code(tokens[idx].content, tokens[idx].info.strip().split(maxsplit=1))

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """Return an indented block like a fenced one."""
        return _code(tokens[idx].content, [])

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """Return the description alone: a picture would tell its server who reads, and when."""
        alt = self.renderInlineAsText(tokens[idx].children, options, env)
        return f'<span class="picture">{escapeHtml(alt)}</span>' if alt else ""

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """Open links beside the conversation, not over it."""
        tokens[idx].attrSet("target", "_blank")
        tokens[idx].attrSet("referrerpolicy", "no-referrer")
        return self.renderToken(tokens, idx, options, env)

    def cite(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """Return the number of a cited page as a link to it."""
        source: Source = tokens[idx].meta["source"]
        title = source.title if source.title == source.host else f"{source.title} · {source.host}"
        return (
            f'<a class="cite" href="{escapeHtml(source.url)}" title="{escapeHtml(title)}" target="_blank" '
            f'referrerpolicy="no-referrer">{source.number}</a>'
        )

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """Let a wide table scroll by itself."""
        return '<div class="table-scroll">' + self.renderToken(tokens, idx, options, env)

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """Close what `table_open` opened."""
        return "</table></div>\n"


def _code(content: str, info: list[str]) -> str:
    found = LANGUAGE.fullmatch(info[0]) if info else None
    language = found.group().lower() if found else ""
    css_class = f' class="language-{escapeHtml(language)}"' if language else ""
    return (
        '<div class="code"><div class="code-head">'
        f'<span class="code-language">{escapeHtml(language)}</span></div>'
        f'<pre dir="ltr"><code{css_class}>{escapeHtml(content)}</code></pre></div>\n'
    )


def _may_hold_links(text: str) -> bool:
    """Tell whether to look for addresses in a text.

    From each beginning of one, the search goes on to the end of the word and back over the paragraph. Where a text is
    nothing but beginnings that takes minutes; what people write holds few.
    """
    if text.count("://") * len(text) > MOST_SEARCHING:
        return False
    return all(word.count(":") + word.count("//") <= MOST_BEGINNINGS for word in text.split())


def _make_markdown(*, finds_links: bool = True) -> MarkdownIt:
    options = {"html": False, "linkify": finds_links, "breaks": True, "typographer": False}
    markdown = MarkdownIt("commonmark", options, renderer_cls=Renderer)
    markdown.enable(["table", "strikethrough", "linkify"])
    # An address within this site would let an answer send its reader to sign-out or the like.
    markdown.validateLink = lambda url: bool(WEB.match(url))  # type: ignore[method-assign]
    assert markdown.linkify
    # Only addresses with a scheme: "file.py" and "e.g." are no links.
    markdown.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    add_formulas(markdown)
    rules: list[tuple[str, Callable[[StateCore], None]]] = [
        ("directions", _set_directions),
        ("align_by_class", _align_by_class),
        ("outline_headings", _outline_headings),
        ("number_sources", _number_sources),
    ]
    for name, rule in rules:
        markdown.core.ruler.push(name, rule)
    return markdown


_markdown, _without_links = _make_markdown(), _make_markdown(finds_links=False)
