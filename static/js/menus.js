/* Menus that close when one looks elsewhere, and the choice of colours. */

import { api, find, findAll } from "./page.js";

export function watchMenus() {
  const open = () => findAll("details[data-menu][open]");
  document.addEventListener("click", (event) => {
    for (const menu of open()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of open()) {
      menu.open = false;
      find("summary", menu).focus();
    }
  });
}

function showTheme(theme) {
  document.documentElement.dataset.theme = theme;
  for (const button of findAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === theme));
  }
}

export function watchTheme() {
  showTheme(document.documentElement.dataset.theme);
  find("[data-themes]").addEventListener("click", (event) => {
    const theme = event.target.closest("[data-theme-choice]")?.dataset.themeChoice;
    if (!theme) return;
    showTheme(theme);
    api("PATCH", "/auth/me", { theme }).catch(() => {}); // it holds until the next page at least
  });
}
