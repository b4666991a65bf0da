/* Where the person writes: grows with the text, keeps it safe in this browser until the server has it. */

import { find, memory } from "./page.js";
import { PresetPicker } from "./presets.js";

export class Composer extends EventTarget {
  #form = find("[data-composer]");
  #field = find("[data-question]");
  #send = find("[data-send]");
  #stop = find("[data-stop]");
  #model = find("[data-model]");
  #preset = new PresetPicker();
  #refusal = find("[data-refusal]");
  #key;

  /** `place` names the draft: a conversation's id, or "new". */
  constructor(place) {
    super();
    this.#key = `draft.${place}`;
    this.#field.value ||= memory.read(this.#key) ?? "";
    this.#recallModel();
    this.#field.addEventListener("input", () => this.#typed());
    this.#field.addEventListener("keydown", (event) => this.#pressed(event));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#form.addEventListener("click", (event) => { if (event.target === this.#form) this.focus(); });
    this.#stop.addEventListener("click", () => this.dispatchEvent(new Event("stop")));
    this.#typed();
  }

  get text() {
    return this.#field.value;
  }

  /** The model to ask, or undefined for the product's own choice. */
  get model() {
    const option = this.#model.selectedOptions[0];
    return option && !("default" in option.dataset) ? option.value : undefined;
  }

  get preset() {
    return this.#preset;
  }

  focus() {
    this.#field.focus({ preventScroll: true });
  }

  /** Put a text in, behind which the person can go on writing. */
  fill(text) {
    this.#field.value = text;
    this.#typed();
    this.focus();
    this.#field.setSelectionRange(text.length, text.length);
  }

  /** Empty the field; the draft stays in memory until `forget`. */
  clear() {
    this.#field.value = "";
    this.#fit();
  }

  /** The server has it: nothing is left to lose. */
  forget() {
    if (!this.#field.value) memory.write(this.#key, "");
  }

  /** The draft belongs to this conversation from now on. */
  moveTo(place) {
    const draft = this.#field.value;
    memory.write(this.#key, "");
    this.#key = `draft.${place}`;
    memory.write(this.#key, draft);
  }

  set isStreaming(value) {
    const hadFocus = document.activeElement === this.#send || document.activeElement === this.#stop;
    this.#send.hidden = value;
    this.#stop.hidden = !value;
    if (hadFocus) (value ? this.#stop : this.#field).focus();
  }

  get isStreaming() {
    return this.#send.hidden;
  }

  refuse(text) {
    find("[data-refusal-text]").textContent = text;
    this.#refusal.hidden = false;
  }

  allow() {
    this.#refusal.hidden = true;
  }

  #submit() {
    const text = this.#field.value;
    if (!text.trim() || this.isStreaming) return;
    this.dispatchEvent(new CustomEvent("send", { detail: text }));
  }

  #pressed(event) {
    // While an input method composes a character, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.#submit();
  }

  #typed() {
    memory.write(this.#key, this.#field.value);
    this.#fit();
  }

  #fit() {
    this.#field.style.blockSize = "auto";
    this.#field.style.blockSize = `${this.#field.scrollHeight}px`;
    this.#send.toggleAttribute("data-ready", Boolean(this.#field.value.trim()));
  }

  #recallModel() {
    const known = memory.read("model");
    const option = [...this.#model.options].find(({ value, disabled }) => value === known && !disabled);
    if (option) this.#model.value = known;
    this.#model.addEventListener("change", () => memory.write("model", this.#model.value));
  }
}
