// Small comforts of the pages of plan and usage; each page works without them.
import "./dismiss.js";

// Hidden in the page, since without this file it could do nothing.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
