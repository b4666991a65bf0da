/* A menu that opens at a button: by mouse and keyboard, closed by looking elsewhere. */

import { find, findAll } from "./page.js";

export class Popup {
  #menu;
  #button = null;

  /** `scroller` is what the buttons scroll in: the menu would not move along. */
  constructor(menu, scroller) {
    this.#menu = menu;
    menu.addEventListener("keydown", (event) => this.#pressed(event));
    menu.addEventListener("click", (event) => { if (event.target.closest("[role=menuitem]")) this.close(); });
    document.addEventListener("click", (event) => {
      if (!menu.hidden && !menu.contains(event.target) && !this.#button.contains(event.target)) this.close();
    });
    scroller.addEventListener("scroll", () => this.close(), { passive: true });
  }

  /** Open at the button, or close where it is open there; true when it opened. */
  toggle(button) {
    const wasHere = !this.#menu.hidden && this.#button === button;
    this.close();
    if (wasHere) return false;
    this.#button = button;
    button.setAttribute("aria-expanded", "true");
    this.#menu.hidden = false;
    const box = button.getBoundingClientRect();
    const { offsetHeight: height, offsetWidth: width } = this.#menu;
    const inline = document.documentElement.dir === "rtl" ? box.left : box.right - width;
    const below = box.bottom + height + 8 <= innerHeight;
    this.#menu.style.left = `${Math.max(8, Math.min(inline, innerWidth - width - 8))}px`;
    this.#menu.style.top = `${below ? box.bottom + 4 : Math.max(8, box.top - height - 4)}px`;
    return true;
  }

  /** Let the keyboard in, once what does not apply is hidden. */
  focus() {
    this.#items[0]?.focus();
  }

  close() {
    if (this.#menu.hidden) return;
    this.#menu.hidden = true;
    this.#button.setAttribute("aria-expanded", "false");
  }

  get #items() {
    return findAll("[role=menuitem]", this.#menu).filter((item) => !item.hidden);
  }

  #pressed(event) {
    const items = this.#items;
    const place = items.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      items.at((place + step) % items.length).focus();
    } else if (event.key === "Home" || event.key === "End") {
      event.preventDefault();
      items.at(event.key === "Home" ? 0 : -1).focus();
    } else if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      event.stopPropagation();
      this.close();
      this.#button.focus();
    }
  }
}

/** Place a dialog over the button, or under it where there is more room; on a telephone the style sheet has the say. */
export function anchor(dialog, button) {
  const box = button.getBoundingClientRect();
  const { style, offsetWidth: width } = dialog;
  const isRtl = document.documentElement.dir === "rtl";
  const left = Math.max(8, Math.min(isRtl ? box.right - width : box.left, innerWidth - width - 8));
  const isAbove = box.top > innerHeight - box.bottom;
  style.setProperty("--from-left", `${left}px`);
  style.setProperty("--from-top", isAbove ? "auto" : `${box.bottom + 6}px`);
  style.setProperty("--from-bottom", isAbove ? `${innerHeight - box.top + 6}px` : "auto");
  style.setProperty("--room", `${(isAbove ? box.top : innerHeight - box.bottom) - 14}px`);
}

/** Show a dialog and return what its closing button is called; empty when it was left. */
export function ask(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((answer) => {
    dialog.addEventListener("close", () => answer(dialog.returnValue), { once: true });
  });
}

/** Show the half of a two-sided item that applies. */
export function setSide(item, isOn) {
  find("[data-when-on]", item).hidden = !isOn;
  find("[data-when-off]", item).hidden = isOn;
}
