/* Small things that every part of the page uses: finding, cloning, saying, copying, asking the API. */

import { words } from "./words.js";

export const find = (selector, root = document) => root.querySelector(selector);
export const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];

/** Return a fresh element of one of the page's templates. */
export function fromTemplate(name) {
  return find(`template[data-template="${name}"]`).content.firstElementChild.cloneNode(true);
}

const fitsItself = CSS.supports("field-sizing", "content");

/** Make a field as high as its text, where the browser does not: that costs a layout of the whole page. */
export function fit(field) {
  if (fitsItself) return;
  field.style.blockSize = "auto";
  field.style.blockSize = `${field.scrollHeight}px`;
}

/** Let a screen reader say it; nothing is shown. */
export function say(text) {
  const region = find("[data-said]");
  region.textContent = "";
  requestAnimationFrame(() => { region.textContent = text; });
}

let toastTimer = 0;

/** Show a short note for a few seconds, longer where there is something to do about it: `act` behind `label`. */
export function toast(text, { label = "", act = null } = {}) {
  const box = find("[data-toast]");
  const button = find("[data-toast-action]", box);
  find("[data-toast-text]", box).textContent = text;
  button.hidden = !act;
  button.textContent = label;
  button.onclick = () => {
    box.hidden = true;
    act?.();
  };
  box.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { box.hidden = true; }, act ? 10_000 : 3500);
}

/** Copy the text; the button shows for a moment that it is done. */
export async function copyText(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    toast(words.copyFailed);
    return;
  }
  const use = find("use", button);
  use.setAttribute("href", "#i-check");
  button.dataset.done = "";
  say(words.copied);
  setTimeout(() => {
    use.setAttribute("href", "#i-copy");
    delete button.dataset.done;
  }, 1600);
}

/** Ask the API with the session; throws on every answer that is no success. */
export async function api(method, path, body) {
  const answer = await fetch(`/api/v1${path}`, {
    method,
    headers: {
      "X-CSRFToken": find('meta[name="csrf-token"]').content,
      ...(body && { "Content-Type": "application/json" }),
    },
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw Object.assign(new Error(`${method} ${path}: ${answer.status}`), { status: answer.status });
  return answer.status === 204 ? null : answer.json();
}

/** Fetch a piece of a page that the server has rendered; null when there is none. */
export async function fetchPart(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return null;
  return new DOMParser().parseFromString(await answer.text(), "text/html").body;
}

/** Read and write what this browser remembers; a browser that remembers nothing is fine. */
const remembering = (storage) => ({
  read(key) {
    try { return storage().getItem(`wisqu.${key}`); } catch { return null; }
  },
  write(key, value) {
    try {
      if (value) storage().setItem(`wisqu.${key}`, value);
      else storage().removeItem(`wisqu.${key}`);
    } catch { /* full, or forbidden */ }
  },
});
export const memory = remembering(() => localStorage);
export const session = remembering(() => sessionStorage); // until this tab closes
