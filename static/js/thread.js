/* The thread: which branch of the conversation is shown, and the answers that the page follows while they are written.

   Events: "changed" (an answer began, went on or ended), "ended" (detail: the message). */

import { Answer } from "./answer.js";
import { dress } from "./code.js";
import { insertVersion } from "./messages.js";
import { More } from "./more.js";
import { api, fetchPart, find, findAll, say, toast } from "./page.js";
import { fetchParser } from "./prose.js";
import { facts, problemText, words } from "./words.js";

const whenAtRest = globalThis.requestIdleCallback ?? ((act) => setTimeout(act, 500));

export class Thread extends EventTarget {
  #line;
  #scroll;
  #more;
  #turns = new Map(); // by turn id: the answers that are followed
  #elsewhere = new URLSearchParams(location.search).get("at"); // a message whose branch is shown, and not the head's

  constructor(element, { line, scroll }) {
    super();
    this.element = element;
    this.#line = line;
    this.#scroll = scroll;
    this.#more = new More(element, scroll);
    // What opens at the end of the thread is seen.
    element.addEventListener("toggle", () => scroll.keep(), true);
  }

  /** Dress what the server has rendered, and follow what is still being written. */
  open() {
    dress(this.element);
    const meant = /^#m-[\w-]+$/.test(location.hash) && find(location.hash, this.element);
    if (meant) {
      meant.classList.add("is-meant");
      this.#scroll.to(meant);
    } else if (find(".ask, .answer, .made", this.element)) {
      this.#scroll.toEnd();
    } else {
      this.#scroll.stay();
    }
    this.#more.watch();
    this.#pickUp();
    addEventListener("load", () => whenAtRest(() => fetchParser().catch(() => {})));
  }

  get isWriting() {
    return [...this.#turns.values()].some((answer) => answer.isRunning);
  }

  /** The answers that are being written now. */
  get running() {
    return [...this.#turns.values()].filter((answer) => answer.isRunning);
  }

  /** Whether what is shown is not what the conversation goes on from. */
  get isElsewhere() {
    return Boolean(this.#elsewhere);
  }

  /** This message, and all that is shown below it. */
  andBelow(article) {
    const isBelow = (each) => article.compareDocumentPosition(each) & Node.DOCUMENT_POSITION_FOLLOWING;
    return findAll(".ask, .answer", this.element).filter((each) => each === article || isBelow(each));
  }

  /** Keep the reader's place while this answer grows. */
  watched(answer) {
    answer.changed = () => this.#scroll.keep();
    return answer;
  }

  // --- Following answers ---

  has(turnId) {
    return this.#turns.has(turnId);
  }

  follow(turnId, answer) {
    this.#turns.set(turnId, answer);
  }

  /** The line is open, perhaps again: ask for what was missed. */
  resume(answers = this.running) {
    if (!this.#line.isOpen) return;
    for (const answer of answers) {
      this.#line.send({ type: "resume", ref: `resume-${answer.turnId}`, turn_id: answer.turnId, after: answer.lastSeq });
    }
  }

  /** One event of an answer. */
  hear(frame) {
    const answer = this.#turns.get(frame.turn_id);
    if (!answer || frame.seq <= answer.lastSeq) return;
    answer.lastSeq = frame.seq;
    if (frame.type === "start") answer.start(frame);
    if (frame.type === "content") answer.append(frame.content);
    if (frame.type === "reasoning") answer.think(frame.content);
    if (frame.type === "citation") answer.cite(frame);
    if (frame.type === "done") {
      const said = frame.message.status === "stopped" ? words.stoppedSaid : words.finished;
      this.#end(answer, frame.message, () => `${said} ${answer.spokenText}`);
    }
    if (frame.type === "error") {
      this.#end(answer, { ...frame.message, status: "failed", error: frame }, () => problemText(frame) || words.failed);
    }
  }

  #end(answer, message, spoken) {
    answer.end(message).then(() => say(spoken()));
    const first = message.repair?.first_version_id;
    if (first) insertVersion(answer.element, first);
    this.#turns.delete(answer.turnId);
    this.dispatchEvent(new CustomEvent("ended", { detail: message }));
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event("changed"));
  }

  /** Follow every answer on the page that was still being written when it was rendered. */
  #pickUp() {
    for (const element of findAll('.answer[data-status="streaming"][data-turn]', this.element)) {
      const answer = this.watched(Answer.of(element));
      answer.lastSeq = 0;
      answer.prose.restart();
      this.follow(answer.turnId, answer);
      this.resume([answer]);
    }
    this.#tell();
  }

  // --- What is shown ---

  /** What is shown ends elsewhere than the conversation: show the end of this branch before something is added. */
  async showEnd() {
    if (!this.#elsewhere && !find("[data-later]", this.element)) return;
    const shown = this.#elsewhere ?? findAll("[data-message]", this.element).at(-1).dataset.message;
    await api("PATCH", `/conversations/${facts.conversation}`, { head_id: shown }).catch(() => {});
    await this.reload();
  }

  /** Show the branch through that message, with it where the other version was. */
  async walk(id) {
    const before = this.element.querySelector(`[data-siblings~="${CSS.escape(id)}"]`)?.getBoundingClientRect().top;
    try {
      await api("PATCH", `/conversations/${facts.conversation}`, { head_id: id });
    } catch {
      toast(words.notSaved);
      return;
    }
    await this.reload(id);
    const article = document.getElementById(`m-${id}`);
    if (!article) return;
    if (before !== undefined) this.#scroll.place(article, before);
    find('[data-branch]:not([hidden]) [href]', article)?.focus({ preventScroll: true });
  }

  #fetch(around = null) {
    return fetchPart(`/c/${facts.conversation}?part=messages${around ? `&at=${around}` : ""}`).catch(() => null);
  }

  #put(part) {
    this.#turns.clear();
    this.element.replaceChildren(...part.children);
    dress(this.element);
    this.#pickUp();
    this.#more.watch();
  }

  /** Show what the server has: the end, or what stands around a message. */
  async reload(around = null) {
    const part = await this.#fetch(around);
    if (!part) return;
    this.#elsewhere = null;
    this.#put(part);
    if (location.search || location.hash) history.replaceState(null, "", location.pathname);
  }

  /** A stream can't be told any more, or the page slept: take what the server has stored, if that is something else. */
  async lookAgain() {
    const part = await this.#fetch();
    const newest = (root) => findAll("[data-message]", root).at(-1)?.dataset.message;
    if (!part || this.#elsewhere || (!this.#turns.size && newest(part) === newest(this.element))) return;
    this.#put(part);
    this.#scroll.keep();
  }
}
