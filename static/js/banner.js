/* The banner above the composer: says that the line is down, and only when it stays down. */

import { find } from "./page.js";

const AFTER_MS = 900;

export class Banner {
  #element = find("[data-banner]");
  #timer = 0;

  get isShown() {
    return !this.#element.hidden;
  }

  /** Show the words, with a way to sign in where an address is given. */
  show(text, { signIn = "" } = {}) {
    find("[data-banner-text]", this.#element).textContent = text;
    const link = find("[data-banner-link]", this.#element);
    link.hidden = !signIn;
    if (signIn) link.href = signIn;
    this.#element.hidden = false;
  }

  hide() {
    this.#element.hidden = true;
  }

  /** A blink of the line is nobody's business: `tell` after a while, which further calls don't begin anew. */
  soon(tell) {
    this.#timer ||= setTimeout(tell, AFTER_MS);
  }

  notYet() {
    clearTimeout(this.#timer);
    this.#timer = 0;
  }
}
