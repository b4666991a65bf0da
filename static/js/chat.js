/* The chat page: brings together the line, the thread, the composer and the list. */

import { Answer, questionElement, watchCopying } from "./answer.js";
import { dress } from "./code.js";
import { Composer } from "./composer.js";
import { Line } from "./line.js";
import "./dismiss.js";
import { watchMenus, watchTheme } from "./menus.js";
import { showMeter } from "./meter.js";
import { api, fetchPart, find, findAll, say } from "./page.js";
import { Total } from "./receipt.js";
import { Scroll } from "./scroll.js";
import { Sidebar } from "./sidebar.js";
import { facts, problemText, words } from "./words.js";

const BANNER_AFTER_MS = 900;
const STALE_AFTER_MS = 60_000;

const thread = find("[data-messages]");
const scroll = new Scroll(find("[data-thread]"), find("[data-to-end]"));
const composer = new Composer(facts.conversation ?? "new");
const sidebar = new Sidebar();
const line = new Line();
const total = new Total();
const tabs = "BroadcastChannel" in window ? new BroadcastChannel("wisqu.turns") : null;

const sending = new Map(); // by ref: what was sent and has no turn yet
const turns = new Map(); // by turn id: the answers that this page follows
const stopRefs = new Set();
const named = new Map(); // by conversation: what the server called it
let conversationId = facts.conversation;

// --- Asking ---------------------------------------------------------------------------------------

function ask(text) {
  const question = questionElement(text);
  const answer = watched(Answer.waiting());
  thread.append(question, answer.element);
  find("[data-welcome]")?.remove();
  document.body.classList.remove("is-empty");
  const ref = crypto.randomUUID();
  const frame = { type: "send", ref, idempotency_key: ref, message: text };
  if (conversationId) frame.conversation_id = conversationId;
  if (composer.model) frame.model = composer.model;
  if (composer.preset.wish) frame.preset = composer.preset.wish;
  sending.set(ref, { frame, question, answer, wantsStop: false });
  composer.allow();
  showBusy();
  line.send(frame);
  answer.isWaiting = isCutOff();
  scroll.toEnd();
  say(answer.isWaiting ? words.waits : words.writing);
}

function watched(answer) {
  answer.changed = () => scroll.keep();
  return answer;
}

/** The server refused: nothing was asked, so nothing may look as if it had been. */
function takeBack(ref, problem) {
  const { frame, question, answer, retried } = sending.get(ref);
  sending.delete(ref);
  question.remove();
  answer.element.remove();
  for (const element of retried ?? []) element.hidden = false;
  if (!composer.text.trim()) composer.fill(frame.message);
  composer.refuse(problemText(problem) || words.notSent);
  showBusy();
}

function begin(ref, frame) {
  const { frame: asked, question, answer, wantsStop, retried } = sending.get(ref);
  sending.delete(ref);
  for (const element of retried ?? []) element.remove();
  question.dataset.message = frame.user_message_id;
  answer.start(frame);
  turns.set(frame.turn_id, answer);
  composer.forget();
  if (asked.preset && !asked.conversation_id) composer.preset.keep(asked.preset);
  const text = find("[data-text]", question).textContent;
  tabs?.postMessage({ conversation_id: frame.conversation_id, turn_id: frame.turn_id, message_id: frame.message_id, user_message_id: frame.user_message_id, text });
  if (frame.conversation_id !== conversationId) arriveAt(frame.conversation_id, text);
  sidebar.lift(frame.conversation_id, named.get(frame.conversation_id) ?? titleFrom(text));
  sidebar.mark(frame.conversation_id);
  if (wantsStop) stop();
}

function titleFrom(text) {
  return text.trim().split("\n", 1)[0].slice(0, 60);
}

/** The new conversation has an address: from now on this is its page. */
function arriveAt(id, text) {
  conversationId = facts.conversation = id;
  history.replaceState(null, "", `/c/${id}`);
  composer.moveTo(id);
  showTitle(named.get(id) ?? titleFrom(text));
}

function showTitle(title) {
  find("[data-title]").textContent = title;
  document.title = `${title} · WisQu`;
}

