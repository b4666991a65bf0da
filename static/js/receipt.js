/* The receipt under an answer, as chat/receipts.py writes it for the history. */

import { find } from "./page.js";
import { counted, dollars, figure, fill, modelName, seconds, words } from "./words.js";

/** The model to name: the one asked, unless another one took its place. */
const answeringModel = ({ fallback_used: isOther, final_model_used: last, model }) => ((isOther || !model) && last) || model || "";

function lineFacts(message, usage) {
  return [
    modelName(answeringModel(message)),
    usage.total_tokens != null && counted(words.tokens, usage.total_tokens),
    usage.cost_usd != null && dollars(usage.cost_usd),
    usage.total_ms != null && seconds(usage.total_ms),
    message.status === "stopped" && words.stopped,
  ].filter(Boolean);
}

/** Whether the answer ended because it had reached its limit of tokens, not because all was said. */
export const isCutShort = ({ status, finish_reason: reason }) => status === "done" && reason === "length";

/** The share of the price that the prompt cache saved. */
function saving({ cache_discount_usd: discount }, { cost_usd: cost }) {
  if (!(discount > 0) || cost == null) return "";
  return fill(words.saved, { share: `${Math.round((discount / (cost + discount)) * 100)}%` });
}

function allFacts(message, usage) {
  const count = (number) => (number != null ? figure(number) : null);
  const time = (ms) => (ms != null ? seconds(ms) : null);
  return [
    [words.factModel, message.final_model_used || message.model],
    [words.factProvider, message.provider],
    [words.factPrompt, count(usage.prompt_tokens)],
    [words.factCached, message.cached_tokens_read ? figure(message.cached_tokens_read) : null],
    [words.factCompletion, count(usage.completion_tokens)],
    [words.factReasoning, usage.reasoning_tokens ? figure(usage.reasoning_tokens) : null],
    [words.factCost, usage.cost_usd != null ? dollars(usage.cost_usd) : null],
    [words.factFirst, time(usage.first_token_ms)],
    [words.factTotal, time(usage.total_ms)],
  ].filter(([, value]) => value);
}

function make(tag, text, ...children) {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  node.append(...children);
  return node;
}

/** Write the receipt of a message document into its answer element. */
export function writeReceipt(article, message) {
  const usage = message.usage ?? {};
  const summary = find("[data-receipt] summary", article);
  summary.replaceChildren(...lineFacts(message, usage).map((fact) => make("bdi", fact)));
  const saved = saving(message, usage);
  if (saved) summary.append(Object.assign(make("bdi", saved), { className: "saved" }));
  if (message.history_messages_cut) {
    const notice = make("span", counted(words.cut, message.history_messages_cut));
    notice.className = "cut";
    summary.append(notice);
  }
  find("[data-receipt] dl", article).replaceChildren(
    ...allFacts(message, usage).map(([name, value]) => make("div", "", make("dt", name), make("dd", "", make("bdi", value)))),
  );
  find("[data-foot]", article).hidden = false;
}
