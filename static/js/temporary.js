/* A conversation that is kept nowhere: wished for before its first question, deleted when its page closes. */

import { find } from "./page.js";

export class Temporary {
  #button = find("[data-temporary]");
  #id = null;

  constructor() {
    this.#button?.addEventListener("click", () => {
      const isOn = this.#button.getAttribute("aria-pressed") !== "true";
      this.#button.setAttribute("aria-pressed", String(isOn));
      document.body.classList.toggle("is-temporary", isOn);
    });
    addEventListener("pagehide", () => this.#leave());
  }

  /** Whether the next new conversation is to be temporary. */
  get isWanted() {
    return this.#button?.getAttribute("aria-pressed") === "true";
  }

  /** Whether the one that is shown is. */
  get is() {
    return this.#id !== null;
  }

  /** The first question has been asked; true where the conversation is temporary. */
  arrive(id) {
    if (!this.isWanted) {
      this.#button?.remove();
      return false;
    }
    this.#id = id;
    this.#button.disabled = true;
    return true;
  }

  #leave() {
    if (!this.#id) return;
    const headers = { "X-CSRFToken": find('meta[name="csrf-token"]').content };
    fetch(`/api/v1/conversations/${this.#id}`, { method: "DELETE", headers, keepalive: true }).catch(() => {});
    this.#id = null;
  }
}
