/* Files for the next question: chosen, dropped or pasted, sent while the person goes on writing, shown as chips. What has
   arrived belongs to the draft: a page that is loaded anew shows it again.

   Events: "adding", "changed" when chips come, go or arrive at the server, "refused" (detail: what to say). */

import { api, find, findAll, fromTemplate, memory, say } from "./page.js";
import { clock } from "./recording.js";
import { counted, fill, problemText, words } from "./words.js";

// A smaller file is sent sooner than it is known whether the server has it.
const WORTH_ASKING = 256 * 1024;
// How long a lost upload waits before it is tried again.
const WAITS_MS = [1000, 3000, 8000, 20_000];
const PASSING = new Set(["lost", "files_busy", "idempotency_key_in_flight", "temporarily_unavailable"]);

export class Attachments extends EventTarget {
  #list = find("[data-attachments]");
  #field = find("[data-attach-file]");
  #drop = find("[data-drop]");
  #entries = new Map(); // by chip: { file, told, request }
  #depth = 0;
  #key;

  /** `place` names the draft, as for its words. */
  constructor(textarea, place) {
    super();
    this.#key = `files.${place}`;
    this.#takeUp();
    find("[data-attach]").addEventListener("click", () => this.#field.click());
    this.#field.addEventListener("change", () => {
      this.add(this.#field.files);
      this.#field.value = "";
      textarea.focus();
    });
    textarea.addEventListener("paste", (event) => {
      if (!event.clipboardData?.files.length) return;
      // Programs that copy cells or slides put a picture beside the text: the text is meant.
      if (event.clipboardData.types.includes("text/plain")) return;
      event.preventDefault();
      this.add(event.clipboardData.files);
    });
    this.#list.addEventListener("click", (event) => {
      const chip = event.target.closest("[data-remove]")?.closest("[data-chip]");
      if (chip) this.#remove(chip, textarea);
    });
    this.#watchDropping();
  }

  /** The files as the server told them, in the order of the chips. */
  get told() {
    return [...this.#entries.values()].map((entry) => entry.told).filter(Boolean);
  }

  get isSending() {
    return [...this.#entries.values()].some((entry) => !entry.told);
  }

  /** The question has gone out with its files: the draft has those that are here. */
  forget() {
    memory.write(this.#key, this.told.map((each) => each.id).join(" "));
  }

  /** The draft belongs to this conversation from now on. */
  moveTo(place) {
    memory.write(this.#key, "");
    this.#key = `files.${place}`;
    this.forget();
  }

  /** What the draft had when the page was left; what is gone since then is no longer part of it. */
  #takeUp() {
    const ids = memory.read(this.#key)?.split(" ") ?? [];
    Promise.allSettled(ids.map((id) => api("GET", `/attachments/${encodeURIComponent(id)}`))).then((found) => {
      const told = found.filter(({ status }) => status === "fulfilled").map(({ value }) => value);
      if (told.length) this.put(told);
      if (found.every(({ status, reason }) => status === "fulfilled" || reason.status === 404)) this.forget();
    });
  }

  /** Give the files away with a question, and be empty. */
  take() {
    const told = this.told;
    this.#entries.clear();
    this.#list.replaceChildren();
    this.#changed();
    return told;
  }

  /** Show files that the server has already: those of a question that it refused, or one from elsewhere. */
  put(files) {
    for (const told of files) {
      if ([...this.#entries.values()].some((entry) => entry.told?.id === told.id)) continue;
      const chip = this.#chip(told.name);
      this.#entries.set(chip, { told });
      this.#done(chip, told);
    }
  }

  add(files) {
    const most = Number(this.#list.dataset.mostFiles);
    this.dispatchEvent(new Event("adding"));
    for (const file of files) {
      if (this.#entries.size >= most) {
        this.#refuse(counted(words.tooManyFiles, most));
        break;
      }
      if (file.size > Number(this.#list.dataset.mostBytes)) this.#refuse(`${file.name}: ${words.failures.file_too_large}`);
      else this.#send(file);
    }
  }

  // --- One file on its way ---

  async #send(file) {
    const chip = this.#chip(file.name);
    const entry = { file };
    this.#entries.set(chip, entry);
    this.#changed();
    const told = await this.#known(file) ?? await this.#arrive(file, chip, entry).catch((problem) => ({ problem }));
    if (!this.#entries.has(chip)) return; // removed meanwhile
    const isTwice = [...this.#entries.values()].some((other) => other !== entry && other.told?.id === told.id);
    if (told.problem || isTwice) {
      this.#entries.delete(chip);
      chip.remove();
      this.#changed();
      if (told.problem) this.#refuse(`${file.name}: ${problemText(told.problem) || words.notSent}`);
      return;
    }
    entry.told = told;
    this.#done(chip, told);
    say(fill(words.fileAttached, { name: told.name }));
  }

  /** What the server knows of these very bytes, if it has them. */
  async #known(file) {
    if (file.size < WORTH_ASKING || !crypto.subtle) return null;
    try {
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
      const hash = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      return (await api("GET", `/attachments?sha256=${hash}`)).results[0] ?? null;
    } catch {
      return null;
    }
  }

  /** Upload it, and again where the line was lost on the way: the same key makes it no second file. */
  async #arrive(file, chip, entry) {
    const key = crypto.randomUUID();
    for (const wait of [...WAITS_MS, 0]) {
      try {
        return await this.#upload(file, chip, entry, key);
      } catch (problem) {
        if (!PASSING.has(problem.code) || !wait) throw problem;
      }
      await new Promise((done) => { setTimeout(done, wait); });
      if (!navigator.onLine) await new Promise((done) => { addEventListener("online", done, { once: true }); });
      if (!this.#entries.has(chip)) return {}; // removed meanwhile
    }
    return undefined;
  }

  /** `fetch` tells nothing of its progress. */
  #upload(file, chip, entry, key) {
    const bar = find("progress", chip);
    bar.value = 0;
    const request = new XMLHttpRequest();
    entry.request = request;
    return new Promise((resolve, reject) => {
      request.upload.addEventListener("progress", (event) => {
        if (event.lengthComputable) bar.value = event.loaded / event.total;
        // The rest is reading on the server, of which nothing is told.
        if (event.loaded === event.total) bar.removeAttribute("value");
      });
      request.addEventListener("load", () => {
        const answer = parsed(request.responseText);
        if (request.status === 201) resolve(answer);
        else reject(request.status >= 500 && !answer.code ? lost() : answer);
      });
      request.addEventListener("error", () => reject(lost()));
      request.addEventListener("abort", () => reject({}));
      request.open("POST", "/api/v1/attachments");
      request.setRequestHeader("X-CSRFToken", find('meta[name="csrf-token"]').content);
      request.setRequestHeader("Idempotency-Key", key);
      const form = new FormData();
      form.append("file", file);
      request.send(form);
    });
  }

  // --- Chips ---

  #chip(name) {
    const chip = fromTemplate("chip");
    find("[data-name]", chip).textContent = name;
    find("[data-remove]", chip).setAttribute("aria-label", fill(words.removeFile, { name }));
    this.#list.append(chip);
    return chip;
  }

  #done(chip, told) {
    chip.dataset.chip = "done";
    find("progress", chip).remove();
    dressFile(chip, told);
    this.forget();
    this.#changed();
  }

  #remove(chip, textarea) {
    const entry = this.#entries.get(chip);
    const next = findAll("[data-remove]", this.#list).find((button) => !chip.contains(button));
    this.#entries.delete(chip);
    entry?.request?.abort();
    say(fill(words.fileRemoved, { name: find("[data-name]", chip).textContent }));
    chip.remove();
    (next ?? textarea).focus();
    this.forget();
    this.#changed();
  }

  #changed() {
    this.#list.hidden = !this.#entries.size;
    this.dispatchEvent(new Event("changed"));
  }

  #refuse(text) {
    this.dispatchEvent(new CustomEvent("refused", { detail: text }));
  }

  // --- Dropping ---

  #watchDropping() {
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    const room = find("[data-room]");
    const show = (isShown) => { this.#drop.hidden = !isShown; };
    room.addEventListener("dragenter", (event) => {
      if (!hasFiles(event)) return;
      this.#depth += 1;
      show(true);
    });
    room.addEventListener("dragleave", (event) => {
      if (!hasFiles(event)) return;
      this.#depth = Math.max(0, this.#depth - 1);
      show(this.#depth > 0);
    });
    room.addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault(); });
    room.addEventListener("drop", (event) => {
      this.#depth = 0;
      show(false);
      if (!hasFiles(event)) return;
      event.preventDefault();
      this.add(event.dataTransfer.files);
    });
  }
}

const lost = () => ({ code: "lost", detail: words.lost });

function parsed(text) {
  try { return JSON.parse(text); } catch { return {}; }
}

/** Show the facts of a file on its chip, in the composer or in the thread. */
export function dressFile(element, told) {
  find("[data-name]", element).textContent = told.name;
  const kind = words.fileKinds[told.type];
  const length = told.duration_ms ? clock(Math.ceil(told.duration_ms / 1000)) : told.pages && counted(words.pages, told.pages);
  find("[data-facts]", element).textContent = length ? `${kind} · ${length}` : kind;
  if (told.type === "audio") find("use", element).setAttribute("href", "#i-mic");
  const picture = find("img", element);
  if (told.thumbnail_url) {
    picture.src = told.thumbnail_url;
    picture.hidden = false;
    find(".icon", element).setAttribute("hidden", "");
  }
}

/** Put files above the words of a question that is being sent. */
export function showFiles(article, files) {
  const list = find("[data-files]", article);
  list.hidden = !files.length;
  list.replaceChildren(...files.map((told) => {
    const item = fromTemplate("file");
    dressFile(item, told);
    Object.assign(find("a", item), { href: told.type === "image" ? told.url : `${told.url}?download=true` });
    return item;
  }));
}

/** Put the files of a question above another wording of it. */
export function copyFiles(from, to) {
  const list = find("[data-files]", to);
  list.replaceChildren(...[...find("[data-files]", from).children].map((item) => item.cloneNode(true)));
  list.hidden = !list.children.length;
}