function stop() {
  for (const entry of sending.values()) entry.wantsStop = true;
  for (const answer of turns.values()) {
    if (!answer.isRunning) continue;
    const ref = `stop-${crypto.randomUUID()}`;
    stopRefs.add(ref);
    line.send({ type: "stop", ref, turn_id: answer.turnId });
  }
}

function retry(article) {
  const question = article.previousElementSibling;
  if (composer.isStreaming || !question?.matches(".ask")) return;
  const text = find("[data-text]", question).textContent;
  question.hidden = article.hidden = true;
  ask(text); // the same question after a failure takes the failed one's place
  // They leave the page once the new attempt stands; a refusal brings them back.
  [...sending.values()].at(-1).retried = [question, article];
}

function showBusy() {
  composer.isStreaming = sending.size > 0 || [...turns.values()].some((answer) => answer.isRunning);
}

// --- What the server says ---------------------------------------------------------------------------

const HANDLERS = {
  start: (answer, frame) => answer.start(frame),
  content: (answer, frame) => answer.append(frame.content),
  reasoning: (answer, frame) => answer.think(frame.content),
  citation: (answer, frame) => answer.cite(frame),
  routing: () => {},
  done(answer, frame) {
    end(answer, frame.message);
    say(`${frame.message.status === "stopped" ? words.stoppedSaid : words.finished} ${answer.spokenText}`);
  },
  error(answer, frame) {
    end(answer, { ...frame.message, status: "failed", error: frame });
    say(problemText(frame) || words.failed);
  },
};

function end(answer, message) {
  answer.end(message);
  total.add(message);
  turns.delete(answer.turnId);
  showBusy();
}

function hear(frame) {
  if (frame.type === "start" && sending.has(frame.ref)) begin(frame.ref, frame);
  if (frame.turn_id) return follow(frame);
  if (frame.type === "rejected") return rejected(frame);
  if (frame.type === "title") sidebar.retitle(frame.conversation_id, frame.title);
  if (frame.type === "quota") showMeter(frame);
  return undefined;
}

/** The server's name of a conversation; a new one may get it before its first answer begins. */
function name(id, title) {
  named.set(id, title);
  sidebar.retitle(id, title, { isNews: true });
}

function follow(frame) {
  const answer = turns.get(frame.turn_id);
  if (!answer || frame.seq <= answer.lastSeq) return;
  answer.lastSeq = frame.seq;
  HANDLERS[frame.type]?.(answer, frame);
}

function rejected({ ref, problem }) {
  if (stopRefs.delete(ref)) return;
  if (sending.has(ref)) return takeBack(ref, problem);
  const lost = turns.get(ref?.replace(/^resume-/, ""));
  if (lost) lookAgain();
  return undefined;
}

/** The stream can't be told any more: take what the server has stored. */
async function lookAgain() {
  const part = await fetchPart(`/c/${conversationId}?part=messages`).catch(() => null);
  const newest = (root) => findAll("[data-message]", root).at(-1)?.dataset.message;
  if (!part || (!turns.size && newest(part) === newest(thread))) return;
  turns.clear();
  thread.replaceChildren(...part.children);
  dress(thread);
  pickUp();
  scroll.keep();
}

/** Follow every answer on the page that was still being written when it was rendered. */
function pickUp() {
  for (const element of findAll('.answer[data-status="streaming"][data-turn]', thread)) {
    const answer = watched(Answer.of(element));
    answer.lastSeq = 0;
    answer.prose.restart();
    turns.set(answer.turnId, answer);
    if (line.isOpen) resume(answer);
  }
  showBusy();
}

function resume(answer) {
  line.send({ type: "resume", ref: `resume-${answer.turnId}`, turn_id: answer.turnId, after: answer.lastSeq });
}

// --- The line ---------------------------------------------------------------------------------------

let bannerTimer = 0;

function showBanner(text, { link = false } = {}) {
  const banner = find("[data-banner]");
  find("[data-banner-text]", banner).textContent = text;
  find("[data-banner-link]", banner).hidden = !link;
  banner.hidden = !text;
}

/** Whether a question would have to wait now; a blink of the line does not count. */
const isCutOff = () => !navigator.onLine || (!line.isOpen && !find("[data-banner]").hidden);

