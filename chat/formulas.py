r"""Where Markdown holds a formula: `$x$`, `\(x\)`, `$$x$$`, and blocks between `$$` or `\[` and `\]`.

`static/js/formulas.js` does the same in the browser. The HTML holds the LaTeX as it was written; the page's script
sets it (`static/js/math.js`), and without one it can be read. Sums of money stay what they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererProtocol
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

LONGEST = 2000  # characters between the marks: beyond, it is a text in which marks went astray
SINGLE = re.compile(r"\$(?!\s)((?:\\.|[^$\\\n])+?)(?<!\s)\$(?![\w$])")
DOUBLE = re.compile(r"\$\$([^$]+)\$\$")
WORD_OR_DOLLAR = re.compile(r"[\w$]")
COMMAND = re.compile(r"\\[A-Za-z]+(?:\{[^{}]*\})?")
MONEY = re.compile(r"\d.*[^\W\d_]{2}", re.DOTALL)


class Formula(NamedTuple):
    """One formula within a line of text, and where it ends."""

    content: str
    end: int
    is_display: bool = False


def add_formulas(markdown: MarkdownIt) -> None:
    """Teach a parser the formulas."""
    markdown.inline.ruler.before("escape", "math_inline", _inline_rule)
    interrupts = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    markdown.block.ruler.before("fence", "math_block", _block_rule, interrupts)  # type: ignore[arg-type]
    markdown.add_render_rule("math_inline", _render_inline)
    markdown.add_render_rule("math_block", _render_block)


def _inline(text: str, place: int) -> Formula | None:
    if text.startswith("\\(", place):
        end = text.find("\\)", place + 2, place + LONGEST)
        return None if end < 0 else Formula(text[place + 2 : end], end + 2)
    if text[place] != "$" or (place and WORD_OR_DOLLAR.match(text[place - 1])):
        return None
    if double := DOUBLE.match(text, place):
        return Formula(double[1], double.end(), is_display=True)
    single = SINGLE.match(text, place)
    # "$5 and 6$" begins like a number and goes on in words.
    if single is None or MONEY.match(COMMAND.sub(" ", single[1])):
        return None
    return Formula(single[1], single.end())


def _inline_rule(state: StateInline, silent: bool) -> bool:
    found = _inline(state.src, state.pos)
    if not found or not found.content.strip() or len(found.content) > LONGEST or found.end > state.posMax:
        return False
    if not silent:
        token = state.push("math_inline", "span", 0)
        token.content = found.content.strip()
        token.meta = {"display": found.is_display}
    state.pos = found.end
    return True


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _block_rule(state: StateBlock, begin: int, last: int, silent: bool) -> bool:
    opening = _line(state, begin)[:2]
    if opening not in ("$$", "\\[") or state.is_code_block(begin):
        return False
    found = _block(state, begin, last, closing="$$" if opening == "$$" else "\\]")
    if found is None:
        return False
    if not silent:
        content, end = found
        token = state.push("math_block", "div", 0)
        token.block, token.content, token.map = True, content, [begin, end]
        state.line = end
    return True


def _block(state: StateBlock, begin: int, last: int, *, closing: str) -> tuple[str, int] | None:
    """Return what stands between the marks, and the line after; None where a blank line comes first."""
    lines: list[str] = []
    for line in range(begin, last):
        text = _line(state, line).rstrip()
        if line == begin:
            text = text[2:]
        elif not text or state.sCount[line] < state.blkIndent:
            return None
        end = text.find(closing)
        lines.append(text if end < 0 else text[:end])
        if end >= 0:
            content = "\n".join(lines).strip()
            return (content, line + 1) if content and end + 2 == len(text) else None
    return None


def _render_inline(
    _renderer: RendererProtocol, tokens: Sequence[Token], idx: int, _options: OptionsDict, _env: Any
) -> str:
    name = "math display" if tokens[idx].meta["display"] else "math"
    return f'<span class="{name}" dir="ltr">{escapeHtml(tokens[idx].content)}</span>'


def _render_block(
    _renderer: RendererProtocol, tokens: Sequence[Token], idx: int, _options: OptionsDict, _env: Any
) -> str:
    return f'<div class="math display" dir="ltr">{escapeHtml(tokens[idx].content)}</div>\n'
