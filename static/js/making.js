/* Asking for images and keeping up with them: what the page of images and the chat share. */

import { find } from "./page.js";
import { fill, words } from "./words.js";

/** Ask the API with the session; a refusal is thrown with its problem document. */
export async function ask(method, path, body, headers = {}) {
  let answer;
  try {
    answer = await fetch(`/api/v1${path}`, {
      method,
      headers: {
        "X-CSRFToken": find('meta[name="csrf-token"]').content,
        ...(body && { "Content-Type": "application/json" }),
        ...headers,
      },
      body: body && JSON.stringify(body),
    });
  } catch {
    throw Object.assign(new Error("no connection"), { problem: { code: "lost" } });
  }
  if (answer.status === 204) return null;
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(`${method} ${path}: ${answer.status}`), { problem: told, status: answer.status });
  return told;
}

const ASKED_AGAIN_AFTER_MS = 1500;

/** Ask for something that is made once: after a lost line it is asked again, and the same key makes it no second time. */
async function askOnce(path, body) {
  const headers = { "Idempotency-Key": crypto.randomUUID() };
  try {
    return await ask("POST", path, body, headers);
  } catch (error) {
    if (error.problem?.code !== "lost") throw error;
    await new Promise((done) => { setTimeout(done, ASKED_AGAIN_AFTER_MS); });
    return ask("POST", path, body, headers);
  }
}

/** Wish for images, and for another one of the same wish. */
export const wish = (fields) => askOnce("/images/generate", fields);
export const wishAgain = (image) => askOnce(`/images/${image.id}/regenerate`, null);

// The chat's page brings the words of images along beside its own.
const told = document.getElementById("made");
export const made = told ? JSON.parse(told.textContent) : null;
const ours = () => made?.words ?? words;

/** Return what to say about a refusal or a failure. */
export function reasonOf(problem) {
  const { failures, lost, signedOut } = ours();
  if (problem?.code === "lost") return lost;
  if (problem?.code === "not_authenticated") return signedOut;
  const field = problem?.errors?.[0];
  return failures[field?.code] || failures[problem?.code] || field?.detail || problem?.detail || failures.internal_error;
}

export const isOpen = (image) => image.status === "queued" || image.status === "running";

const LOOK_EVERY_MS = 15_000;
const MOST_LOOKED_AT = 5;

/** Look after images that are being made beside what the line tells: it may have been down, or another tab deleted one.
    `images` returns all that are shown; the returned function looks at once. */
export function lookAfter(images, { hear, gone }) {
  const look = () => {
    const oldest = images().filter(isOpen).sort((one, other) => (one.id < other.id ? -1 : 1)).slice(0, MOST_LOOKED_AT);
    for (const image of oldest) {
      ask("GET", `/images/${image.id}`).then(hear, ({ status }) => { if (status === 404) gone(image); });
    }
  };
  setInterval(() => { if (!document.hidden) look(); }, LOOK_EVERY_MS);
  return look;
}

/** Give an element the image's shape before there is an image. */
export function shapeLike(element, image) {
  const [wide, high] = image.width ? [image.width, image.height] : (image.aspect_ratio ?? "1:1").split(":");
  element.style.aspectRatio = `${wide} / ${high}`;
}

const LARGEST_MB = 1.4; // of a picture that travels in a request of JSON
const LONGEST_SIDE = 1536;

/** Return a file as a data: URL that a request can hold, scaled down where it is larger. Throws what to say. */
export async function asDataUrl(file) {
  const bitmap = await createImageBitmap(file).catch(() => { throw new Error(ours().noPicture); });
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = new OffscreenCanvas(Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale)));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  for (const quality of [0.92, 0.8, 0.6]) {
    const blob = await canvas.convertToBlob({ type: "image/webp", quality });
    if (blob.size < LARGEST_MB * 1024 * 1024) return read(blob);
  }
  throw new Error(fill(ours().tooLarge, { n: LARGEST_MB }));
}

function read(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => reject(new Error(ours().noPicture)));
    reader.readAsDataURL(blob);
  });
}

/** Keep an image as an attachment, to be sent with a question; return what the server tells of it. */
export async function asAttachment(image) {
  const file = await (await fetch(image.url)).blob();
  const form = new FormData();
  form.append("file", file, `image.${file.type.split("/").at(-1)}`);
  const answer = await fetch("/api/v1/attachments", {
    method: "POST",
    headers: { "X-CSRFToken": find('meta[name="csrf-token"]').content },
    body: form,
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error("attachment"), { problem: told });
  return told;
}

/** Open a new chat with the image beside its first question. */
export async function useInChat(image) {
  location.assign(`/?attach=${(await asAttachment(image)).id}`);
}