function showTrouble() {
  showBanner(navigator.onLine ? words.reconnecting : words.offline);
  for (const { answer } of sending.values()) answer.isWaiting = true;
}

function lineChanged(state) {
  if (state !== "connecting" && state !== "waiting") {
    clearTimeout(bannerTimer);
    bannerTimer = 0;
  }
  if (state === "open") {
    showBanner("");
    for (const answer of turns.values()) if (answer.isRunning) resume(answer);
    for (const { frame, answer } of sending.values()) {
      answer.isWaiting = false;
      line.send(frame);
    }
  } else if (state === "signed-out") {
    showBanner(words.signedOut, { link: true });
    find("[data-banner-link]").href = `${facts.signIn}?next=${encodeURIComponent(location.pathname)}`;
  } else if (state === "refused") {
    showBanner(words.refused);
  } else if (!navigator.onLine || !find("[data-banner]").hidden) {
    showTrouble();
  } else if (state === "waiting") {
    // A blink of the line is nobody's business. Further tries in vain don't begin the wait anew.
    bannerTimer ||= setTimeout(showTrouble, BANNER_AFTER_MS);
  }
}

// --- Bringing it together ---------------------------------------------------------------------------

line.addEventListener("frame", ({ detail }) => hear(detail));
line.addEventListener("state", ({ detail }) => lineChanged(detail));
// The line's own loss tells it too, where there was a line to lose.
addEventListener("offline", () => { if (line.state !== "signed-out" && line.state !== "refused") showTrouble(); });
composer.addEventListener("send", ({ detail }) => {
  composer.clear();
  ask(detail);
});
composer.addEventListener("stop", stop);
composer.preset.addEventListener("chosen", ({ detail }) => {
  if (!conversationId) return;
  api("PATCH", `/conversations/${conversationId}`, { preset: detail || null }).then(() => composer.preset.keep(detail), () => {});
});
sidebar.addEventListener("title", ({ detail }) => { if (detail.id === conversationId) showTitle(detail.title); });
sidebar.addEventListener("deleted", ({ detail }) => { if (detail === conversationId) location.assign("/"); });

thread.addEventListener("click", (event) => {
  const again = event.target.closest("[data-retry]");
  if (again) retry(again.closest(".answer"));
  const earlier = event.target.closest("[data-earlier]");
  if (earlier) {
    event.preventDefault();
    loadEarlier(earlier);
  }
});

// What opens at the end of the thread is seen.
thread.addEventListener("toggle", () => scroll.keep(), true);

async function loadEarlier(link) {
  if (link.getAttribute("aria-disabled") === "true") return;
  link.setAttribute("aria-disabled", "true");
  const part = await fetchPart(link.dataset.earlier).catch(() => null);
  link.removeAttribute("aria-disabled");
  if (!part) return;
  const first = part.querySelector(".ask, .answer");
  dress(part);
  scroll.hold(() => link.replaceWith(...part.children));
  first?.setAttribute("tabindex", "-1");
  first?.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const suggestion = event.target.closest("[data-suggestion]");
  if (suggestion) composer.fill(suggestion.dataset.suggestion);
});

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (conversationId || sending.size) location.assign("/");
  else composer.focus();
});

tabs?.addEventListener("message", ({ data }) => {
  sidebar.lift(data.conversation_id, titleFrom(data.text));
  if (data.conversation_id !== conversationId || turns.has(data.turn_id)) return;
  const question = questionElement(data.text);
  question.dataset.message = data.user_message_id;
  const answer = watched(Answer.waiting());
  answer.start(data);
  thread.append(question, answer.element);
  turns.set(data.turn_id, answer);
  if (line.isOpen) resume(answer);
  showBusy();
  scroll.keep();
});

// Whoever comes back to a page that slept may have gone on elsewhere meanwhile.
let hiddenSince = 0;
document.addEventListener("visibilitychange", () => {
  if (document.hidden) hiddenSince = Date.now();
  else if (conversationId && !composer.isStreaming && Date.now() - hiddenSince > STALE_AFTER_MS) lookAgain();
});

watchMenus();
watchTheme();
watchCopying(thread);
dress(thread);
scroll.toEnd();
pickUp();
line.open();
if (!matchMedia("(pointer: coarse)").matches) composer.focus();
