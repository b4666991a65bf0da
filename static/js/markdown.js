/* Markdown of an answer to safe HTML, by the same rules as chat/rendering.py on the server. */

import { addCitations, marked, placedIn, sourcesOf } from "./citations.js";
import { addFormulas } from "./formulas.js";
import MarkdownIt from "./vendor/markdown-it.js";
import DOMPurify from "./vendor/purify.js";

const RTL = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const RECITATION = /[\u0671\u06d6-\u06ed]/;
const VOWEL = /[\u064b-\u0652\u0670]/g;
const LETTER = /\p{L}/u;
const LETTERS = /\p{L}/gu;
const WEB = /^(?:https?:|mailto:)/i;
const LANGUAGE = /^[\p{L}\p{N}_+#.-]{1,30}$/u;

const LEAVES = new Set(["paragraph_open", "heading_open", "th_open", "td_open"]);
const CONTAINERS = new Set(["bullet_list_open", "ordered_list_open", "list_item_open", "blockquote_open", "table_open"]);
const ALIGNMENT = { "text-align:left": "to-start", "text-align:center": "to-center", "text-align:right": "to-end" };

const CLEANING = {
  ALLOWED_TAGS: ["a", "blockquote", "br", "code", "div", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s",
    "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"],
  ALLOWED_ATTR: ["class", "dir", "href", "referrerpolicy", "rel", "start", "target", "title"],
  ADD_URI_SAFE_ATTR: ["dir", "referrerpolicy", "rel", "start", "target"],
  ALLOWED_URI_REGEXP: WEB,
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

const md = new MarkdownIt("commonmark", { html: false, linkify: true, breaks: true, typographer: false });
md.enable(["table", "strikethrough", "linkify"]);
md.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });
addFormulas(md);
md.validateLink = (url) => WEB.test(url);
const escape = md.utils.escapeHtml;

function direction(text) {
  const letter = LETTER.exec(text);
  if (!letter) return "auto";
  return RTL.test(letter[0]) ? "rtl" : "ltr";
}

function isVerse(text) {
  const letters = text.match(LETTERS)?.length ?? 0;
  return RECITATION.test(text) || ((text.match(VOWEL)?.length ?? 0) * 3 > letters && letters > 0);
}

md.core.ruler.push("directions", (state) => {
  const open = [];
  state.tokens.forEach((token, place) => {
    if (LEAVES.has(token.type)) {
      token.attrSet("dir", "auto");
    } else if (CONTAINERS.has(token.type)) {
      token.attrSet("dir", "auto");
      open.push(token);
    } else if (token.type === "inline") {
      const found = direction(token.content);
      for (const container of open) {
        if (container.attrGet("dir") === "auto" && found !== "auto") container.attrSet("dir", found);
      }
      const block = state.tokens[place - 1];
      const isQuoted = open.some((container) => container.type === "blockquote_open");
      if (isQuoted && block.type === "paragraph_open" && isVerse(token.content)) block.attrSet("class", "verse");
    } else if (token.nesting === -1 && CONTAINERS.has(token.type.replace(/close$/, "open"))) {
      open.pop();
    }
  });
});

md.core.ruler.push("align_by_class", (state) => {
  for (const token of state.tokens) {
    if (token.type !== "th_open" && token.type !== "td_open") continue;
    const style = token.attrGet("style");
    if (!style) continue;
    token.attrs = token.attrs.filter(([name]) => name !== "style");
    token.attrSet("class", ALIGNMENT[style] ?? "to-start");
  }
});

// Headings begin at h3, below the page's own two levels, and never skip one. `env.outline`: what stood above this text.
md.core.ruler.push("outline_headings", (state) => {
  let above = state.env.outline ?? [];
  for (const token of state.tokens) {
    if (token.type === "heading_open") {
      const level = Number(token.tag[1]);
      above = [...above.filter((each) => each < level), level];
      token.meta = { outline: above };
    }
    if (token.type === "heading_open" || token.type === "heading_close") token.tag = `h${Math.min(above.length + 2, 6)}`;
  }
});

addCitations(md);

function code(content, info) {
  const word = info.trim().split(/\s+/, 1)[0];
  const language = LANGUAGE.test(word) ? escape(word.toLowerCase()) : "";
  const name = language ? ` class="language-${language}"` : "";
  return `<div class="code"><div class="code-head"><span class="code-language">${language}</span></div>`
    + `<pre dir="ltr"><code${name}>${escape(content)}</code></pre></div>\n`;
}

const rules = md.renderer.rules;
rules.fence = (tokens, place) => code(tokens[place].content, tokens[place].info);
rules.code_block = (tokens, place) => code(tokens[place].content, "");
rules.image = (tokens, place, options, env, self) => {
  const alt = self.renderInlineAsText(tokens[place].children, options, env);
  return alt ? `<span class="picture">${escape(alt)}</span>` : "";
};
rules.link_open = (tokens, place, options, env, self) => {
  tokens[place].attrSet("target", "_blank");
  tokens[place].attrSet("rel", "noopener nofollow noreferrer");
  tokens[place].attrSet("referrerpolicy", "no-referrer");
  return self.renderToken(tokens, place, options);
};
rules.table_open = (tokens, place, options, env, self) =>
  `<div class="table-scroll">${self.renderToken(tokens, place, options)}`;
rules.table_close = () => "</table></div>\n";

/** Return the blocks of the text, each with its HTML (not yet clean), the number of the line where it begins, and the
    outline of headings that what follows it stands in. */
export function blocks(text, env) {
  const tokens = md.parse(text, env);
  const found = [];
  let begin = 0;
  let { outline } = env;
  tokens.forEach((token, place) => {
    outline = token.meta?.outline ?? outline;
    if (token.level !== 0 || token.nesting === 1) return;
    const own = tokens.slice(begin, place + 1);
    found.push({ line: own[0].map?.[0] ?? 0, html: md.renderer.render(own, md.options, env), outline });
    begin = place + 1;
  });
  return found;
}

/** Return the HTML of one block as a clean element. */
export function element(html) {
  return DOMPurify.sanitize(html, CLEANING).firstElementChild;
}

/** Return the text and what its parser has to know, for an answer with these citations. */
export function cited(text, citations) {
  if (!citations.length) return { text, env: {} };
  const shown = marked(text, citations);
  return { text: shown, env: { sources: sourcesOf(citations), placed: placedIn(shown) } };
}

/** Return the whole text as one clean fragment. */
export function render(text, citations = []) {
  const shown = cited(text, citations);
  return DOMPurify.sanitize(md.render(shown.text, shown.env), CLEANING);
}
