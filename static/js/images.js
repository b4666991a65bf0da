/* The page of images: wishing for some, watching them come, finding and looking at what is there. */

import { ImageView } from "./imageview.js";
import { Line } from "./line.js";
import { asDataUrl, ask, isOpen, lookAfter, reasonOf, shapeLike, useInChat, wish, wishAgain } from "./making.js";
import { find, findAll, fromTemplate, memory, say, toast } from "./page.js";
import { facts, fill, modelName, words } from "./words.js";

const gallery = find("[data-gallery]");
const moreButton = find("[data-more]");
const images = new Map(); // by id, the newest first
let next = null;
let sifted = {};

// --- The wall ---------------------------------------------------------------------------------------

const tileOf = (image) => find(`[data-tile="${image.id}"]`, gallery);
const ready = () => [...images.values()].filter((image) => image.url);

function draw(image) {
  let tile = tileOf(image);
  if (!tile) {
    tile = fromTemplate("tile");
    tile.dataset.tile = image.id;
    const later = findAll("[data-tile]", gallery).find((each) => each.dataset.tile < image.id);
    gallery.insertBefore(tile, later ?? null);
  }
  tile.dataset.status = image.status;
  const [open, wait, fault] = ["open", "wait", "fault"].map((name) => find(`[data-${name}]`, tile));
  open.hidden = !image.url;
  wait.hidden = !isOpen(image);
  fault.hidden = image.status !== "failed";
  if (image.url) {
    const picture = find("[data-picture]", tile);
    if (picture.getAttribute("src") !== image.thumbnail_url) {
      picture.loading = "lazy";
      picture.src = image.thumbnail_url;
    }
    picture.alt = image.prompt;
    open.setAttribute("aria-label", `${words.open}: ${image.prompt}`);
  }
  if (isOpen(image)) find("[data-state]", tile).textContent = words[image.status];
  if (image.error) find("[data-reason]", tile).textContent = reasonOf(image.error);
  const prompt = find("[data-words]", tile);
  prompt.textContent = prompt.title = image.prompt;
  find("[data-facts]", tile).textContent = [modelName(nameOf(image.model)), image.aspect_ratio].filter(Boolean).join(" · ");
}

const nameOf = (id) => facts.painters.find((each) => each.id === id)?.name ?? id;

function keep(image) {
  const before = images.get(image.id);
  images.set(image.id, image);
  const sorted = [...images.entries()].sort(([one], [other]) => (one < other ? 1 : -1));
  images.clear();
  for (const [id, each] of sorted) images.set(id, each);
  draw(image);
  if (before && isOpen(before) && image.status === "done") say(words.ready);
  if (before && isOpen(before) && image.status === "failed") say(reasonOf(image.error));
  showEmptiness();
}

function forget(image) {
  images.delete(image.id);
  tileOf(image)?.remove();
  showEmptiness();
}

function showEmptiness() {
  const isSifted = Object.keys(sifted).length > 0;
  const isEmpty = !images.size;
  find("[data-none]").hidden = !isEmpty || isSifted;
  find("[data-none-found]").hidden = !isEmpty || !isSifted;
  find("[data-sift]").hidden = isEmpty && !isSifted;
}

const fits = (image) =>
  (!sifted.status || image.status === sifted.status) &&
  (!sifted.model || image.model === sifted.model) &&
  (sifted.q ?? "").toLowerCase().split(/\s+/).every((word) => image.prompt.toLowerCase().includes(word));

// --- Reading on, finding ----------------------------------------------------------------------------

async function load({ afresh = false } = {}) {
  const address = afresh ? `/images/history?${new URLSearchParams({ limit: facts.page, ...sifted })}` : next;
  moreButton.disabled = true;
  try {
    const page = await ask("GET", address);
    if (afresh) {
      images.clear();
      gallery.replaceChildren();
    }
    next = page.next && page.next.slice(page.next.indexOf("/images/history"));
    page.results.forEach(keep);
  } catch (error) {
    toast(reasonOf(error.problem));
  }
  moreButton.disabled = false;
  moreButton.hidden = !next;
  showEmptiness();
}

let siftTimer = 0;

function sift() {
  const wished = { q: find("[data-sift-words]").value.trim(), status: find("[data-sift-status]").value, model: find("[data-sift-model]").value };
  sifted = Object.fromEntries(Object.entries(wished).filter(([, value]) => value));
  load({ afresh: true });
}

find("[data-sift]").addEventListener("submit", (event) => event.preventDefault());
find("[data-sift-words]").addEventListener("input", () => {
  clearTimeout(siftTimer);
  siftTimer = setTimeout(sift, 250);
});
find("[data-sift-status]").addEventListener("change", sift);
find("[data-sift-model]").addEventListener("change", sift);
moreButton.addEventListener("click", () => load());

// --- What can be done with an image -----------------------------------------------------------------

async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    toast(reasonOf(error.problem));
    return null;
  }
}

async function again(image) {
  const told = await attempt(() => wishAgain(image));
  if (!told) return;
  told.images.forEach(keep);
  toast(words.started);
}

async function remove(image) {
  if (view.isOpen) view.leave(image);
  const done = await attempt(async () => { await ask("DELETE", `/images/${image.id}`); return true; });
  if (!done) return;
  forget(image);
  toast(words.deleted, { label: words.undo, act: () => bringBack(image) });
}

async function bringBack(image) {
  const told = await attempt(() => ask("POST", `/images/${image.id}/restore`));
  if (told) keep(told);
}

