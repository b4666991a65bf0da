/* The switch beside the question that lets the model search the web. Untouched, it shows what the preset says and leaves
   it to it; what somebody chose is kept for the conversation. */

import { find, memory, toast } from "./page.js";
import { WebOptions } from "./weboptions.js";
import { words } from "./words.js";

export class WebSwitch {
  #button = find("[data-web-search]");
  #usual = false;
  #chosen = ""; // "on", "off", or nothing
  #options = null; // where the web can be searched at all
  #key;

  /** `place` is a conversation's id, or "new". */
  constructor(place) {
    this.#key = `web.${place}`;
    this.#chosen = this.#isOffered ? memory.read(this.#key) ?? "" : "";
    if (this.#isOffered) this.#options = new WebOptions(place);
    this.#button?.addEventListener("click", () => this.#toggle());
    this.#show();
  }

  /** What to send along: true, false, or undefined where the preset decides. */
  get value() {
    return this.#chosen ? this.#chosen === "on" : undefined;
  }

  /** Where to search, or undefined where nothing is searched or the preset decides. */
  get options() {
    return this.#isOn ? this.#options?.value : undefined;
  }

  /** The preset searches, or it does not; `options` say where, where it does. */
  showUsual(isOn, options) {
    this.#usual = isOn;
    this.#options?.showUsual(options);
    this.#show();
  }

  /** Another preset was chosen: it decides. */
  chooseUsual() {
    this.#keep("");
    this.#options?.keep(null);
  }

  /** The conversation has come to be: what was chosen is chosen for it. */
  keepFor(place) {
    const chosen = this.#chosen;
    this.#keep("");
    this.#key = `web.${place}`;
    this.#keep(chosen);
    this.#options?.keepFor(place);
  }

  get #isOffered() {
    return Boolean(this.#button) && !this.#button.hasAttribute("aria-disabled");
  }

  get #isOn() {
    return this.#chosen ? this.#chosen === "on" : this.#usual && this.#isOffered;
  }

  #toggle() {
    if (!this.#isOffered) {
      toast(words.noWebSearch, { label: words.plans, act: () => location.assign(this.#button.dataset.plans) });
      return;
    }
    const isOn = !this.#isOn;
    this.#keep(isOn === this.#usual ? "" : isOn ? "on" : "off");
  }

  #keep(chosen) {
    this.#chosen = chosen;
    memory.write(this.#key, chosen);
    this.#show();
  }

  #show() {
    this.#button?.setAttribute("aria-pressed", String(this.#isOn));
    if (this.#options) this.#options.isOffered = this.#isOn;
  }
}
