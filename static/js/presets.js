/* The choice of a preset beside the question. A conversation keeps its preset; the server knows which. */

import { find } from "./page.js";

export class PresetPicker extends EventTarget {
  #select = find("[data-preset]");
  #kept = this.#select.dataset.kept;

  constructor() {
    super();
    this.#select.addEventListener("change", () => {
      this.dispatchEvent(new CustomEvent("chosen", { detail: this.#select.value }));
    });
  }

  /** The preset to send along, or undefined where the server knows it already. */
  get wish() {
    return this.#select.value === this.#kept ? undefined : this.#select.value || undefined;
  }

  /** The preset's own model, `{id, name}`; empty where it leaves the choice to the product. */
  get model() {
    const { ownModel: id = "", ownModelName: name = "" } = this.#select.selectedOptions[0]?.dataset ?? {};
    return { id, name };
  }

  /** Whether the preset lets the model search the web. */
  get searchesWeb() {
    return "searchesWeb" in (this.#select.selectedOptions[0]?.dataset ?? {});
  }

  /** Where the preset has the web searched, as a question says it; null where it says nothing of it. */
  get searchOptions() {
    return JSON.parse(this.#select.selectedOptions[0]?.dataset.searchOptions ?? "null");
  }

  /** The conversation has this preset from now on. */
  keep(value) {
    this.#kept = value;
  }
}
