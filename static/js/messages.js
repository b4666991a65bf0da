/* What one can do with a message: copy, edit, answer again, walk between versions, rate, go on from it, delete.

   Events: "again" (detail: the answer), "edited" ({ article, text }), "from" (the answer), "reload" (the message to show). */

import { Answer } from "./answer.js";
import { plainText } from "./math.js";
import { api, copyText, find, findAll, fit, memory, toast } from "./page.js";
import { ask, Popup } from "./popup.js";
import { notesText } from "./quoted.js";
import { figure, words } from "./words.js";

const siblingsOf = (article) => (article.dataset.siblings || article.dataset.message).split(" ").filter(Boolean);

/** Write which of how many versions this is, and where the others are. */
export function showVersions(article) {
  const nav = find("[data-branch]", article);
  const ids = siblingsOf(article);
  const place = ids.indexOf(article.dataset.message);
  nav.hidden = ids.length < 2 || place < 0;
  find("[data-branch-text]", nav).textContent = `${figure(place + 1)} / ${figure(ids.length)}`;
  for (const link of findAll("[data-walk]", nav)) {
    const id = ids[place + Number(link.dataset.walk)];
    link.setAttribute("aria-disabled", String(!id));
    if (id) link.href = `${location.pathname}?at=${id}#m-${id}`;
    else link.removeAttribute("href");
  }
}

/** Note a version that stands right before this one, and that this page has not seen. */
export function insertVersion(article, id) {
  const ids = siblingsOf(article).filter((each) => each !== id);
  ids.splice(ids.indexOf(article.dataset.message), 0, id);
  article.dataset.siblings = ids.join(" ");
  showVersions(article);
}

/** Name a message that the server has just told, and its place beside those that stood there. */
export function settle(article, id, replaced) {
  article.dataset.message = id;
  article.id = `m-${id}`;
  article.dataset.siblings = [...(replaced ? siblingsOf(replaced) : []), id].join(" ");
  showVersions(article);
  const moment = find("[data-moment]", article);
  moment.dateTime = new Date().toISOString();
  const language = `${document.documentElement.lang || "en"}-u-nu-latn`;
  moment.textContent = new Date().toLocaleString(language, { dateStyle: "long", timeStyle: "short" });
}

export class Messages extends EventTarget {
  #thread;
  #popup;
  #menu = find("[data-message-actions]");
  #current = null;

