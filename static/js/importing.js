/* Bringing conversations in: a file is read here, and sent in parts that the server takes. */

import { api, find } from "./page.js";
import { counted, fill, words } from "./words.js";

// The server takes 2 MB; characters may be several bytes.
const PART_CHARACTERS = 500_000;
const MOST_AT_ONCE = 100;
const LARGEST_FILE = 500_000_000;

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
      await bringIn(await conversationsOf(field.files[0]), said);
    } catch {
      said.textContent = words.importFailed;
    }
    field.disabled = false;
  });
  dialog.addEventListener("close", () => { if (dialog.dataset.changed !== undefined) location.assign("/"); });
}

async function bringIn(items, said) {
  let taken = 0;
  let skipped = 0;
  for (const part of parts(items)) {
    const told = await api("POST", "/conversations/import", part).catch(() => ({ conversations: [], skipped: part }));
    taken += told.conversations.length;
    skipped += told.skipped.length;
    said.textContent = fill(words.importing, { done: taken + skipped, all: items.length });
  }
  said.textContent = [counted(words.imported, taken), skipped ? counted(words.importSkipped, skipped) : ""].join(" ");
  if (taken) find("[data-import-dialog]").dataset.changed = "";
}

/** Yield the conversations in parts that one request may hold. */
function* parts(items) {
  let part = [];
  let size = 0;
  for (const item of items) {
    const length = JSON.stringify(item).length;
    if (part.length && (size + length > PART_CHARACTERS || part.length >= MOST_AT_ONCE)) {
      yield part;
      [part, size] = [[], 0];
    }
    part.push(item);
    size += length;
  }
  if (part.length) yield part;
}

/** Return the conversations of a JSON file, or of every JSON file in a zip. */
async function conversationsOf(file) {
  if (file.size > LARGEST_FILE) throw new Error("too large");
  const begin = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  const texts = begin[0] === 0x50 && begin[1] === 0x4b ? await jsonInZip(file) : [await file.text()];
  return texts.flatMap((text) => {
    const value = JSON.parse(text);
    if (Array.isArray(value)) return value.filter((item) => item?.mapping || item?.messages);
    if (Array.isArray(value?.conversations)) return value.conversations;
    return value?.mapping || value?.messages ? [value] : [];
  });
}

const END_OF_DIRECTORY = 0x06054b50;

/** Read a zip by its directory at the end: every .json in it, stored or deflated. */
async function jsonInZip(file) {
  const tail = await file.slice(Math.max(0, file.size - 65_557)).arrayBuffer();
  const end = new DataView(tail);
  let at = tail.byteLength - 22;
  while (at >= 0 && end.getUint32(at, true) !== END_OF_DIRECTORY) at -= 1;
  if (at < 0) throw new Error("no zip");
  const [size, start] = [end.getUint32(at + 12, true), end.getUint32(at + 16, true)];
  const bytes = await file.slice(start, start + size).arrayBuffer();
  const directory = new DataView(bytes);
  const texts = [];
  let read = 0;
  for (let place = 0; place + 46 <= size;) {
    const word = (offset) => directory.getUint16(place + offset, true);
    const long = (offset) => directory.getUint32(place + offset, true);
    const name = new TextDecoder().decode(new Uint8Array(bytes, place + 46, word(28)));
    if (/(^|\/)[^/]+\.json$/i.test(name)) {
      read += long(24);
      if (read > LARGEST_FILE) throw new Error("too large");
      texts.push(await entry(file, { method: word(10), size: long(20), start: long(42) }));
    }
    place += 46 + word(28) + word(30) + word(32);
  }
  return texts;
}

async function entry(file, { method, size, start }) {
  const head = new DataView(await file.slice(start, start + 30).arrayBuffer());
  const begin = start + 30 + head.getUint16(26, true) + head.getUint16(28, true);
  const packed = file.slice(begin, begin + size);
  const stream = method === 8 ? packed.stream().pipeThrough(new DecompressionStream("deflate-raw")) : packed.stream();
  let text = "";
  const decoder = new TextDecoder();
  for (const reader = stream.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
    // What the directory claims need not be true.
    if (text.length > LARGEST_FILE) throw new Error("too large");
  }
}
