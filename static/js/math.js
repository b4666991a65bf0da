/* Formulas, set by a library that is fetched only when there is one to set. */

import { find, findAll } from "./page.js";

const LIMITS = { trust: false, strict: "ignore", throwOnError: true, maxSize: 20, maxExpand: 500 };

let library;

function load() {
  library ??= Promise.all([import("./vendor/katex/katex.js"), loadStyle()]).then(() => globalThis.katex);
  return library;
}

function loadStyle() {
  const link = document.createElement("link");
  Object.assign(link, { rel: "stylesheet", href: find('meta[name="math-style"]').content });
  return new Promise((resolve, reject) => {
    link.onload = resolve;
    link.onerror = reject;
    document.head.append(link);
  });
}

/** Move the few style attributes of the library's tree aside: the content security policy refuses them. */
function setStylesAside(node) {
  if (node.attributes?.style) {
    node.attributes["data-style"] = node.attributes.style;
    delete node.attributes.style;
  }
  node.children?.forEach(setStylesAside);
}

function set(formula, katex) {
  const source = formula.textContent;
  const tree = katex.__renderToDomTree(source, { ...LIMITS, displayMode: formula.matches(".display") });
  setStylesAside(tree);
  const node = tree.toNode();
  for (const each of findAll("[data-style]", node)) {
    each.style.cssText = each.dataset.style; // set by script, which the policy allows
    delete each.dataset.style;
  }
  formula.dataset.tex = source;
  formula.replaceChildren(node);
}

/** Set the formulas in `root` that are not set yet; what is no LaTeX stays as it was written. */
export async function typeset(root) {
  const within = findAll(".math:not([data-tex])", root);
  const formulas = root.matches(".math:not([data-tex])") ? [root, ...within] : within;
  if (!formulas.length) return;
  const katex = await load();
  for (const formula of formulas) {
    if (formula.dataset.tex !== undefined) continue;
    try {
      set(formula, katex);
    } catch {
      formula.dataset.tex = formula.textContent;
      formula.classList.add("is-raw");
    }
  }
  // Measured when all are set: once for all of them.
  const wide = formulas.filter((formula) => formula.matches("div") && formula.scrollWidth > formula.clientWidth + 1);
  for (const formula of wide) formula.tabIndex = 0;
}

/** Return the text as it is read, formulas as they were written. */
export function plainText(root) {
  if (!find(".math[data-tex]", root)) return root.innerText;
  const copy = root.cloneNode(true);
  for (const formula of findAll(".math[data-tex]", copy)) formula.textContent = formula.dataset.tex;
  root.after(copy); // line breaks are known of what has a place on the page only; it is gone before it is seen
  const text = copy.innerText;
  copy.remove();
  return text;
}
