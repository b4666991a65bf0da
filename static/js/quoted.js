/* Marks of quotations: a mark that says something is wrong leads to the note beneath, which opens. */

import { find } from "./page.js";

document.addEventListener("click", (event) => {
  const mark = event.target.closest("[data-note]");
  const note = mark && document.getElementById(new URL(mark.href).hash.slice(1));
  if (!note) return;
  event.preventDefault();
  note.closest("details").open = true;
  note.focus({ preventScroll: true });
  note.scrollIntoView({ block: "nearest" });
});

/** Return the notes beneath an answer as text, where something in it is not as it should be. */
export function notesText(article) {
  const list = find("[data-checked] .flawed", article) && find("[data-checked] details", article);
  return list ? `\n\n---\n${list.innerText.trim()}` : "";
}
