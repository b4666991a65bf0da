/* The list of conversations: opening and closing it, keeping it in order, and going further down. */

import { chooseFolder } from "./folders.js";
import { api, fetchPart, find, findAll, fromTemplate, say, session, toast } from "./page.js";
import { Popup, setSide } from "./popup.js";
import { openShare } from "./share.js";
import { counted, facts, words } from "./words.js";

const UNDO_MS = 10_000;

const narrow = matchMedia("(max-width: 56rem)");
const tabs = "BroadcastChannel" in window ? new BroadcastChannel("wisqu.conversations") : null;

export class Sidebar extends EventTarget {
  #side = find("[data-side]");
  #list = find("[data-list]");
  #menu = find("[data-entry-actions]");
  #places = find("[data-places]");
  #popup = new Popup(this.#menu, this.#list);
  #entry = null; // the one whose menu is open

  constructor() {
    super();
    this.#watchOpening();
    this.#watchEntries();
    this.#watchChoosing();
    this.#watchPlaces();
    this.#watchEnd();
  }

  /** Show the list where it is hidden, hide it where it is shown. */
  toggle() {
    const { classList } = document.body;
    this.#show(narrow.matches ? !classList.contains("side-open") : classList.contains("side-closed"));
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

  // --- What can be done with one ---

  #watchEntries() {
    this.#list.addEventListener("click", (event) => {
      const button = event.target.closest("[data-entry-menu]");
      if (button) this.#openMenu(button);
    });
    const acts = {
      rename: (entry) => this.rename(entry),
      suggest: (entry) => this.#suggestTitle(entry),
      pin: (entry) => this.#pin(entry),
      move: (entry) => this.#move(entry),
      archive: (entry) => this.#archive(entry),
      share: (entry) => openShare(entry.dataset.entry),
      delete: (entry) => this.throwAway([entry.dataset.entry]),
    };
    for (const [name, act] of Object.entries(acts)) {
      find(`[data-${name}]`, this.#menu).addEventListener("click", () => act(this.#entry));
    }
    this.#list.addEventListener("dblclick", (event) => {
      const entry = event.target.closest("[data-entry]");
      if (entry && event.target.closest("[aria-current]")) this.rename(entry);
    });
    tabs?.addEventListener("message", ({ data }) => {
      if (data.deleted) this.#forget(data.deleted);
      if (data.restored) this.refresh();
      if (data.title) this.retitle(data.id, data.title);
    });
  }

  #openMenu(button) {
    this.#entry = button.closest("[data-entry]");
    setSide(find("[data-pin]", this.#menu), "pinned" in this.#entry.dataset);
    setSide(find("[data-archive]", this.#menu), "archived" in this.#entry.dataset);
    for (const link of findAll("[data-export]", this.#menu)) {
      link.href = `/api/v1/conversations/${this.#entry.dataset.entry}/export?format=${link.dataset.export}`;
    }
    if (this.#popup.toggle(button)) this.#popup.focus();
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

  /** Have the conversation named; the title comes over the line. */
  async #suggestTitle(entry) {
    await api("POST", `/conversations/${entry.dataset.entry}/generate-title`).then(
      () => toast(words.naming),
      () => toast(words.notSaved),
    );
  }

  /** Change a conversation and show the list as it is then. */
  async #change(id, values, said) {
    try {
      await api("PATCH", `/conversations/${id}`, values);
    } catch {
      toast(words.notSaved);
      return;
    }
    await this.refresh();
    toast(said);
    find("[data-entry-menu]", this.#find(id) ?? document)?.focus();
  }

  #pin(entry) {
    const isPinned = "pinned" in entry.dataset;
    return this.#change(entry.dataset.entry, { pinned: !isPinned }, isPinned ? words.unpinned : words.pinned);
  }

  #archive(entry) {
    const isAway = "archived" in entry.dataset;
    return this.#change(entry.dataset.entry, { archived: !isAway }, isAway ? words.unarchived : words.archived);
  }

  async #move(entry) {
    const folderId = await chooseFolder(entry.dataset.folder ?? "");
    if (folderId === undefined) find("[data-entry-menu]", entry)?.focus();
    else {
      await this.#refreshPlaces(); // first: the list may be of a folder that is no more
      await this.#change(entry.dataset.entry, { folder_id: folderId || null }, words.moved);
    }
  }

  /** Delete conversations; for a while it can be undone, here or on the page that comes next. */
  async throwAway(ids) {
    try {
      await api("POST", "/conversations/trash", { ids });
    } catch {
      toast(words.notSaved);
      return;
    }
    for (const id of ids) {
      tabs?.postMessage({ deleted: id });
      this.#forget(id, { quietly: true });
    }
    this.#list.focus();
    session.write("undo", JSON.stringify({ ids, until: Date.now() + UNDO_MS }));
    this.offerUndo();
    for (const id of ids) this.dispatchEvent(new CustomEvent("deleted", { detail: id }));
  }

  /** Offer to take the last deletion back, as long as it is fresh. */
  offerUndo() {
    const { ids, until } = JSON.parse(session.read("undo") ?? "{}");
    if (!ids || Date.now() > until) return;
    toast(ids.length > 1 ? counted(words.deletedMany, ids.length) : words.deleted, { label: words.undo, act: () => this.#undo(ids) });
  }

  async #undo(ids) {
    session.write("undo", "");
    try {
      await api("POST", "/conversations/restore", { ids });
    } catch {
      toast(words.notSaved);
      return;
    }
    tabs?.postMessage({ restored: ids });
    await this.refresh();
    toast(words.restored);
  }

  #forget(id, { quietly = false } = {}) {
    const entry = this.#find(id);
    const group = entry?.closest("[data-group]");
    entry?.remove();
    if (group && !find("[data-entry]", group)) group.remove();
    if (!quietly) this.dispatchEvent(new CustomEvent("deleted", { detail: id }));
  }

  // --- Several at once ---

  #watchChoosing() {
    const button = find("[data-select]");
    const bar = find("[data-chosen]");
    const chosen = () => findAll("[data-entry-check]:checked", this.#list).map((box) => box.closest("[data-entry]").dataset.entry);
    const count = () => {
      find("[data-chosen-count]", bar).textContent = counted(words.chosen, chosen().length);
      find("[data-delete-chosen]", bar).disabled = chosen().length === 0;
    };
    this.choose = (isOn) => {
      button.setAttribute("aria-pressed", String(isOn));
      this.#list.toggleAttribute("data-choosing", isOn);
      if (!isOn) for (const box of findAll("[data-entry-check]", this.#list)) box.checked = false;
      bar.hidden = !isOn;
      count();
    };
    button.addEventListener("click", () => this.choose(bar.hidden));
    find("[data-select-none]", bar).addEventListener("click", () => { this.choose(false); button.focus(); });
    find("[data-delete-chosen]", bar).addEventListener("click", async () => {
      const ids = chosen();
      this.choose(false);
      if (ids.length) await this.throwAway(ids);
    });
    this.#list.addEventListener("change", count);
    this.#list.addEventListener("click", (event) => {
      const link = event.target.closest("[data-entry-title]");
      if (!link || bar.hidden) return;
      event.preventDefault();
      find("[data-entry-check]", link.parentElement).click();
    });
  }

  // --- Which ones are listed ---

  #watchPlaces() {
    this.#places.addEventListener("click", (event) => {
      const link = event.target.closest("[data-place]");
      if (!link || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      for (const each of findAll("[aria-current]", this.#places)) each.removeAttribute("aria-current");
      link.setAttribute("aria-current", "true");
      this.refresh();
    });
  }

  get #place() {
    return find("[aria-current]", this.#places)?.dataset.place ?? "";
  }

  /** Show the list as the server has it now. */
  async refresh() {
    const part = await fetchPart(`/?part=conversations&in=${encodeURIComponent(this.#place)}`).catch(() => null);
    if (!part) return;
    this.#list.replaceChildren(...part.children);
    this.choose(false);
    if (facts.conversation) this.mark(facts.conversation);
    this.watchAgain();
  }

  async #refreshPlaces() {
    const place = this.#place;
    const page = await fetchPart("/").catch(() => null);
    if (!page) return;
    this.#places.replaceChildren(...find("[data-places]", page).children);
    const links = findAll("[data-place]", this.#places);
    for (const link of links) link.removeAttribute("aria-current");
    (links.find((link) => link.dataset.place === place) ?? links[0]).setAttribute("aria-current", "true");
    find("[data-folder-choice]").replaceChildren(...find("[data-folder-choice]", page).children);
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
    if ("pinned" in entry.dataset || this.#place) return;
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
