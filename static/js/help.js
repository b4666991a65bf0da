// The way from an answer to the help page names the answer, also one that came after the page was loaded.
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-help]");
  const message = link?.closest("[data-message]")?.dataset.message;
  if (message) link.search = `?answer=${message}`;
}, { capture: true });
