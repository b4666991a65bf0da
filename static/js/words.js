/* The page's words in the reader's language, and figures as the server writes them (chat/receipts.py). */

export const words = JSON.parse(document.getElementById("words").textContent);
export const facts = JSON.parse(document.getElementById("facts").textContent);

const plurals = new Intl.PluralRules(document.documentElement.lang || "en");
const grouped = new Intl.NumberFormat("en-US");

/** Return the wording with its `%(name)s` places filled. */
export function fill(wording, values) {
  return wording.replace(/%\((\w+)\)s/g, (_, name) => values[name]);
}

export const figure = (number) => grouped.format(number);

/** Return the wording that fits the number. */
export function counted(forms, number) {
  return fill(forms[plurals.select(number)] ?? forms.other, { n: figure(number) });
}

export function dollars(amount) {
  if (amount < 0) return `−${dollars(-amount)}`;
  if (amount >= 1 || amount === 0) return `$${amount.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  if (amount >= 0.001) return `$${amount.toFixed(4)}`;
  return amount >= 0.0001 ? `$${Number(amount.toPrecision(2))}` : `$${amount.toFixed(7).replace(/0+$/, "")}`;
}

export function seconds(milliseconds) {
  const tenths = Math.floor((milliseconds + 50) / 100);
  const shown = tenths < 600 ? (tenths / 10).toFixed(1) : figure(Math.floor((milliseconds + 500) / 1000));
  return fill(words.seconds, { n: shown });
}

const THE_TEXT = "WisQu: the text itself"; // no model: a verse that was looked up (chat/lookups.py)
export const modelName = (name) => (name === THE_TEXT ? words.theText : name.split("/").at(-1).split(": ").at(-1));

/** Return what to say about a problem or a failure: in the reader's language where its code is known. */
export function problemText(problem) {
  if (problem?.code === "quota_exceeded" && problem.measure === "messages") {
    const day = new Date(problem.resets_at).toLocaleDateString(document.documentElement.lang, { day: "numeric", month: "long" });
    return fill(words.quota, { limit: figure(problem.limit), day });
  }
  const known = words.failures[problem?.code] ?? words.failures[problem?.errors?.[0]?.code];
  return known || problem?.errors?.[0]?.detail || problem?.detail || "";
}
