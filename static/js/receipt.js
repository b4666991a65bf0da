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

const RETIRED = /^(\S+) was retired, its successor is (\S+)$/;

/** Why the answer is from another model than was asked, in the reader's language where its words are known. */
function because(reason) {
  return (reason ?? "").split("; ").filter(Boolean).map((note) => {
    const [, model, successor] = note.match(RETIRED) ?? [];
    if (model) return fill(words.retired, { model: modelName(model), successor: modelName(successor) });
    const end = note.indexOf(" ");
    const wording = words.reasons[note.slice(end + 1)];
    return wording ? fill(wording, { model: modelName(note.slice(0, end)) }) : note;
  }).join(" · ");
}

/** As the page calls it where it offers it: in the reader's language. */
function presetName(preset) {
  return preset && (find(`[data-preset] option[value="${CSS.escape(preset.id)}"]`)?.textContent || preset.name);
}

function modelFacts(message) {
  const served = message.final_model_used;
  const asked = message.model || served;
  return [
    [words.factModel, asked],
    [words.factServed, served !== asked && served],
    [words.factBecause, because(message.routing_reason)],
    [words.factTried, message.models_attempted?.length > 1 && message.models_attempted.map(modelName).join(" › ")],
    [words.factProvider, message.provider],
    [words.factPreset, presetName(message.preset)],
  ];
}

/** What asking once more took: who was asked, and the price. */
const mending = ({ model, cost_usd: cost }) => [modelName(model), cost != null && dollars(cost)].filter(Boolean).join(" · ");

function allFacts(message, usage) {
  const count = (number) => (number != null ? figure(number) : null);
  const time = (ms) => (ms != null ? seconds(ms) : null);
  return [
    ...modelFacts(message),
    [words.factPrompt, count(usage.prompt_tokens)],
    [words.factCached, message.cached_tokens_read && figure(message.cached_tokens_read)],
    [words.factStored, message.cached_tokens_written && figure(message.cached_tokens_written)],
    [words.factCompletion, count(usage.completion_tokens)],
    [words.factReasoning, usage.reasoning_tokens && figure(usage.reasoning_tokens)],
    [words.factCost, usage.cost_usd != null && dollars(usage.cost_usd)],
    [words.factSearches, usage.web_searches && figure(usage.web_searches)],
    [words.factSearchFee, usage.web_searches && usage.fees_usd && dollars(usage.fees_usd)],
    [words.factSaved, message.cache_discount_usd && dollars(message.cache_discount_usd)],
    [words.factMended, message.repair?.state === "mended" && mending(message.repair)],
    [words.factMendTried, message.repair?.state === "in_vain" && mending(message.repair)],
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
  const summary = find("[data-receipt-line]", article);
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

/** What a conversation took in all: begins with what the server counted, grows with each answer. */
export class Total {
  #place = find("[data-total]");
  #sums = JSON.parse(this.#place.dataset.total);

  /** Count an answer that has just ended. */
  add({ usage, cache_discount_usd: saved }) {
    this.#sums.cost += usage?.cost_usd ?? 0;
    this.#sums.tokens += usage?.total_tokens ?? 0;
    this.#sums.saved += saved ?? 0;
    this.#show();
  }

  #show() {
    const { cost, saved, tokens } = this.#sums;
    if (!cost && !tokens) return;
    const facts = [
      ["cost", dollars(cost)],
      [saved > 0 ? "saved" : "lost", saved && fill(words.saved, { share: dollars(saved) })],
      ["tokens", counted(words.tokens, tokens)],
    ].filter(([, text]) => text);
    const shown = facts.map(([kind, text]) => Object.assign(make("bdi", text), { className: kind }));
    find("[data-total-facts]", this.#place).replaceChildren(...shown);
    this.#place.hidden = false;
  }
}
