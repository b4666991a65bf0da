/* The choice of a model beside the question: a list that opens over the page, fetched when it is first wanted.
   A conversation keeps its model (the server remembers it); "usual" leaves the choice to preset and product. */

import { api, fetchPart, find, findAll, say, toast } from "./page.js";
import { anchor } from "./popup.js";
import { facts, words } from "./words.js";

const TYPED_WITHIN_MS = 700;
const PAGE_STEPS = 8;
const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

export class ModelPicker extends EventTarget {
  #button = find("[data-model-button]");
  #shown = find("[data-model-shown]");
  #dialog = find("[data-model-dialog]");
  #usual = { id: "", name: this.#shown.dataset.usual };
  #value = this.#shown.dataset.chosen;
  #name = this.#value ? this.#shown.textContent : "";
  #conversation = facts.conversation;
  #active = null;
  #typed = "";
  #typedAt = 0;

  constructor() {
    super();
    this.#button.addEventListener("click", () => this.#open());
    this.#button.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
      event.preventDefault();
      this.#open();
    });
    this.#dialog.addEventListener("keydown", (event) => this.#pressed(event));
    this.#dialog.addEventListener("input", () => this.#search());
    this.#dialog.addEventListener("click", (event) => this.#clicked(event));
    this.#dialog.addEventListener("close", () => this.#closed());
    addEventListener("resize", () => { if (this.#dialog.open) anchor(this.#dialog, this.#button); });
    this.#show();
  }

  /** The model to ask, or undefined for the usual one. */
  get value() {
    return this.#value || undefined;
  }

  /** The usual model is this one, a preset's, or with an empty id again the product's. */
  showUsual(id, name) {
    this.#usual = { id, name: name || this.#shown.dataset.usual };
    this.#show();
  }

  /** Leave the choice to preset and product again. */
  chooseUsual() {
    if (this.#value) this.#choose("", "");
  }

  /** The conversation has come to be: it keeps what was chosen for it. */
  keepFor(id) {
    this.#conversation = id;
    if (this.#value) this.#save();
  }

  // --- Opening and closing ---

  async #open() {
    if (this.#dialog.open) return;
    this.#button.setAttribute("aria-expanded", "true");
    this.#dialog.showModal();
    anchor(this.#dialog, this.#button);
    if (!find("[data-model-list]", this.#dialog) && !(await this.#fetch())) return;
    const search = this.#searchField;
    if (search) search.value = "";
    this.#search();
    const chosen = this.#options.find((option) => this.#isChosen(option));
    for (const option of this.#options) {
      option.setAttribute("aria-selected", String(option === chosen));
      find("[data-usual]", option).hidden = !this.#isUsual(option);
    }
    this.#activate(chosen ?? this.#options[0], { centre: true });
    (matchMedia("(pointer: coarse)").matches && search ? this.#dialog : this.#field).focus();
  }

  async #fetch() {
    const part = await fetchPart("/?part=models").catch(() => null);
    if (!part) {
      this.#dialog.close();
      toast(words.modelsFailed);
      return false;
    }
    find("[data-models]", this.#dialog).replaceChildren(...part.children);
    anchor(this.#dialog, this.#button);
    return this.#dialog.open;
  }

  #closed() {
    this.#button.setAttribute("aria-expanded", "false");
    this.#button.focus({ focusVisible: false });
  }

  #clicked(event) {
    const option = event.target.closest("[data-model]");
    if (option) this.#take(option);
    else if (event.target === this.#dialog || event.target.closest("[data-close-models]")) this.#dialog.close();
  }

  // --- Moving in the list ---

  get #searchField() {
    return find("[data-model-search]", this.#dialog);
  }

  get #field() {
    return this.#searchField ?? find("[data-model-list]", this.#dialog);
  }

  get #options() {
    return findAll("[data-model]:not([hidden])", this.#dialog);
  }

  #pressed(event) {
    if (event.target.closest("a, button")) return;
    const place = this.#options.indexOf(this.#active);
    const last = this.#options.length - 1;
    const target = {
      ArrowDown: place < last ? place + 1 : 0,
      ArrowUp: place > 0 ? place - 1 : last,
      PageDown: Math.min(last, place + PAGE_STEPS),
      PageUp: Math.max(0, place - PAGE_STEPS),
      Home: 0,
      End: last,
    }[event.key];
    if (target !== undefined) {
      event.preventDefault();
      this.#activate(this.#options[target]);
    } else if (event.key === "Enter" || (event.key === " " && !this.#searchField)) {
      event.preventDefault();
      if (this.#active && !event.isComposing) this.#take(this.#active);
    } else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) {
      this.#type(event);
    }
  }

  /** Letters go to the field where there is one; else they lead to the next model that begins with them. */
  #type(event) {
    if (this.#searchField) {
      this.#searchField.focus();
      return;
    }
    event.preventDefault();
    this.#typed = event.timeStamp - this.#typedAt < TYPED_WITHIN_MS ? this.#typed + event.key : event.key;
    this.#typedAt = event.timeStamp;
    const wanted = folded(this.#typed);
    const from = this.#options.indexOf(this.#active) + (this.#typed.length === 1 ? 1 : 0);
    const inOrder = [...this.#options.slice(from), ...this.#options.slice(0, from)];
    const found = inOrder.find(({ dataset }) => folded(dataset.name).startsWith(wanted));
    if (found) this.#activate(found);
  }

  #activate(option, { centre = false } = {}) {
    this.#active?.classList.remove("is-active");
    this.#active = option ?? null;
    this.#field.setAttribute("aria-activedescendant", option?.id ?? "");
    option?.classList.add("is-active");
    option?.scrollIntoView({ block: centre ? "center" : "nearest" });
  }

  #search() {
    const wanted = folded(this.#searchField?.value ?? "").split(/\s+/).filter(Boolean);
    for (const option of findAll("[data-model]", this.#dialog)) {
      const text = folded(option.dataset.find);
      option.hidden = !wanted.every((word) => text.includes(word));
    }
    for (const group of findAll("[role=group]", this.#dialog)) group.hidden = !find("[data-model]:not([hidden])", group);
    find("[data-model-none]", this.#dialog).hidden = this.#options.length > 0;
    this.#activate(this.#options[0]);
  }

  // --- Choosing ---

  #isUsual({ dataset }) {
    return this.#usual.id ? dataset.model === this.#usual.id : "default" in dataset;
  }

  #isChosen(option) {
    return this.#value ? option.dataset.model === this.#value : this.#isUsual(option);
  }

  #take(option) {
    if (option.getAttribute("aria-disabled") === "true") {
      this.#activate(option);
      say(find("[data-lock]", option).textContent);
      return;
    }
    this.#dialog.close();
    if (this.#isUsual(option)) this.#choose("", "");
    else this.#choose(option.dataset.model, option.dataset.name);
  }

  #choose(value, name) {
    if (value === this.#value) return;
    this.#value = value;
    this.#name = name;
    this.#show();
    if (this.#conversation) this.#save();
  }

  /** What is not saved holds for this page all the same: each question carries the choice. */
  #save() {
    api("PATCH", `/conversations/${this.#conversation}`, { model: this.#value || null }).catch(() => toast(words.notSaved));
  }

  #show() {
    this.#shown.textContent = this.#value ? this.#name : this.#usual.name;
  }
}
