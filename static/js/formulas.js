/* Where Markdown holds a formula, by the same rules as chat/formulas.py on the server: `$x$`, `\(x\)`, `$$x$$`, and
   blocks between `$$` or `\[` and `\]`. Sums of money stay what they are. */

const LONGEST = 2000;
const SINGLE = /\$(?!\s)((?:\\.|[^$\\\n])+?)(?<!\s)\$(?![\p{L}\p{N}_$])/uy;
const DOUBLE = /\$\$([^$]+)\$\$/y;
const WORD_OR_DOLLAR = /[\p{L}\p{N}_$]/u;
const COMMAND = /\\[A-Za-z]+(?:\{[^{}]*\})?/g;
const OPENING = /^(?:\$\$|\\\[)/;

function isMoney(content) {
  return /^\p{Nd}/u.test(content) && /\p{L}{2}/u.test(content.replace(COMMAND, " "));
}

function matchAt(pattern, text, place) {
  pattern.lastIndex = place;
  return pattern.exec(text);
}

function inline(text, place) {
  if (text.startsWith("\\(", place)) {
    const end = text.slice(0, place + LONGEST).indexOf("\\)", place + 2);
    return end < 0 ? null : { content: text.slice(place + 2, end), end: end + 2, display: false };
  }
  if (text[place] !== "$" || WORD_OR_DOLLAR.test(text[place - 1] ?? "")) return null;
  const double = matchAt(DOUBLE, text, place);
  if (double) return { content: double[1], end: place + double[0].length, display: true };
  const single = matchAt(SINGLE, text, place);
  if (!single || isMoney(single[1])) return null;
  return { content: single[1], end: place + single[0].length, display: false };
}

function inlineRule(state, silent) {
  const found = inline(state.src, state.pos);
  if (!found || !found.content.trim() || found.content.length > LONGEST || found.end > state.posMax) return false;
  if (!silent) {
    const token = state.push("math_inline", "span", 0);
    token.content = found.content.trim();
    token.meta = { display: found.display };
  }
  state.pos = found.end;
  return true;
}

function lineOf(state, line) {
  return state.src.slice(state.bMarks[line] + state.tShift[line], state.eMarks[line]);
}

function blockRule(state, begin, last, silent) {
  const opening = OPENING.exec(lineOf(state, begin))?.[0];
  if (!opening || state.sCount[begin] - state.blkIndent >= 4) return false;
  const closing = opening === "$$" ? "$$" : "\\]";
  const lines = [];
  for (let line = begin; line < last; line += 1) {
    const text = (line === begin ? lineOf(state, line).slice(2) : lineOf(state, line)).trimEnd();
    const isOutside = line > begin && (!text || state.sCount[line] < state.blkIndent);
    if (isOutside) return false;
    const end = text.indexOf(closing);
    lines.push(end < 0 ? text : text.slice(0, end));
    if (end < 0) continue;
    const content = lines.join("\n").trim();
    if (end + 2 !== text.length || !content) return false;
    if (silent) return true;
    const token = state.push("math_block", "div", 0);
    Object.assign(token, { block: true, content, map: [begin, line + 1] });
    state.line = line + 1;
    return true;
  }
  return false;
}

/** Teach a parser the formulas. */
export function addFormulas(md) {
  const { escapeHtml } = md.utils;
  md.inline.ruler.before("escape", "math_inline", inlineRule);
  md.block.ruler.before("fence", "math_block", blockRule, { alt: ["paragraph", "reference", "blockquote", "list"] });
  md.renderer.rules.math_inline = (tokens, place) => {
    const name = tokens[place].meta.display ? "math display" : "math";
    return `<span class="${name}" dir="ltr">${escapeHtml(tokens[place].content)}</span>`;
  };
  md.renderer.rules.math_block = (tokens, place) =>
    `<div class="math display" dir="ltr">${escapeHtml(tokens[place].content)}</div>\n`;
}
