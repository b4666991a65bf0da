// Small comforts of the account pages; each page works without them.

// Copy buttons: hidden in the page, since without this file they could do nothing.
for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const label = button.textContent;
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.textContent.trim());
    button.textContent = button.dataset.done;
    setTimeout(() => (button.textContent = label), 2000);
  });
}

// Passwords can be looked at while they are typed.
const show = document.querySelector('meta[name="word-show"]').content;
for (const input of document.querySelectorAll('input[type="password"]')) {
  const shell = document.createElement("div");
  shell.className = "reveal";
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-controls", input.id);
  button.setAttribute("aria-pressed", "false");
  button.textContent = show;
  input.replaceWith(shell);
  shell.append(input, button);
  button.addEventListener("click", () => {
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    input.focus();
  });
}

// The device knows its time zone better than a list of four hundred does.
const offer = document.querySelector("[data-time-zone-offer]");
const zones = document.querySelector("[data-time-zone-form] select[name=time_zone]");
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (offer && zones && zones.value !== here && [...zones.options].some((option) => option.value === here)) {
  offer.querySelector("bdi").textContent = here.replaceAll("_", " ");
  offer.hidden = false;
  offer.querySelector("button").addEventListener("click", () => {
    zones.value = here;
    offer.hidden = true;
  });
}

// Where the ways between the pages take more than a line's width, the present one is in sight.
document.querySelector(".account-nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
