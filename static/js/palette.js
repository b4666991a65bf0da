/* Search and switch: a dialog over all conversations, by keyboard alone if one likes. */

import { api, find, findAll } from "./page.js";
import { words } from "./words.js";

const WAIT_MS = 120;

export class Palette {
  #dialog = find("[data-palette]");
  #field = find("[data-palette-field]");
  #list = find("[data-palette-list]");
  #nothing = find("[data-palette-nothing]");
  #timer = 0;
  #asked = 0; // only the last question's answer counts

  constructor() {
    this.#field.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#look(), WAIT_MS);
    });
    this.#field.addEventListener("keydown", (event) => this.#pressed(event));
    this.#dialog.addEventListener("click", (event) => { if (event.target === this.#dialog) this.#dialog.close(); });
    find("[data-find]").addEventListener("click", () => this.open());
  }

  open() {
    if (this.#dialog.open) return;
    this.#field.value = "";
    this.#show(recent());
    this.#dialog.showModal();
    this.#field.focus();
  }

  async #look() {
    const query = this.#field.value.trim();
    this.#asked += 1;
    const mine = this.#asked;
    if (!query) return this.#show(recent());
    const page = await api("GET", `/conversations?limit=15&q=${encodeURIComponent(query)}`).catch(() => ({ results: [] }));
    if (mine === this.#asked) this.#show(page.results);
    return undefined;
  }

  #show(rows) {
    this.#list.replaceChildren(...rows.flatMap(optionsOf));
    findAll("[role=option]", this.#list).forEach((option, place) => { option.id = `found-${place}`; });
    this.#nothing.hidden = rows.length > 0;
    this.#mark(find("[role=option]", this.#list));
  }

  #mark(option) {
    find('[aria-selected="true"]', this.#list)?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) this.#field.setAttribute("aria-activedescendant", option.id);
    else this.#field.removeAttribute("aria-activedescendant");
  }

  #pressed(event) {
    const options = findAll("[role=option]", this.#list);
    const place = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && options.length) {
      event.preventDefault();
      this.#mark(options.at((place + step) % options.length));
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      options[place]?.click();
    } else if (event.key === "Escape") {
      // A search field would only empty itself.
      event.preventDefault();
      this.#dialog.close();
    }
  }
}

/** Return what the list beside shows, for somebody who has not typed yet. */
function recent() {
  return findAll("[data-list] [data-entry]").slice(0, 12).map((entry) => ({
    id: entry.dataset.entry,
    title: find("[data-entry-title]", entry).textContent,
    matches: [],
  }));
}

/** Return an option for each message that was found, or one for a title alone. */
function optionsOf({ id, title, matches }) {
  const places = matches.length ? matches : [null];
  return places.map((match, number) => {
    const option = document.createElement("a");
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    option.tabIndex = -1;
    option.href = match ? `/c/${id}?at=${match.message_id}#m-${match.message_id}` : `/c/${id}`;
    const heading = Object.assign(document.createElement("b"), { textContent: title || words.conversation, dir: "auto" });
    if (number === 0) option.append(heading);
    else option.setAttribute("aria-label", `${title} ${match.text}`);
    if (match) option.append(excerpt(match));
    return option;
  });
}

/** Return the excerpt with what was looked for marked; places are code points. */
function excerpt({ text, marks }) {
  const line = Object.assign(document.createElement("span"), { dir: "auto" });
  const letters = [...text];
  let at = 0;
  for (const [begin, end] of marks) {
    line.append(letters.slice(at, begin).join(""), Object.assign(document.createElement("mark"), { textContent: letters.slice(begin, end).join("") }));
    at = end;
  }
  line.append(letters.slice(at).join(""));
  return line;
}
