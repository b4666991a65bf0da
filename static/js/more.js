/* What comes before and after the messages on the page: loaded as somebody scrolls there, or asks for it. */

import { dress } from "./code.js";
import { fetchPart, find, findAll } from "./page.js";

export class More {
  #thread;
  #scroll;
  #ends = new IntersectionObserver(
    (entries) => { for (const { isIntersecting, target } of entries) if (isIntersecting) this.#load(target); },
    { root: find("[data-thread]"), rootMargin: "600px 0px" },
  );

  constructor(thread, scroll) {
    this.#thread = thread;
    this.#scroll = scroll;
    thread.addEventListener("click", (event) => {
      const link = event.target.closest("[data-earlier], [data-later]");
      if (!link) return;
      event.preventDefault();
      this.#load(link, { focuses: true });
    });
  }

  /** The thread has other ends than before. */
  watch() {
    this.#ends.disconnect();
    for (const link of findAll("[data-earlier], [data-later]", this.#thread)) this.#ends.observe(link);
  }

  /** Put in what comes before or after, without moving what is read. */
  async #load(link, { focuses = false } = {}) {
    if (link.getAttribute("aria-disabled") === "true") return;
    link.setAttribute("aria-disabled", "true");
    const part = await fetchPart(link.dataset.earlier ?? link.dataset.later).catch(() => null);
    link.removeAttribute("aria-disabled");
    if (!part || !link.isConnected) return;
    // The last part of a branch is a whole one too, and may repeat what is here.
    for (const each of findAll(".ask, .answer", part)) if (document.getElementById(each.id)) each.remove();
    const first = part.querySelector(".ask, .answer");
    dress(part);
    if (link.dataset.later) {
      find("[data-earlier]", part)?.remove();
      link.replaceWith(...part.children);
    } else {
      find("[data-later]", part)?.remove();
      this.#scroll.hold(() => link.replaceWith(...part.children));
    }
    this.watch();
    if (!focuses) return;
    first?.setAttribute("tabindex", "-1");
    first?.focus({ preventScroll: true });
  }
}
