/* An answer's text on the page while it grows. Finished blocks stay as they are; only the last one is made anew, and
   even of that only what changed is touched, so that nothing flickers and a selection survives. */

import { dress } from "./code.js";
import { preview } from "./preview.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)");
// A frame's share for this; after a dearer one the next waits in proportion.
const CHEAP_MS = 6;

let parser = null; // markdown.js, run when the page is at rest: what the page came with was rendered by the server
let coming = null;

/** Have the parser here before words arrive. Rejects where it can't be fetched; the next call tries again. */
export function fetchParser() {
  coming ??= import("./markdown.js").then((module) => { parser = module; });
  coming.catch(() => { coming = null; });
  return coming;
}

/** Make `from` look like `to` and leave alone what already does. */
function morph(from, to) {
  if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName) {
    from.replaceWith(to);
    return;
  }
  if (from.nodeType === Node.TEXT_NODE) {
    if (to.data.startsWith(from.data)) from.appendData(to.data.slice(from.data.length));
    else from.data = to.data;
    return;
  }
  for (const { name } of [...from.attributes]) if (!to.hasAttribute(name)) from.removeAttribute(name);
  for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  const coming = [...to.childNodes];
  const present = [...from.childNodes];
  coming.forEach((node, place) => {
    if (!present[place]) from.append(node);
    else if (!present[place].isEqualNode(node)) morph(present[place], node);
  });
  for (const node of present.slice(coming.length)) node.remove();
}

/** Return a place near `wish` where a word ends, so that letters of Arabic don't change their form while they appear. */
function wordEnd(text, wish) {
  if (wish >= text.length) return text.length;
  const space = text.slice(wish, wish + 24).search(/\s/);
  return space < 0 ? Math.min(wish + 24, text.length) : wish + space + 1;
}

export class Prose {
  #root;
  #text = ""; // all that has arrived
  #shown = 0; // how much of it is to be seen
  #settledTo = 0; // where the last, unfinished block begins
  #settled = []; // HTML of the finished blocks
  #env = {};
  #frame = 0;
  #notBefore = 0;
  #awaited = null; // what is to be done once the parser is here
  #changed;

  /** `shown`: how many characters the page shows already, rendered by the server. `changed` is called after a change. */
  constructor(root, { shown = 0, changed = () => {} } = {}) {
    this.#root = root;
    this.#shown = shown;
    this.#changed = changed;
    this.isInherited = shown > 0;
  }

  get text() {
    return this.#text;
  }

  /** Add what arrived; it appears within the next few frames. */
  append(text) {
    this.#text += text;
    this.#schedule();
  }

  /** Start again from nothing, for a stream that is told from its beginning; what is shown stays until then. */
  restart() {
    this.#text = "";
  }

  /** Show the whole and final text at once, with the numbers of the pages that it cites. */
  async finish(text, citations = []) {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#text = text;
    try {
      await this.#parsed(() => this.#renderWhole(citations));
    } catch {
      this.#root.textContent = text; // as it was written it can be read too
    }
    this.#changed();
  }

  /** Do this with the parser: at once where it is here. Of several that wait, the last is done. */
  #parsed(act) {
    if (parser) return act();
    this.#awaited = act;
    let isDue = false;
    return fetchParser().finally(() => {
      isDue = this.#awaited === act;
      if (isDue) this.#awaited = null;
    }).then(() => { if (isDue) act(); });
  }

  /** Show a rendering of the final text that somebody else has made. */
  adopt(root) {
    this.#awaited = null;
    this.#root.replaceChildren(...root.childNodes);
    dress(this.#root);
  }

  #schedule() {
    if (this.#frame || this.#text.length <= this.#shown) return;
    if (parser) this.#frame = requestAnimationFrame((now) => this.#step(now));
    else if (!this.#awaited) this.#parsed(() => this.#schedule()).catch(() => {});
  }

  #step(now) {
    this.#frame = 0;
    if (now >= this.#notBefore) {
      const backlog = this.#text.length - this.#shown;
      // What arrived in one burst is spread over some frames: the text flows instead of jumping.
      const share = calm.matches || backlog > 1500 ? backlog : Math.max(2, Math.ceil(backlog / 7));
      let end = wordEnd(this.#text, this.#shown + share);
      const isSplit = /[\ud800-\udbff]/.test(this.#text[end - 1] ?? "");
      if (isSplit) end -= 1;
      if (end > this.#shown) {
        this.#shown = end;
        const begin = performance.now();
        this.#renderTail(preview(this.#text.slice(this.#settledTo, end)), this.#text.slice(this.#settledTo, end));
        const cost = performance.now() - begin;
        this.#notBefore = cost > CHEAP_MS ? performance.now() + cost * 3 : 0;
        this.#changed();
      }
    }
    this.#schedule();
  }

  #renderTail(shown, source) {
    if (this.isInherited) {
      // The server's rendering of the same text: replaced once, by as much or more.
      this.isInherited = false;
      this.#root.replaceChildren();
    }
    const found = parser.blocks(shown, this.#env);
    found.forEach(({ html, line, outline }, place) => {
      const node = this.#root.children[this.#settled.length];
      if (node) morph(node, parser.element(html));
      else this.#root.append(parser.element(html) ?? "");
      if (place < found.length - 1) this.#settle(html, outline);
      else this.#settledTo += lineStart(source, line);
    });
    while (this.#root.children.length > this.#settled.length + 1) this.#root.lastElementChild.remove();
  }

  #settle(html, outline) {
    this.#env.outline = outline;
    dress(this.#root.children[this.#settled.length]);
    this.#settled.push(html);
  }

  #renderWhole(citations) {
    const shown = parser.cited(this.#text, citations);
    const found = parser.blocks(shown.text, shown.env);
    if (this.isInherited) this.#root.replaceChildren();
    this.isInherited = false;
    found.forEach(({ html }, place) => {
      const node = this.#root.children[place];
      if (node && html === this.#settled[place]) return;
      const fresh = parser.element(html) ?? document.createElement("p");
      if (!node) this.#root.append(fresh);
      else if (place < this.#settled.length) node.replaceWith(fresh);
      else morph(node, fresh);
    });
    while (this.#root.children.length > found.length) this.#root.lastElementChild.remove();
    this.#settled = found.map(({ html }) => html);
    this.#shown = this.#settledTo = this.#text.length;
    dress(this.#root);
  }
}

function lineStart(text, line) {
  let place = 0;
  for (let passed = 0; passed < line; passed += 1) place = text.indexOf("\n", place) + 1;
  return place;
}
