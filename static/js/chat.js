/* The chat page: brings together the line, the thread, the composer and the list. */

import { Answer, questionElement } from "./answer.js";
import { copyFiles } from "./attachments.js";
import { Banner } from "./banner.js";
import { Composer } from "./composer.js";
import { Imaging } from "./imaging.js";
import { watchImporting } from "./importing.js";
import { Line } from "./line.js";
import { Messages, settle } from "./messages.js";
import "./dismiss.js";
import "./help.js";
import "./quoted.js";
import { watchMenus, watchTheme } from "./menus.js";
import { showMeter } from "./meter.js";
import { api, find, say, toast } from "./page.js";
import { Total } from "./receipt.js";
import { Palette } from "./palette.js";
import { Scroll } from "./scroll.js";
import { openShare } from "./share.js";
import { watchKeys } from "./shortcuts.js";
import { Sidebar } from "./sidebar.js";
import { Temporary } from "./temporary.js";
import { Thread } from "./thread.js";
import { facts, problemText, words } from "./words.js";

const STALE_AFTER_MS = 60_000;

const scroll = new Scroll(find("[data-thread]"), find("[data-to-end]"));
const composer = new Composer(facts.conversation ?? "new");
const sidebar = new Sidebar();
const line = new Line();
const thread = new Thread(find("[data-messages]"), { line, scroll });
const banner = new Banner();
const total = new Total();
const tabs = "BroadcastChannel" in window ? new BroadcastChannel("wisqu.turns") : null;

const sending = new Map(); // by ref: what was sent and has no turn yet
const stopRefs = new Set();
const named = new Map(); // by conversation: what the server called it
let conversationId = facts.conversation;
let goesOnFrom = null; // the answer that the next question follows, where somebody chose one
const temporary = new Temporary();
const palette = new Palette();
const imaging = new Imaging(thread.element);
const messages = new Messages(thread.element, find("[data-thread]"), { isBusy: () => composer.isStreaming });

// --- Asking ---------------------------------------------------------------------------------------

/** Ask. With a `request` of another type than a plain question it stands in the place of the elements it `hides`. */
function ask(text, { request = { type: "send" }, hides = [] } = {}) {
  const files = request.type === "send" ? composer.files.take() : [];
  const question = request.type === "regenerate" ? null : questionElement(text, files);
  if (request.type === "edit") copyFiles(hides[0], question);
  const answer = thread.watched(Answer.waiting());
  for (const element of hides) element.hidden = true;
  thread.element.append(...(question ? [question] : []), answer.element);
  find("[data-welcome]")?.remove();
  document.body.classList.remove("is-empty");
  const ref = crypto.randomUUID();
  const frame = { ...request, ref, idempotency_key: ref };
  if (question) frame.message = text;
  if (files.length) frame.attachments = files.map((told) => told.id);
  if (request.type === "send" && conversationId) frame.conversation_id = conversationId;
  if (request.type === "send" && temporary.isWanted && !conversationId) frame.temporary = true;
  if (composer.model) frame.model = composer.model;
  if (composer.webSearch !== undefined) frame.web_search = composer.webSearch;
  if (composer.webSearchOptions) frame.web_search_options = composer.webSearchOptions;
  if (composer.preset.wish) frame.preset = composer.preset.wish;
  sending.set(ref, { frame, question, answer, hides, files, wantsStop: false });
  composer.allow();
  showBusy();
  line.send(frame);
  answer.isWaiting = isCutOff();
  scroll.toEnd();
  say(answer.isWaiting ? words.waits : words.writing);
}

/** The server refused: nothing was asked, so nothing may look as if it had been. */
function takeBack(ref, problem) {
  const { frame, question, answer, hides, files } = sending.get(ref);
  sending.delete(ref);
  question?.remove();
  answer.element.remove();
  for (const element of hides) element.hidden = false;
  if (frame.message && !composer.text.trim()) composer.fill(frame.message);
  composer.files.put(files);
  composer.refuse(problemText(problem) || words.notSent);
  showBusy();
}

function begin(ref, frame) {
  const { frame: asked, question, answer, hides, files, wantsStop } = sending.get(ref);
  sending.delete(ref);
  for (const element of hides) element.remove();
  if (question) settle(question, frame.user_message_id, hides[0]);
  settle(answer.element, frame.message_id, question ? null : hides[0]);
  answer.start(frame);
  thread.follow(frame.turn_id, answer);
  composer.forget();
  if (asked.preset && !asked.conversation_id) composer.preset.keep(asked.preset);
  const text = asked.message ?? "";
  if (frame.conversation_id !== conversationId) arriveAt(frame.conversation_id, text);
  if (!temporary.is) {
    const { conversation_id, turn_id, message_id, user_message_id } = frame;
    tabs?.postMessage({ conversation_id, turn_id, message_id, user_message_id, text, files, isBranch: hides.length > 0 });
    sidebar.lift(conversation_id, named.get(conversation_id) ?? titleFrom(text));
    sidebar.mark(conversation_id);
  }
  if (wantsStop) stop();
}