const view = new ImageView({
  images: ready,
  acts: {
    again,
    delete: remove,
    use: (image) => attempt(() => useInChat(image)),
    start: (image) => { view.close(); give({ id: image.id, shown: image.thumbnail_url }); },
  },
});

gallery.addEventListener("click", (event) => {
  const image = images.get(event.target.closest("[data-tile]")?.dataset.tile);
  if (!image) return;
  if (event.target.closest("[data-open]")) view.open(image);
  else if (event.target.closest("[data-again]")) again(image).then(() => forgetFailed(image));
  else if (event.target.closest("[data-delete]")) remove(image);
});

/** One that was tried again has its successor beside it. */
async function forgetFailed(image) {
  await attempt(() => ask("DELETE", `/images/${image.id}`));
  forget(image);
}

// --- Wishing ----------------------------------------------------------------------------------------

const form = find("[data-wish]");
let given = null; // a picture to start from: {id, shown} or {url, shown}

function give(picture) {
  if (!form) return;
  given = picture;
  find("[data-given]").hidden = !picture;
  if (picture) find("[data-given-picture]").src = picture.shown;
  find("[data-prompt]").focus();
}

function painter() {
  return facts.painters.find((each) => each.id === find("[data-model]").value);
}

function drawShapes() {
  const row = find("[data-shapes]");
  const chosen = find("input:checked", row)?.value ?? memory.read("shape") ?? "";
  const shapes = ["", ...painter().ratios].map((ratio) => {
    const label = document.createElement("label");
    label.className = "shape";
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "shape", value: ratio, className: "bare" });
    input.checked = ratio === chosen;
    const sign = document.createElement("i");
    const [wide, high] = ratio.split(":").map(Number);
    sign.className = ratio ? (wide >= high ? "wide" : "high") : "any";
    if (ratio) sign.style.aspectRatio = `${wide} / ${high}`;
    const name = document.createElement("bdi");
    name.textContent = ratio || words.asIs;
    label.append(input, sign, name);
    return label;
  });
  row.replaceChildren(...shapes);
  if (!find("input:checked", row)) find("input", row).checked = true;
  find("[data-take]").hidden = !painter().takes_input;
  if (!painter().takes_input) give(null);
}

function refuse(text) {
  const box = find("[data-refusal]");
  box.hidden = !text;
  find("[data-refusal-text]").textContent = text;
}

async function make() {
  const prompt = find("[data-prompt]").value.trim();
  if (!prompt) return find("[data-prompt]").focus();
  const ratio = find("[name=shape]:checked", form)?.value;
  const model = find("[data-model]").value;
  const fields = {
    prompt,
    model,
    n: Number(find("[data-number]").value),
    ...(ratio && { aspect_ratio: ratio }),
    ...(given && { input_image: given.id ?? given.url }),
  };
  const button = find("[data-make]");
  button.disabled = true;
  refuse("");
  try {
    const told = await wish(fields);
    memory.write("shape", ratio);
    memory.write("painter", model);
    told.images.filter(fits).forEach(keep);
    say(words.started);
    tileOf(told)?.scrollIntoView({ block: "nearest" });
  } catch (error) {
    refuse(reasonOf(error.problem));
  }
  button.disabled = false;
  return undefined;
}

async function take(file) {
  if (!file) return;
  refuse("");
  try {
    const url = await asDataUrl(file);
    give({ url, shown: url });
  } catch (error) {
    refuse(error.message);
  }
}

if (form) {
  const kept = memory.read("painter");
  if (facts.painters.some((each) => each.id === kept)) find("[data-model]").value = kept;
  drawShapes();
  find("[data-model]").addEventListener("change", drawShapes);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    make();
  });
  find("[data-prompt]").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      make();
    }
  });
  find("[data-file]").addEventListener("change", (event) => {
    take(event.target.files[0]);
    event.target.value = "";
  });
  find("[data-ungive]").addEventListener("click", () => give(null));
  form.addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files].find((each) => each.type.startsWith("image/"));
    if (!file || !painter().takes_input) return;
    event.preventDefault();
    take(file);
  });
}

// --- Keeping up -------------------------------------------------------------------------------------

const line = new Line();

line.addEventListener("frame", ({ detail: frame }) => {
  if (frame.type === "image" && (images.has(frame.image.id) || fits(frame.image))) keep(frame.image);
  if (frame.type === "quota") showMeter(frame.images);
});
const look = lookAfter(() => [...images.values()], { hear: keep, gone: forget });
// What happened while the line was down, or before it was there, nobody tells.
let wasDown = false;
line.addEventListener("state", ({ detail: state }) => {
  if (state === "waiting") wasDown = true;
  if (state !== "open") return;
  look();
  if (wasDown) ask("GET", `/images/history?${new URLSearchParams({ limit: facts.page, ...sifted })}`).then((page) => page.results.forEach(keep), () => {});
  wasDown = false;
});
line.open();

function showMeter(meter) {
  const shown = find("[data-meter]");
  if (!shown || !meter) return;
  const form = meter.limit === null ? words.used : words.left;
  shown.textContent = fill(form, { n: meter.limit === null ? meter.used : meter.remaining, limit: meter.limit });
}

gallery.replaceChildren();
facts.images.forEach(keep);
showEmptiness();
if (facts.has_more) {
  next = `/images/history?${new URLSearchParams({ limit: facts.page, cursor: facts.cursor })}`;
  moreButton.hidden = false;
}
if (location.hash.length > 1 && images.has(location.hash.slice(1))) view.open(images.get(location.hash.slice(1)));
