/* Where the person writes: grows with the text, keeps it safe in this browser until the server has it. */

import { Attachments } from "./attachments.js";
import { ModelPicker } from "./models.js";
import { find, fit, memory, toast } from "./page.js";
import { PresetPicker } from "./presets.js";
import { Recording } from "./recording.js";
import { WebSwitch } from "./websearch.js";
import { words } from "./words.js";

export class Composer extends EventTarget {
  #form = find("[data-composer]");
  #field = find("[data-question]");
  #send = find("[data-send]");
  #stop = find("[data-stop]");
  #models = new ModelPicker();
  #preset = new PresetPicker();
  #files;
  #web;
  #refusal = find("[data-refusal]");
  #key;

  /** `place` names the draft: a conversation's id, or "new". */
  constructor(place) {
    super();
    this.#key = `draft.${place}`;
    this.#web = new WebSwitch(place);
    this.#field.value ||= memory.read(this.#key) ?? "";
    this.#field.addEventListener("input", () => this.#typed());
    this.#field.addEventListener("keydown", (event) => this.#pressed(event));
    this.#preset.addEventListener("chosen", () => this.#usePresetsModel({ isChosen: true }));
    this.#usePresetsModel({ isChosen: Boolean(this.#preset.wish) });
    this.#files = new Attachments(this.#field, place);
    this.#files.addEventListener("adding", () => this.allow());
    this.#files.addEventListener("changed", () => this.#fit());
    this.#files.addEventListener("refused", ({ detail }) => this.refuse(detail));
    const recording = new Recording();
    recording.addEventListener("text", ({ detail }) => this.insert(detail));
    recording.addEventListener("file", ({ detail }) => this.#files.add([detail]));
    recording.addEventListener("refused", ({ detail }) => this.refuse(detail));
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
    return this.#models.value;
  }

  /** The files of the next question. */
  get files() {
    return this.#files;
  }

  get preset() {
    return this.#preset;
  }

  /** Whether to search the web, or undefined where the preset decides. */
  get webSearch() {
    return this.#web.value;
  }

  /** Where to search it, or undefined where that was not chosen. */
  get webSearchOptions() {
    return this.#web.options;
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

  /** Put a text in where the person was writing, with blanks around it where it stands between words. */
  insert(text) {
    const { value, selectionStart: start, selectionEnd: end } = this.#field;
    const before = start > 0 && /\S/.test(value[start - 1]) ? " " : "";
    const after = /^\S/.test(value.slice(end)) ? " " : "";
    this.#field.setRangeText(before + text + after, start, end, "end");
    this.allow();
    this.#typed();
    this.focus();
  }

  /** Empty the field; the draft stays in memory until `forget`. */
  clear() {
    this.#field.value = "";
    this.#fit();
  }

  /** The server has it: nothing is left to lose. */
  forget() {
    if (!this.#field.value) memory.write(this.#key, "");
    this.#files.forget();
  }

  /** Draft and model belong to this conversation from now on. */
  moveTo(place) {
    const draft = this.#field.value;
    memory.write(this.#key, "");
    this.#key = `draft.${place}`;
    memory.write(this.#key, draft);
    this.#files.moveTo(place);
    this.#models.keepFor(place);
    this.#web.keepFor(place);
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
    if (this.#files.isSending) {
      toast(words.filesSending);
      return;
    }
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

  /** The usual model is the preset's, where it has one; choosing such a preset chooses its model. So it is with the web. */
  #usePresetsModel({ isChosen }) {
    const { id, name } = this.#preset.model;
    this.#models.showUsual(id, name);
    if (id && isChosen) this.#models.chooseUsual();
    this.#web.showUsual(this.#preset.searchesWeb, this.#preset.searchOptions);
    if (isChosen) this.#web.chooseUsual();
  }

  #fit() {
    fit(this.#field);
    this.#send.toggleAttribute("data-ready", Boolean(this.#field.value.trim()) && !this.#files?.isSending);
  }
}