/** Have an image made of these words. It stands in the conversation; a new one begins with it. */
async function makeImage(text) {
  composer.clear();
  composer.allow();
  const isFresh = !conversationId && !temporary.isWanted;
  const fresh = isFresh ? await api("POST", "/conversations", { title: titleFrom(text) }).catch(() => null) : null;
  const isWished = await imaging.make(text, { conversationId: conversationId ?? fresh?.id, refuse: (reason) => composer.refuse(reason) });
  if (!isWished) {
    composer.fill(text);
    if (fresh) api("DELETE", `/conversations/${fresh.id}`).catch(() => {});
    return;
  }
  composer.forget();
  find("[data-welcome]")?.remove();
  document.body.classList.remove("is-empty");
  if (fresh) {
    arriveAt(fresh.id, text);
    sidebar.lift(fresh.id, titleFrom(text));
    sidebar.mark(fresh.id);
  }
  scroll.toEnd();
}

/** What a new conversation is called until the server says. */
function titleFrom(text) {
  return text.trim().split("\n", 1)[0].slice(0, 60);
}

/** The new conversation has an address: from now on this is its page. */
function arriveAt(id, text) {
  conversationId = facts.conversation = imaging.conversationId = id;
  if (temporary.arrive(id)) return;
  history.replaceState(null, "", `/c/${id}`);
  composer.moveTo(id);
  find("[data-share-shown]").hidden = false;
  showTitle(named.get(id) ?? titleFrom(text));
}

function showTitle(title) {
  find("[data-title]").textContent = title;
  document.title = `${title} · WisQu`;
}

function stop() {
  for (const entry of sending.values()) entry.wantsStop = true;
  for (const answer of thread.running) {
    const ref = `stop-${crypto.randomUUID()}`;
    stopRefs.add(ref);
    line.send({ type: "stop", ref, turn_id: answer.turnId });
  }
}

function showBusy() {
  composer.isStreaming = sending.size > 0 || thread.isWriting;
}

// --- What the server says ---------------------------------------------------------------------------

function hear(frame) {
  if (frame.type === "start" && sending.has(frame.ref)) begin(frame.ref, frame);
  if (frame.turn_id) return thread.hear(frame);
  if (frame.type === "rejected") return rejected(frame);
  if (frame.type === "title") name(frame.conversation_id, frame.title);
  if (frame.type === "quota") showMeter(frame);
  if (frame.type === "image") imaging.hear(frame.image);
  return undefined;
}

/** The server's name of a conversation; a new one may get it before its first answer begins. */
function name(id, title) {
  named.set(id, title);
  sidebar.retitle(id, title, { isNews: true });
}

function rejected({ ref, problem }) {
  if (stopRefs.delete(ref)) return;
  if (sending.has(ref)) return takeBack(ref, problem);
  if (thread.has(ref?.replace(/^resume-/, ""))) thread.lookAgain();
  return undefined;
}

// --- The line ---------------------------------------------------------------------------------------

/** Whether a question would have to wait now; a blink of the line does not count. */
const isCutOff = () => !navigator.onLine || (!line.isOpen && banner.isShown);

function showTrouble() {
  banner.show(navigator.onLine ? words.reconnecting : words.offline);
  for (const { answer } of sending.values()) answer.isWaiting = true;
}

function lineChanged(state) {
  if (state !== "connecting" && state !== "waiting") banner.notYet();
  if (state === "open") {
    banner.hide();
    imaging.catchUp();
    thread.resume();
    for (const { frame, answer } of sending.values()) {
      answer.isWaiting = false;
      line.send(frame);
    }
  } else if (state === "signed-out") {
    banner.show(words.signedOut, { signIn: `${facts.signIn}?next=${encodeURIComponent(location.pathname)}` });
  } else if (state === "refused") {
    banner.show(words.refused);
  } else if (!navigator.onLine || banner.isShown) {
    showTrouble();
  } else if (state === "waiting") {
    banner.soon(showTrouble);
  }
}

// --- Bringing it together ---------------------------------------------------------------------------

