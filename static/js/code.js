/* Blocks of code: a copy button, and colours that are fetched only when code comes into sight. */

import { typeset } from "./math.js";
import { copyText, find } from "./page.js";
import { words } from "./words.js";

const NAMES = {
  bash: "bash", c: "c", cpp: "cpp", csharp: "csharp", css: "css", diff: "diff", dockerfile: "dockerfile", go: "go",
  ini: "ini", java: "java", javascript: "javascript", json: "json", kotlin: "kotlin", markdown: "markdown", php: "php",
  python: "python", ruby: "ruby", rust: "rust", shell: "shell", sql: "sql", swift: "swift", typescript: "typescript",
  xml: "xml", yaml: "yaml",
  "c#": "csharp", "c++": "cpp", console: "shell", cs: "csharp", docker: "dockerfile", golang: "go", html: "xml",
  js: "javascript", jsx: "javascript", kt: "kotlin", md: "markdown", patch: "diff", py: "python", rb: "ruby",
  rs: "rust", sh: "bash", svg: "xml", toml: "ini", ts: "typescript", tsx: "typescript", yml: "yaml", zsh: "bash",
};
const LONGEST = 50_000;

let core;
const loaded = new Map();

function load(name) {
  core ??= import("./vendor/highlight/core.js").then((module) => module.default);
  if (!loaded.has(name)) {
    loaded.set(name, Promise.all([core, import(`./vendor/highlight/languages/${name}.js`)]).then(([hljs, grammar]) => {
      hljs.registerLanguage(name, grammar.default);
      return hljs;
    }));
  }
  return loaded.get(name);
}

async function colour(code) {
  const word = /language-(\S+)/.exec(code.className)?.[1];
  const name = Object.hasOwn(NAMES, word) ? NAMES[word] : null;
  const text = code.textContent;
  if (!name || text.length > LONGEST) return;
  const hljs = await load(name);
  // The colourer escapes all that it was given; it adds spans with class names and nothing else.
  if (code.textContent === text) code.innerHTML = hljs.highlight(text, { language: name, ignoreIllegals: true }).value;
}

function addCopyButton(block) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "code-copy";
  button.setAttribute("aria-label", words.copyCode);
  button.innerHTML = '<svg class="icon" aria-hidden="true"><use href="#i-copy"/></svg>';
  button.append(words.copy);
  button.addEventListener("click", () => copyText(block.querySelector("code").textContent, button));
  block.querySelector(".code-head").append(button);
}

function letScroll(box) {
  // What scrolls must be reachable by keyboard; what does not is no stop on the way.
  if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
}

// A long history is not measured and coloured before somebody reads it.
const sight = new IntersectionObserver((entries) => {
  const seen = entries.filter(({ isIntersecting }) => isIntersecting).map(({ target }) => target);
  seen.forEach((box) => sight.unobserve(box));
  seen.forEach((box) => letScroll(find("pre", box) ?? box));
  // Without colours it is still readable.
  for (const box of seen) if (box.matches(".code")) colour(find("code", box)).catch(() => {});
}, { root: find("[data-thread]"), rootMargin: "600px 0px" });

/** Dress the code, tables and formulas in `root` that are finished; safe to call again. */
export function dress(root) {
  const all = [...(root.matches(".code, .table-scroll") ? [root] : []), ...root.querySelectorAll(".code, .table-scroll")];
  for (const box of all) {
    if (box.dataset.dressed) continue;
    box.dataset.dressed = "yes";
    if (box.matches(".code")) addCopyButton(box);
    sight.observe(box);
  }
  typeset(root).catch(() => {}); // as they were written they can be read too
}
