/* The keyboard: what `?` shows is what works here. */

import { find, findAll } from "./page.js";

/** The letter on the key, whatever script the layout writes: with Arabic or Persian letters ⌘ K is still ⌘ K. */
function keyOf(event) {
  const key = event.key.toLowerCase();
  return /^[\x20-\x7e]$/.test(key) ? key : (/^Key([A-Z])$/.exec(event.code)?.[1].toLowerCase() ?? key);
}

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

/** `acts` has: find, newChat, focus, stop (true when there was something to stop), editLast, copyLast, toggleSide. */
export function watchKeys(acts) {
  if (isMac) for (const key of findAll("[data-mod]")) key.textContent = "⌘";
  if (isMac) for (const keys of findAll("[data-keys]")) keys.textContent = "⌘ K";
  const dialog = find("[data-keys-dialog]");
  find("[data-show-keys]").addEventListener("click", () => dialog.showModal());

  const withCommand = {
    k: acts.find,
    "shift+o": acts.newChat,
    "shift+c": acts.copyLast,
    "shift+s": acts.toggleSide,
  };
  const showAll = () => dialog.showModal();
  const alone = { "?": showAll, "؟": showAll, "/": acts.focus };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.altKey || find("dialog[open]")) return;
    const key = event.key.toLowerCase();
    const isTyping = event.target.closest("input, textarea, select, [contenteditable]");
    let act = null;
    if (event.ctrlKey || event.metaKey) act = withCommand[event.shiftKey ? `shift+${keyOf(event)}` : keyOf(event)];
    else if (key === "escape" && acts.stop()) act = () => {};
    else if (key === "arrowup" && event.target.matches("[data-question]") && !event.target.value) act = acts.editLast;
    else if (!isTyping) act = alone[key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
