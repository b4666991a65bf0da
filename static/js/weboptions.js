/* Where the web is searched, and for how many pages: a small sheet that opens beside the switch. Untouched, it shows what
   the preset says and leaves it to it; what somebody chose is kept for the conversation. */

import { find, findAll, memory } from "./page.js";
import { anchor } from "./popup.js";
import { fill } from "./words.js";

const ANYTHING = { max_results: null, allowed_domains: [], excluded_domains: [] };
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const PRIVATE = new Set(["localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "arpa", "onion"]);

const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** The name as it is sent, in Punycode; null where it is no site of the web (as presets/searching.py sees it). */
function sent(host) {
  const address = `https://${host}`;
  const name = URL.canParse(address) ? new URL(address).hostname : "";
  const labels = name.split(".");
  const isSite = labels.length > 1 && labels.every((label) => LABEL.test(label)) && /^[a-z]/.test(labels.at(-1));
  return isSite && !PRIVATE.has(labels.at(-1)) ? name : null;
}

/** The site of an address that was pasted, or the name that was written. */
const siteOf = (text) => text.toLowerCase().replace(/^[a-z]+:\/\//, "").replace(/[/?#].*$/, "").replace(/^.*@/, "").replace(/:\d+$/, "").replace(/\.+$/, "");

export class WebOptions {
  #button = find("[data-web-more]");
  #dialog = find("[data-web-dialog]");
  #places = findAll("[name=web-place]", this.#dialog);
  #sites = find("#web-sites", this.#dialog);
  #results = find("#web-results", this.#dialog);
  #fault = find("#web-sites-fault", this.#dialog);
  #label = this.#button.title;
  #usual = ANYTHING;
  #chosen = null;
  #key;

  /** `place` is a conversation's id, or "new". */
  constructor(place) {
    this.#key = `web-options.${place}`;
    this.#chosen = this.#kept();
    this.#button.addEventListener("click", () => this.#open());
    this.#dialog.addEventListener("close", () => this.#button.setAttribute("aria-expanded", "false"));
    this.#dialog.addEventListener("change", (event) => { if (this.#places.includes(event.target)) this.#showSites(); });
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog || event.target.closest("[data-web-cancel]")) this.#dialog.close();
    });
    find("form", this.#dialog).addEventListener("submit", (event) => this.#save(event));
    this.#show();
  }

  /** What to send along, or undefined where the preset decides. */
  get value() {
    if (!this.#chosen) return undefined;
    const { max_results, allowed_domains, excluded_domains } = this.#chosen;
    return { max_results, allowed_domains: allowed_domains.map(sent), excluded_domains: excluded_domains.map(sent) };
  }

  /** Where nothing is searched, there is nothing to choose. */
  set isOffered(value) {
    this.#button.hidden = !value;
  }

  /** What the preset says, or null. */
  showUsual(options) {
    this.#usual = { ...ANYTHING, ...options };
    this.#show();
  }

  /** Keep a choice, or with null leave it to the preset. */
  keep(chosen) {
    this.#chosen = chosen;
    memory.write(this.#key, chosen ? JSON.stringify(chosen) : "");
    this.#show();
  }

  /** The conversation has come to be: what was chosen is chosen for it. */
  keepFor(place) {
    const chosen = this.#chosen;
    this.keep(null);
    this.#key = `web-options.${place}`;
    this.keep(chosen);
  }

  #kept() {
    try {
      const { max_results, allowed_domains, excluded_domains } = JSON.parse(memory.read(this.#key) ?? "null");
      return [...allowed_domains, ...excluded_domains].every(sent) ? { max_results, allowed_domains, excluded_domains } : null;
    } catch {
      return null;
    }
  }

  get #holding() {
    return this.#chosen ?? this.#usual;
  }

  #show() {
    const { max_results: most, allowed_domains: only, excluded_domains: without } = this.#holding;
    const place = this.#places.find(({ value }) => value && this.#holding[value].length);
    const said = [
      ...(place ? [`${this.#nameOf(place)}: ${[...only, ...without].join(", ")}`] : []),
      ...(most ? [`${find(`[for="${this.#results.id}"]`, this.#dialog).textContent}: ${most}`] : []),
    ];
    this.#button.toggleAttribute("data-is-set", said.length > 0);
    this.#button.title = [this.#label, ...said].join("\n");
    this.#button.setAttribute("aria-label", [this.#label, ...said].join(". "));
  }

  #nameOf(place) {
    return place.parentElement.textContent.trim();
  }

  // --- The sheet ---

  #open() {
    const { max_results: most, allowed_domains: only, excluded_domains: without } = this.#holding;
    for (const place of this.#places) place.checked = !place.value || this.#holding[place.value].length > 0;
    this.#sites.value = [...only, ...without].join("\n");
    this.#results.value = most ?? "";
    this.#blame("");
    this.#button.setAttribute("aria-expanded", "true");
    this.#dialog.showModal();
    this.#showSites();
    anchor(this.#dialog, this.#button);
    this.#place.focus();
  }

  get #place() {
    return this.#places.find(({ checked }) => checked);
  }

  #showSites() {
    find("[data-web-sites]", this.#dialog).hidden = !this.#place.value;
    find("#web-sites-kind", this.#dialog).textContent = this.#nameOf(this.#place);
    this.#blame("");
  }

  #save(event) {
    const kind = this.#place.value;
    const sites = kind ? [...new Set(this.#sites.value.split(/[\s,;،؛]+/).filter(Boolean).map(siteOf))] : [];
    const most = Number(this.#sites.dataset.most);
    if (kind && (!sites.length || !sites.every(sent))) this.#blame(this.#sites.dataset.bad);
    else if (sites.length > most) this.#blame(fill(this.#sites.dataset.tooMany, { n: most }));
    else {
      const chosen = { ...ANYTHING, max_results: Number(this.#results.value) || null, ...(kind && { [kind]: sites }) };
      this.keep(isSame(chosen, this.#usual) ? null : chosen);
      return;
    }
    event.preventDefault();
    this.#sites.focus();
  }

  #blame(text) {
    this.#fault.textContent = text;
    this.#fault.hidden = !text;
    this.#sites.setAttribute("aria-invalid", String(Boolean(text)));
  }
}