  /** `isBusy` tells whether an answer is being written: then nothing may change its place. */
  constructor(thread, scroller, { isBusy }) {
    super();
    this.#thread = thread;
    this.isBusy = isBusy;
    this.#popup = new Popup(this.#menu, scroller);
    thread.addEventListener("click", (event) => this.#clicked(event));
    find("[data-copy-plain]").addEventListener("click", () => this.#copyPlain(this.#current));
    find("[data-go-on]").addEventListener("click", () => this.#tell("from", this.#current));
    find("[data-delete-branch]").addEventListener("click", () => this.#delete(this.#current));
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #clicked(event) {
    const article = event.target.closest(".ask, .answer");
    const at = (selector) => event.target.closest(selector);
    if (!article) return;
    if (at("[data-copy]")) copy(article);
    if (at("[data-rate]")) this.#rate(article, at("[data-rate]"));
    if (at("[data-message-menu]")) this.#openMenu(article, at("[data-message-menu]"));
    if (at("[data-walk]")) this.#walk(event, at("[data-walk]"));
    if (this.isBusy()) return;
    if (at("[data-regenerate], [data-retry]")) this.#tell("again", article);
    if (at("[data-edit]")) this.edit(article);
  }

  #openMenu(article, button) {
    this.#current = article;
    find("[data-go-on]").hidden = article.matches(".ask") || this.isBusy();
    find("[data-delete-branch]").hidden = this.isBusy();
    if (this.#popup.toggle(button)) this.#popup.focus();
  }

  async #copyPlain(article) {
    const text = plainText(find("[data-prose], [data-text]", article)) + notesText(article);
    await copyText(text, find("[data-copy]", article));
  }

  // --- Versions ---

  #walk(event, link) {
    event.preventDefault();
    const id = new URL(link.href, location).searchParams.get("at");
    if (!id || link.getAttribute("aria-disabled") === "true" || this.isBusy()) return;
    this.#tell("walk", id);
  }

  // --- Editing ---

  /** Let the person put a question in other words; sent, it becomes another version. */
  edit(article) {
    if (find("form", article)) return;
    const shown = find("[data-text]", article);
    const form = document.createElement("form");
    form.className = "edit box";
    const field = Object.assign(document.createElement("textarea"), { className: "bare", value: shown.textContent, dir: "auto", maxLength: find("[data-question]").maxLength });
    field.setAttribute("aria-label", words.editing);
    const cancel = Object.assign(document.createElement("button"), { type: "button", className: "button small", textContent: words.cancel });
    const send = Object.assign(document.createElement("button"), { className: "button small primary", textContent: words.send });
    const row = Object.assign(document.createElement("div"), { className: "row dialog-buttons" });
    row.append(cancel, send);
    form.append(field, row);
    article.classList.add("is-edited");
    article.append(form);
    const leave = () => {
      form.remove();
      article.classList.remove("is-edited");
      find("[data-edit]", article).focus();
    };
    field.addEventListener("input", () => fit(field));
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") leave();
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        form.requestSubmit();
      }
      event.stopPropagation();
    });
    cancel.addEventListener("click", leave);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = field.value;
      if (!text.trim() || this.isBusy()) return;
      leave();
      this.#tell("edited", { article, text });
    });
    fit(field);
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  }

  editLast() {
    const last = findAll(".ask:not([hidden])", this.#thread).at(-1);
    if (last && !this.isBusy()) this.edit(last);
  }

  copyLast() {
    const last = findAll(".answer:not([hidden])", this.#thread).at(-1);
    if (last) copy(last);
  }

  // --- Rating ---

  async #rate(article, button) {
    const { rate } = button.dataset;
    const path = `/messages/${article.dataset.message}/feedback`;
    const isTakenBack = button.getAttribute("aria-pressed") === "true";
    const said = rate === "down" && !isTakenBack ? await askWhy() : {};
    if (!said) return;
    try {
      await (isTakenBack ? api("DELETE", path) : api("PUT", path, { rating: rate, ...said }));
    } catch {
      toast(words.notSaved);
      return;
    }
    for (const each of findAll("[data-rate]", article)) {
      each.setAttribute("aria-pressed", String(each === button && !isTakenBack));
    }
    toast(isTakenBack ? words.rateTaken : words.thanks);
  }

  // --- Deleting ---

  async #delete(article) {
    if (await ask(find("[data-branch-dialog]")) !== "delete") {
      find("[data-message-menu]", article).focus();
      return;
    }
    try {
      await api("DELETE", `/messages/${article.dataset.message}`);
    } catch (error) {
      if (error.status !== 404) {
        toast(words.notSaved);
        return;
      }
    }
    this.#tell("reload", null);
    toast(words.deleted);
  }
}

/** Copy a message as it was written: an answer's Markdown, a question's text. */
async function copy(article) {
  const button = find("[data-copy]", article);
  if (article.matches(".ask")) return copyText(find("[data-text]", article).textContent, button);
  const here = Answer.of(article).prose.text;
  if (here) return copyText(here + notesText(article), button);
  const told = await api("GET", `/messages/${article.dataset.message}`).catch(() => null);
  return copyText((told?.content ?? plainText(find("[data-prose]", article))) + notesText(article), button);
}

/** Ask what was not good; null when the person would rather not say anything at all. */
async function askWhy() {
  const dialog = find("[data-feedback-dialog]");
  const [reason, note, consent] = ["reason", "note", "consent"].map((part) => find(`[data-feedback-${part}]`, dialog));
  reason.value = note.value = "";
  consent.checked = memory.read("consent") === "yes";
  if (await ask(dialog) !== "send") return null;
  memory.write("consent", consent.checked ? "yes" : "");
  return { reason: reason.value || null, note: note.value, consent: consent.checked };
}
