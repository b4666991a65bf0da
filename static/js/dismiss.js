// Takes a warning away without loading the page anew, so that a half-written question stays where it is.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-dismiss]");
  if (!form) return;
  event.preventDefault();
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" }).catch(() => null);
  if (answer && (answer.ok || answer.type === "opaqueredirect")) form.closest(".notice").remove();
  else form.submit();
});
