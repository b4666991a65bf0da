/* A verse's page: copying it. */

for (const button of document.querySelectorAll("[data-copy-verse]")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copyVerse);
    button.querySelector("span").textContent = button.dataset.copied;
    document.querySelector("[data-copy-said]").textContent = button.dataset.copied;
  });
}
