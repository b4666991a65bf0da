/* The dialog that makes, shows and revokes a conversation's public link. */

import { api, copyText, find, findAll, toast } from "./page.js";
import { words } from "./words.js";

let shared = "";
let present = null; // the link that there is
let wired = false;

/** Show how the conversation is shared. */
export async function openShare(id) {
  const dialog = find("[data-share-dialog]");
  shared = id;
  if (!wired) wire(dialog);
  const told = await api("GET", `/conversations/${id}`).catch(() => null);
  if (!told) return toast(words.notSaved);
  show(dialog, told.share && { ...told.share, url: new URL(told.share.path, location).href });
  dialog.showModal();
  return undefined;
}

function wire(dialog) {
  wired = true;
  find("[data-make-share]", dialog).addEventListener("click", () => make(dialog));
  for (const way of findAll("[data-share-live]", dialog)) way.addEventListener("change", () => offer(dialog));
  find("[data-share-copy]", dialog).addEventListener("click", (event) => {
    copyText(find("[data-share-link]", dialog).value, event.currentTarget);
  });
  find("[data-unshare]", dialog).addEventListener("click", async () => {
    await api("DELETE", `/conversations/${shared}/share`).then(() => {
      show(dialog, null);
      toast(words.unshared);
    }, () => toast(words.notSaved));
  });
}

async function make(dialog) {
  try {
    const told = await api("POST", `/conversations/${shared}/share`, { live: isLive(dialog) });
    show(dialog, told);
    await navigator.clipboard.writeText(told.url).catch(() => {});
    toast(words.shared);
  } catch (error) {
    toast(error.status === 422 ? words.nothingToShare : words.notSaved);
  }
}

const isLive = (dialog) => Boolean(find("[data-share-live]:checked", dialog).value);

/** A first link is made; one that there is can show the present state, or from now on all. */
function offer(dialog) {
  const button = find("[data-make-share]", dialog);
  button.textContent = present ? button.dataset.again : button.dataset.first;
  button.hidden = Boolean(present?.live && isLive(dialog)); // such a link shows everything anyway
}

function show(dialog, share) {
  present = share;
  find("[data-share-row]", dialog).hidden = !share;
  find("[data-unshare]", dialog).hidden = !share;
  find("[data-share-link]", dialog).value = share?.url ?? "";
  find(`[data-share-live][value="${share?.live ? "1" : ""}"]`, dialog).checked = true;
  offer(dialog);
}
