/* One image by itself: turned by arrows, closed by Escape, with everything that can be done with it. */

import { find, findAll } from "./page.js";
import { dollars, modelName } from "./words.js";

const dialog = find("[data-view]");
const picture = find("[data-view-picture]", dialog);
const stage = picture.parentElement;
const moment = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });

/** `images` returns those that can be looked at, in their order; `acts` is what the buttons do. */
export class ImageView {
  #images;
  #shown = null;

  constructor({ images, acts }) {
    this.#images = images;
    find("[data-close-view]", dialog).addEventListener("click", () => dialog.close());
    find("[data-before]", dialog).addEventListener("click", () => this.#turn(-1));
    find("[data-after]", dialog).addEventListener("click", () => this.#turn(1));
    for (const [name, act] of Object.entries(acts)) {
      find(`[data-view-${name}]`, dialog).addEventListener("click", () => act(this.#shown));
    }
    dialog.addEventListener("keydown", (event) => this.#pressed(event));
    stage.addEventListener("click", (event) => { if (event.target === stage) dialog.close(); });
    dialog.addEventListener("close", () => {
      document.body.append(find("[data-toast]"));
      find(`[data-tile="${this.#shown.id}"] [data-open]`)?.focus();
    });
  }

  get isOpen() {
    return dialog.open;
  }

  open(image) {
    this.#show(image);
    if (dialog.open) return;
    dialog.showModal();
    dialog.append(find("[data-toast]")); // what stands outside is behind the dialog
    find("[data-close-view]", dialog).focus();
  }

  close() {
    dialog.close();
  }

  /** Show the one beside the shown one, which is about to go; close where there is none. */
  leave(image) {
    const images = this.#images();
    const place = images.findIndex((each) => each.id === image.id);
    const other = images[place + 1] ?? images[place - 1];
    if (other) this.#show(other);
    else dialog.close();
  }

  #show(image) {
    this.#shown = image;
    picture.src = image.url;
    picture.alt = image.prompt;
    picture.width = image.width;
    picture.height = image.height;
    find("[data-view-prompt]", dialog).textContent = image.prompt;
    find("[data-view-download]", dialog).href = `${image.url}?download=1`;
    const price = image.cost_usd === null ? "" : dollars(image.cost_usd);
    const facts = {
      model: modelName(image.model),
      size: `${image.width} × ${image.height}`,
      made: moment.format(new Date(image.ended_at)),
      price,
      seed: image.seed ?? "",
    };
    for (const fact of findAll("[data-fact]", dialog)) {
      fact.textContent = facts[fact.dataset.fact];
      fact.closest("div").hidden = facts[fact.dataset.fact] === "";
    }
    const images = this.#images();
    const place = images.findIndex((each) => each.id === image.id);
    find("[data-before]", dialog).disabled = place <= 0;
    find("[data-after]", dialog).disabled = place === images.length - 1;
  }

  #turn(step) {
    const images = this.#images();
    const next = images[images.findIndex((each) => each.id === this.#shown.id) + step];
    if (next) this.#show(next);
  }

  #pressed(event) {
    if (event.target.closest("input, textarea, select") || event.metaKey || event.ctrlKey || event.altKey) return;
    const forwards = document.documentElement.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
    const act = {
      ArrowLeft: () => this.#turn(forwards === "ArrowLeft" ? 1 : -1),
      ArrowRight: () => this.#turn(forwards === "ArrowRight" ? 1 : -1),
      Delete: () => find("[data-view-delete]", dialog).click(),
      d: () => find("[data-view-download]", dialog).click(),
      r: () => find("[data-view-again]", dialog).click(),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
}
