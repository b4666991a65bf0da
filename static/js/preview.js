/* What to show of Markdown whose end has not arrived: marks that are still open are closed, and lines whose meaning
   the next characters decide are held back, so that nothing changes its shape before the reader's eyes. */

const FENCE = /^ {0,3}(```+|~~~+)/;
const OPENING = /^[ \t]*(\$\$|\\\[)/;
const UNDECIDED_LINE = /(^|\n)[ \t]*(?:[-=*_`~#>+|]{1,3}|\d{1,3}[.)]?|\\|\$)[ \t]*$/;
const DELIMITER_ROW = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

function isInsideFence(text) {
  let open = "";
  for (const line of text.split("\n")) {
    const found = FENCE.exec(line)?.[1];
    if (!found) continue;
    if (!open) open = found;
    else if (found[0] === open[0] && found.length >= open.length) open = "";
  }
  return Boolean(open);
}

function count(text, mark) {
  return text.split(mark).length - 1;
}

/** Hold back the head of a table until the row below it says that it is one. */
function withoutHalfTable(text) {
  const begin = text.lastIndexOf("\n\n") + 1 || 0;
  const lines = text.slice(begin).replace(/^\n/, "").split("\n");
  if (!lines[0].trimStart().startsWith("|") || lines.length > 2) return text;
  const isTable = lines.length === 2 && DELIMITER_ROW.test(lines[1]) && lines[1].includes("-") && count(lines[1], "|") >= count(lines[0], "|");
  return isTable ? text : text.slice(0, begin);
}

/** Close what stands open in the last paragraph, and show a half link by its words. */
function withInlinesClosed(text) {
  const begin = text.lastIndexOf("\n\n") + 1;
  const before = text.slice(0, begin);
  let last = text.slice(begin).replace(/!?\[([^\][]*)\]\([^)\s]*$/, "$1");
  if (count(last, "`") % 2) return before + (last.endsWith("`") ? last.slice(0, -1) : `${last}\``);
  if (last.lastIndexOf("\\(") > last.lastIndexOf("\\)")) return `${before}${last.replace(/\\$/, "").trimEnd()}\\)`;
  for (const mark of ["**", "~~"]) {
    if (count(last, mark) % 2 === 0) continue;
    last = last.trimEnd();
    last = last.endsWith(mark) ? last.slice(0, -2) : last + (mark === "**" && last.endsWith("*") ? "*" : mark);
  }
  return before + last;
}

/** Return where a block of LaTeX begins that stands open at the end, with its mark; null where none does. */
function openFormula(text) {
  let place = (/^[^]*\n[ \t]*\n/.exec(text)?.[0] ?? "").length; // no formula goes across a blank line
  let open = null;
  for (const line of text.slice(place).split("\n")) {
    const mark = OPENING.exec(line)?.[1];
    if (open) open = line.includes(open.closing) ? null : open;
    else if (mark) open = { begin: place, content: place + line.indexOf(mark) + 2, closing: mark === "$$" ? "$$" : "\\]" };
    if (open?.begin === place && text.slice(open.content, place + line.length).includes(open.closing)) open = null;
    place += line.length + 1;
  }
  return open;
}

function withFormulaClosed(text, { begin, content, closing }) {
  const shown = text.slice(content).replace(/[\\$]$/, "").trim(); // the mark may be half of what closes it
  return shown ? `${text.slice(0, content)}${shown}\n${closing}` : text.slice(0, begin);
}

/** Return the text as it should be shown while more of it is to come. */
export function preview(text) {
  if (isInsideFence(text)) return text.replace(/\n[ \t]*[`~]{1,2}$/, "");
  const formula = openFormula(text);
  if (formula) return withFormulaClosed(text, formula);
  return withInlinesClosed(withoutHalfTable(text.replace(UNDECIDED_LINE, "")));
}
