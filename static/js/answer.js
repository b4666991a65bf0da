/* One answer on the page: waiting, growing, and ended in one of its ways. */

import { showFiles } from "./attachments.js";
import { sourcesOf } from "./citations.js";
import { plainText } from "./math.js";
import { fetchPart, find, findAll, fromTemplate } from "./page.js";
import { Prose } from "./prose.js";
import { isCutShort, writeReceipt } from "./receipt.js";
import { problemText, words } from "./words.js";

export function questionElement(text, files = []) {
  const article = fromTemplate("question");
  showFiles(article, files);
  find("[data-text]", article).textContent = text;
  return article;
}

function sourceElement({ url, title, host }) {
  const item = fromTemplate("source");
  const link = find("a", item);
  link.href = url;
  find("[data-source-title]", link).textContent = title;
  find("[data-source-host]", item).textContent = title === host ? "" : host;
  return item;
}

const answers = new WeakMap();

export class Answer {
  /** The answer of an element that the page has, or a new one that waits for its first word. */
  static of(element) {
    return answers.get(element) ?? new Answer(element);
  }

  static waiting() {
    const element = fromTemplate("answer");
    element.dataset.status = "streaming";
    return new Answer(element);
  }

  constructor(element, { changed } = {}) {
    this.element = element;
    this.lastSeq = 0;
    this.changed = changed ?? (() => {});
    const shown = Number(element.dataset.length ?? 0);
    this.prose = new Prose(find("[data-prose]", element), { shown, changed: () => this.changed() });
    this.citations = [];
    answers.set(element, this);
  }

  get turnId() {
    return this.element.dataset.turn;
  }

  get isRunning() {
    return this.element.dataset.status === "streaming";
  }

  /** Say that the question has not left yet, or no longer. */
  set isWaiting(value) {
    find("[data-waits]", this.element).hidden = !value;
  }

  start(frame) {
    this.isWaiting = false;
    this.element.dataset.turn = frame.turn_id;
    this.element.dataset.message = frame.message_id;
  }

  append(text) {
    this.prose.append(text);
  }

  think(text) {
    find("[data-reasoning]", this.element).hidden = false;
    find("[data-reasoning-text]", this.element).append(text);
    this.changed();
  }

  cite({ url, title }) {
    this.citations.push({ url, title });
    this.#listSources();
  }

  #listSources() {
    const box = find("[data-sources]", this.element);
    const items = sourcesOf(this.citations).map(sourceElement);
    find("ol", box).replaceChildren(...items);
    box.hidden = !items.length;
    this.changed();
  }

  /** The turn is over; the message is the truth about it. */
  async end(message) {
    this.element.dataset.status = message.status;
    delete this.element.dataset.length;
    this.citations = message.citations ?? [];
    const isShown = this.prose.finish(message.content, this.citations);
    this.#listSources();
    writeReceipt(this.element, message);
    find("[data-cut-short]", this.element).hidden = !isCutShort(message);
    if (message.status === "failed") this.fail(message.error);
    if (message.quotations?.length || message.references?.length) this.#showChecked(message.id);
    this.changed();
    await isShown;
  }

  /** Take the server's rendering of the same text, in which quotations are marked, and the notes on them. */
  async #showChecked(id) {
    const part = await fetchPart(`/m/${id}/checked`).catch(() => null);
    if (!part || this.isRunning) return;
    this.prose.adopt(find("[data-prose]", part));
    find("[data-checked]", this.element).replaceWith(find("[data-checked]", part));
    this.changed();
  }

  /** Say what happened; the text that arrived stays. */
  fail(error) {
    this.element.dataset.status = "failed";
    find("[data-failure-text]", this.element).textContent = problemText(error) || words.failed;
    find("[data-retry]", this.element).hidden = error?.code === "conversation_deleted"; // nowhere to ask again
    find("[data-failure]", this.element).hidden = false;
    this.changed();
  }

  /** The answer as a screen reader says it, with the remark that there is more to say. */
  get spokenText() {
    const shown = findAll("[data-prose], [data-cut-short]:not([hidden])", this.element);
    return shown.map((part) => plainText(part).trim()).join(" ");
  }
}
