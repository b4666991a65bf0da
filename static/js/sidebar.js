/* The list of conversations: opening and closing it, renaming, deleting, and going further down. */

import { api, fetchPart, find, findAll, fromTemplate, say, toast } from "./page.js";
import { facts, words } from "./words.js";

const narrow = matchMedia("(max-width: 56rem)");
const tabs = "BroadcastChannel" in window ? new BroadcastChannel("wisqu.conversations") : null;

export class Sidebar extends EventTarget {
  #side = find("[data-side]");
  #list = find("[data-list]");
  #menu = find("[data-entry-actions]");
  #dialog = find("[data-delete-dialog]");
  #entry = null; // the one whose menu is open

  constructor() {
    super();
    this.#watchOpening();
    this.#watchEntries();
    this.#watchEnd();
    if (!/Mac|iPhone|iPad/.test(navigator.platform)) return;
    find("[data-keys]").textContent = "⌘ K";
  }

  // --- Opening and closing ---

  #watchOpening() {
    document.addEventListener("click", (event) => {
      const opens = event.target.closest("[data-open-side]");
      const closes = event.target.closest("[data-close-side]");
      if (!opens && !closes) return;
      event.preventDefault();
      this.#show(Boolean(opens));
    });
    this.#side.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && document.body.classList.contains("side-open")) this.#show(false);
    });
    narrow.addEventListener("change", () => this.#show(false, { remember: false }));
    // A page that arrived with #side in its address shows the list by style alone: scripts take over from here.
    if (location.hash === "#side") history.replaceState(history.state, "", location.pathname);
  }

  #show(isOpen, { remember = true } = {}) {
    const { classList } = document.body;
    if (narrow.matches) {
      classList.toggle("side-open", isOpen);
      find("[data-room]").inert = isOpen;
    } else {
      classList.remove("side-open");
      find("[data-room]").inert = false;
      if (remember) {
        classList.toggle("side-closed", !isOpen);
        document.cookie = `side=${isOpen ? "open" : "closed"}; path=/; max-age=31536000; samesite=lax`;
      }
    }
    if (remember) find(isOpen ? "[data-close-side]" : "[data-open-side]").focus();
  }

  // --- Renaming and deleting ---

  #watchEntries() {
    this.#list.addEventListener("click", (event) => {
      const button = event.target.closest("[data-entry-menu]");
      if (button) this.#openMenu(button);
    });
    this.#menu.addEventListener("click", (event) => {
      const entry = this.#entry;
      if (event.target.closest("[data-rename]")) this.#afterMenu(() => this.rename(entry));
      if (event.target.closest("[data-delete]")) this.#afterMenu(() => this.#askToDelete(entry));
    });
    this.#menu.addEventListener("keydown", (event) => this.#menuKey(event));
    document.addEventListener("click", (event) => {
      if (!this.#menu.hidden && !event.target.closest("[data-entry-actions], [data-entry-menu]")) this.#closeMenu();
    });
    this.#list.addEventListener("scroll", () => this.#closeMenu(), { passive: true });
    this.#list.addEventListener("dblclick", (event) => {
      const entry = event.target.closest("[data-entry]");
      if (entry && event.target.closest("[aria-current]")) this.rename(entry);
    });
    tabs?.addEventListener("message", ({ data }) => {
      if (data.deleted) this.#forget(data.deleted);
      if (data.title) this.retitle(data.id, data.title);
    });
  }

  #openMenu(button) {
    const wasOpen = button.getAttribute("aria-expanded") === "true";
    this.#closeMenu();
    if (wasOpen) return;
    this.#entry = button.closest("[data-entry]");
    button.setAttribute("aria-expanded", "true");
    this.#menu.hidden = false;
    const box = button.getBoundingClientRect();
    const { offsetHeight: height, offsetWidth: width } = this.#menu;
    const isRtl = document.documentElement.dir === "rtl";
    const inline = isRtl ? box.left : box.right - width;
    this.#menu.style.left = `${Math.max(8, Math.min(inline, innerWidth - width - 8))}px`;
    this.#menu.style.top = `${box.bottom + height + 8 > innerHeight ? box.top - height - 4 : box.bottom + 4}px`;
    find("[role=menuitem]", this.#menu).focus();
  }

  #closeMenu() {
    if (this.#menu.hidden) return;
    this.#menu.hidden = true;
    find("[data-entry-menu]", this.#entry)?.setAttribute("aria-expanded", "false");
  }

  #afterMenu(act) {
    this.#closeMenu();
    act();
  }

  #menuKey(event) {
    const items = findAll("[role=menuitem]", this.#menu);
    const place = items.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      items.at((place + step) % items.length).focus();
    } else if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      event.stopPropagation();
      this.#closeMenu();
      find("[data-entry-menu]", this.#entry).focus();
    }
  }

  /** Let the person write another title in place of the old one. */
  rename(entry) {
    const link = find("[data-entry-title]", entry);
    const field = document.createElement("input");
    const before = link.textContent;
    Object.assign(field, { className: "rename bare", value: before, maxLength: 200, dir: "auto" });
    field.setAttribute("aria-label", find("[data-rename]").textContent.trim());
    link.hidden = true;
    link.after(field);
    field.select();
    let isOver = false;
    const leave = async (keep) => {
      if (isOver) return;
      isOver = true;
      const title = field.value.trim();
      field.remove();
      link.hidden = false;
      link.focus({ focusVisible: keep !== "blur" });
      if (keep && title && title !== before) await this.#saveTitle(entry.dataset.entry, title, before);
    };
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter" && !event.isComposing) leave(true);
      if (event.key === "Escape") leave(false);
    });
    field.addEventListener("blur", () => leave(true));
  }

  async #saveTitle(id, title, before) {
    this.retitle(id, title);
    try {
      await api("PATCH", `/conversations/${id}`, { title });
      tabs?.postMessage({ id, title });
      say(words.renamed);
    } catch {
      this.retitle(id, before);
      toast(words.notSaved);
    }
  }

  #askToDelete(entry) {
    find("[data-delete-name]").textContent = find("[data-entry-title]", entry).textContent;
    this.#dialog.returnValue = "";
    this.#dialog.addEventListener("close", () => {
      if (this.#dialog.returnValue === "delete") this.#delete(entry.dataset.entry);
      else find("[data-entry-menu]", entry).focus();
    }, { once: true });
    this.#dialog.showModal();
  }

  async #delete(id) {
    try {
      await api("DELETE", `/conversations/${id}`);
    } catch (error) {
      if (error.status !== 404) {
        toast(words.notSaved);
        return;
      }
    }
    tabs?.postMessage({ deleted: id });
    this.#forget(id);
    toast(words.deleted);
    this.#list.focus();
  }

  #forget(id) {
    const entry = this.#find(id);
    const group = entry?.closest("[data-group]");
    entry?.remove();
    if (group && !find("[data-entry]", group)) group.remove();
    this.dispatchEvent(new CustomEvent("deleted", { detail: id }));
  }

  // --- What the page tells the list ---

  #find(id) {
    return find(`[data-entry="${CSS.escape(id)}"]`, this.#list);
  }

  /** Show the title everywhere the conversation is named; what is news to this page is to the others, too. */
  retitle(id, title, { isNews = false } = {}) {
    if (isNews) tabs?.postMessage({ id, title });
    const entry = this.#find(id);
    if (entry) find("[data-entry-title]", entry).textContent = title;
    this.dispatchEvent(new CustomEvent("title", { detail: { id, title } }));
  }

  /** Something was said in the conversation: it stands first, under today. */
  lift(id, title = "") {
    find("[data-nothing]", this.#list)?.remove();
    const entry = this.#find(id) ?? this.#newEntry(id, title);
    const left = entry.closest("[data-group]");
    let group = find('[data-group="today"]', this.#list);
    if (!group) {
      group = fromTemplate("group");
      group.dataset.group = "today";
      find("[data-group-name]", group).textContent = words.today;
      this.#list.prepend(group);
    }
    find("ul", group).prepend(entry);
    if (left && !find("[data-entry]", left)) left.remove();
  }

  /** Mark the conversation that the page shows. */
  mark(id) {
    for (const link of findAll("[aria-current]", this.#list)) link.removeAttribute("aria-current");
    const entry = this.#find(id);
    if (entry) find("[data-entry-title]", entry).setAttribute("aria-current", "page");
  }

  #newEntry(id, title) {
    const entry = fromTemplate("conversation");
    entry.dataset.entry = id;
    const link = find("[data-entry-title]", entry);
    link.href = `/c/${id}`;
    link.textContent = title;
    return entry;
  }

  // --- Further down ---

  #watchEnd() {
    const seen = new IntersectionObserver(
      (entries) => { for (const { isIntersecting, target } of entries) if (isIntersecting) this.#loadOlder(target); },
      { root: this.#list, rootMargin: "300px" },
    );
    const watch = () => { const more = find("[data-older]", this.#list); if (more) seen.observe(more); };
    this.watchAgain = watch;
    this.#list.addEventListener("click", (event) => {
      const more = event.target.closest("[data-older]");
      if (!more) return;
      event.preventDefault();
      this.#loadOlder(more);
    });
    watch();
  }

  async #loadOlder(link) {
    if (link.dataset.busy !== undefined) return;
    link.dataset.busy = "";
    const part = await fetchPart(link.dataset.older).catch(() => null);
    delete link.dataset.busy;
    if (!part) return;
    link.remove();
    for (const group of [...part.children]) {
      const same = group.dataset.group && find(`[data-group="${CSS.escape(group.dataset.group)}"]`, this.#list);
      if (same) find("ul", same).append(...find("ul", group).children);
      else this.#list.append(group);
    }
    if (facts.conversation) this.mark(facts.conversation);
    this.watchAgain();
  }
}