line.addEventListener("frame", ({ detail }) => hear(detail));
line.addEventListener("state", ({ detail }) => lineChanged(detail));
// The line's own loss tells it too, where there was a line to lose.
addEventListener("offline", () => { if (line.state !== "signed-out" && line.state !== "refused") showTrouble(); });
imaging.conversationId = conversationId;
imaging.addEventListener("placed", () => scroll.keep());
imaging.addEventListener("attach", ({ detail }) => {
  composer.files.put([detail]);
  composer.focus();
});
composer.addEventListener("send", async ({ detail }) => {
  if (imaging.isOn) {
    makeImage(detail);
    return;
  }
  composer.clear();
  const from = goesOnFrom;
  goesOnFrom = null;
  if (!from) await thread.showEnd();
  const hides = from ? thread.andBelow(from).filter((each) => each !== from) : [];
  ask(detail, from ? { request: { type: "send", parent_id: from.dataset.message }, hides } : {});
});
messages.addEventListener("again", ({ detail: article }) => {
  ask("", { request: { type: "regenerate", message_id: article.dataset.message }, hides: thread.andBelow(article) });
});
messages.addEventListener("edited", ({ detail: { article, text } }) => {
  ask(text, { request: { type: "edit", message_id: article.dataset.message }, hides: thread.andBelow(article) });
});
messages.addEventListener("from", ({ detail: article }) => {
  goesOnFrom = article;
  composer.focus();
  toast(words.goingOn, { label: words.cancel, act: () => { goesOnFrom = null; } });
});
messages.addEventListener("walk", ({ detail }) => thread.walk(detail));
messages.addEventListener("reload", () => thread.reload());
composer.addEventListener("stop", stop);
composer.preset.addEventListener("chosen", ({ detail }) => {
  if (!conversationId) return;
  api("PATCH", `/conversations/${conversationId}`, { preset: detail || null }).then(() => composer.preset.keep(detail), () => {});
});
sidebar.addEventListener("title", ({ detail }) => { if (detail.id === conversationId) showTitle(detail.title); });
sidebar.addEventListener("deleted", ({ detail }) => { if (detail === conversationId) location.assign("/"); });

thread.addEventListener("changed", showBusy);
thread.addEventListener("ended", ({ detail }) => total.add(detail));

document.addEventListener("click", (event) => {
  const suggestion = event.target.closest("[data-suggestion]");
  if (suggestion) composer.fill(suggestion.dataset.suggestion);
});

find("[data-share-shown]").addEventListener("click", () => openShare(conversationId));

watchKeys({
  find: () => palette.open(),
  newChat: () => { if (conversationId || sending.size) location.assign("/"); else composer.focus(); },
  focus: () => composer.focus(),
  stop: () => { if (composer.isStreaming) stop(); return composer.isStreaming; },
  editLast: () => messages.editLast(),
  copyLast: () => messages.copyLast(),
  toggleSide: () => sidebar.toggle(),
});

tabs?.addEventListener("message", ({ data }) => {
  sidebar.lift(data.conversation_id, titleFrom(data.text));
  if (data.conversation_id !== conversationId || thread.has(data.turn_id)) return;
  if (data.isBranch || thread.isElsewhere) {
    thread.reload();
    return;
  }
  const question = questionElement(data.text, data.files);
  const answer = thread.watched(Answer.waiting());
  settle(question, data.user_message_id);
  settle(answer.element, data.message_id);
  answer.start(data);
  thread.element.append(question, answer.element);
  thread.follow(data.turn_id, answer);
  thread.resume([answer]);
  showBusy();
  scroll.keep();
});

// Whoever comes back to a page that slept may have gone on elsewhere meanwhile.
let hiddenSince = 0;
document.addEventListener("visibilitychange", () => {
  if (document.hidden) hiddenSince = Date.now();
  else if (conversationId && !composer.isStreaming && Date.now() - hiddenSince > STALE_AFTER_MS) thread.lookAgain();
});

watchMenus();
watchImporting();
watchTheme();
thread.open();
sidebar.offerUndo();
line.open();
const wish = new URLSearchParams(location.search).get("ask"); // a question that another page begins
if (wish && !conversationId) composer.fill(wish.slice(0, 2000));
const brought = new URLSearchParams(location.search).get("attach"); // a file that another page brings along
if (brought && !conversationId) {
  history.replaceState(null, "", location.pathname);
  api("GET", `/attachments/${encodeURIComponent(brought)}`).then((told) => composer.files.put([told]), () => toast(words.notSent));
}
if (!matchMedia("(pointer: coarse)").matches) composer.focus();
