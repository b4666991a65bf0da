/* Bringing conversations in: a file is read here, and sent in parts that the server takes, each with the files that it
   names. */

import { find } from "./page.js";
import { counted, fill, problemText, words } from "./words.js";
import { entriesOf, unpacked, zipOf } from "./zips.js";

// The server takes 2 MB of JSON; characters may be several bytes.
const PART_CHARACTERS = 500_000;
const MOST_AT_ONCE = 100;
const LARGEST_JSON = 500_000_000;
// For what else is in a ZIP: names, and what is said of them.
const ROOM = 1_000_000;
const MOST_TRIES = 50;
const PASSING = new Set([429, 503]);

export function watchImporting() {
  const dialog = find("[data-import-dialog]");
  const said = find("[data-import-said]", dialog);
  const field = find("[data-import-file]", dialog);
  find("[data-show-import]").addEventListener("click", () => {
    said.textContent = "";
    field.value = "";
    dialog.showModal();
  });
  field.addEventListener("change", async () => {
    if (!field.files[0]) return;
    field.disabled = true;
    try {
      await bringIn(await contentOf(field.files[0]), said, Number(field.dataset.mostBytes) - ROOM);
    } catch {
      said.textContent = words.importFailed;
    }
    field.disabled = false;
  });
  dialog.addEventListener("close", () => { if (dialog.dataset.changed !== undefined) location.assign("/"); });
}

async function bringIn({ items, files }, said, most) {
  let [taken, skipped, along] = [0, 0, 0];
  const left = [];
  for (const part of parts(items, files, most)) {
    const told = await send(part).catch(() => ({ conversations: [], skipped: part.items, files: { taken: 0, left_out: [] } }));
    taken += told.conversations.length;
    skipped += told.skipped.length;
    along += told.files.taken;
    left.push(...told.files.left_out);
    said.textContent = fill(words.importing, { done: taken + skipped, all: items.length });
  }
  const sums = [
    counted(words.imported, taken),
    along ? counted(words.importedFiles, along) : "",
    skipped ? counted(words.importSkipped, skipped) : "",
    left.length ? counted(words.importFilesLeft, left.length) : "",
  ];
  said.replaceChildren(line(sums.filter(Boolean).join(" ")), ...reasons(left).flatMap((each) => [" ", each]));
  if (taken) find("[data-import-dialog]").dataset.changed = "";
}

/** Return why files were left out, a line for each reason, with the names of some of them. */
function reasons(left) {
  const names = {};
  for (const { name, reason, detail } of left) {
    (names[words.importReasons[reason] ?? problemText({ code: reason, detail })] ??= []).push(name);
  }
  return Object.entries(names).map(([reason, each]) => {
    const shown = each.slice(0, 3).flatMap((name, place) => [place ? ", " : "", isolated(name)]);
    return line(...shown, `${each.length > 3 ? ", …" : ""}: ${reason}`);
  });
}

function line(...parts) {
  const made = document.createElement("span");
  made.append(...parts);
  return made;
}

/** Return a text that is read in its own direction, and turns around nothing beside it. */
function isolated(text) {
  const made = document.createElement("bdi");
  made.textContent = text;
  return made;
}

/** Yield the conversations in parts that one request may hold, each with the entries of the files it names. */
function* parts(items, files, most) {
  const fresh = () => ({ items: [], size: 0, files: new Set(), bytes: 0, alone: [] });
  let part = fresh();
  for (const item of items) {
    const size = JSON.stringify(item).length;
    const named = [...new Set(namedIn(item).map(({ id }) => files.get(id)))].filter(Boolean);
    const bytes = named.reduce((sum, { packed }) => sum + packed, 0);
    const isFull = part.size + size > PART_CHARACTERS || part.items.length >= MOST_AT_ONCE || part.bytes + bytes > most;
    if (part.items.length && isFull) {
      yield part;
      part = fresh();
    }
    part.items.push(item);
    part.size += size;
    for (const entry of named.filter((each) => !part.files.has(each))) {
      // One conversation alone may have more files than one request.
      if (part.bytes + entry.packed > most) {
        part.alone.push([entry, namedIn(item).filter(({ id }) => files.get(id) === entry)]);
        continue;
      }
      part.files.add(entry);
      part.bytes += entry.packed;
    }
  }
  if (part.items.length) yield part;
}

function namedIn(item) {
  const listed = (value) => (Array.isArray(value) ? value : []);
  return listed(item?.messages).flatMap((each) => listed(each?.attachments)).filter((file) => typeof file?.id === "string");
}

/** Send one part, before it what does not fit into it. */
async function send(part) {
  for (const [entry, named] of part.alone) await sendAlone(entry, named).catch(() => null);
  if (!part.files.size && part.size <= PART_CHARACTERS) {
    return post("/conversations/import", JSON.stringify(part.items), { "Content-Type": "application/json" });
  }
  const body = await zipOf("export.json", JSON.stringify({ conversations: part.items }), [...part.files]);
  return post("/conversations/import", body, { "Content-Type": "application/zip" });
}

/** Send a file as if it was attached here; its messages name it by the id that it has got. */
async function sendAlone(entry, named) {
  const form = new FormData();
  form.append("file", await unpacked(entry, LARGEST_JSON), named[0].name ?? "file");
  const { id } = await post("/attachments", form, {});
  for (const each of named) each.id = id;
}

/** Ask the API. What is refused for now is asked again: the server goes on from where it was. */
async function post(path, body, headers) {
  const token = find('meta[name="csrf-token"]').content;
  for (let tries = 1; ; tries += 1) {
    const answer = await fetch(`/api/v1${path}`, { method: "POST", headers: { "X-CSRFToken": token, ...headers }, body });
    if (answer.ok) return answer.json();
    if (!PASSING.has(answer.status) || tries >= MOST_TRIES) throw new Error(`${path}: ${answer.status}`);
    await new Promise((done) => { setTimeout(done, 1000 * Number(answer.headers.get("Retry-After") ?? 5)); });
  }
}

/** Return the conversations of a JSON file, or of every JSON file in a ZIP, and the ZIP's files by their ids. */
async function contentOf(file) {
  const begin = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  const entries = begin[0] === 0x50 && begin[1] === 0x4b ? await entriesOf(file) : [];
  if (!entries.length && file.size > LARGEST_JSON) throw new Error("too large");
  const texts = entries.length ? await jsonIn(entries) : [await file.text()];
  const files = entries.map((entry) => [/^(?:.*\/)?attachments\/([^/.]+)\.[^/]*$/.exec(entry.name)?.[1], entry]);
  return { items: texts.flatMap(conversationsIn), files: new Map(files.filter(([id]) => id)) };
}

function conversationsIn(text) {
  const value = JSON.parse(text);
  if (Array.isArray(value)) return value.filter((item) => item?.mapping || item?.messages);
  if (Array.isArray(value?.conversations)) return value.conversations;
  return value?.mapping || value?.messages ? [value] : [];
}

async function jsonIn(entries) {
  const texts = [];
  let left = LARGEST_JSON;
  // As the server chooses them; what macOS adds to every ZIP that it packs is no JSON.
  const whole = entries.filter(({ name }) => name === "export.json");
  const any = entries.filter(({ name }) => /\.json$/i.test(name) && !name.startsWith("__MACOSX/"));
  for (const entry of whole.length ? whole.slice(-1) : any) {
    const found = await unpacked(entry, left);
    left -= found.size;
    texts.push(await found.text());
  }
  return texts;
}
