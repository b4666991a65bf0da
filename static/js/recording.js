/* Speaking instead of typing: a recording that becomes text at the caret, or is attached to the question.

   The microphone is on only while the bar shows it. Events: "text" (detail: what was said), "file" (detail: the
   recording as a File), "refused" (detail: what to say). */

import { find, say, toast } from "./page.js";
import { problemText, words } from "./words.js";

// What browsers can record, the best first; the server takes all of them.
const KINDS = [
  ["audio/webm;codecs=opus", "webm"],
  ["audio/ogg;codecs=opus", "ogg"],
  ["audio/mp4", "m4a"],
];
const BITS_A_SECOND = 48_000;
const SHORTEST_MS = 400;

export const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function whyNot(error) {
  if (error?.name === "NotAllowedError" || error?.name === "SecurityError") return words.micBlocked;
  if (error?.name === "NotFoundError" || error?.name === "OverconstrainedError") return words.micMissing;
  return words.micFailed;
}

export class Recording extends EventTarget {
  #button = find("[data-dictate]");
  #bar = find("[data-recording]");
  #controls = find("[data-controls]");
  #state = find("[data-recording-state]");
  #time = find("[data-recording-time]");
  #level = find("[data-recording-level]");
  #insert = find("[data-recording-insert]");
  #attach = find("[data-recording-attach]");
  #recorder = null;
  #chunks = [];
  #kept = null; // a recording that could not be put into words yet
  #began = 0;
  #frame = 0;
  #sound = null; // AudioContext of the meter
  #request = null;
  #attempt = 0; // what was begun before it is not waited for any more

  constructor() {
    super();
    if (!this.#button) return;
    this.#button.hidden = !(navigator.mediaDevices?.getUserMedia && window.MediaRecorder);
    this.#button.addEventListener("click", () => this.#open());
    find("[data-recording-cancel]", this.#bar).addEventListener("click", () => this.cancel());
    this.#insert.addEventListener("click", () => this.#finish((file) => this.#putIntoWords(file)));
    this.#attach.addEventListener("click", () => this.#finish((file) => this.#give(file)));
    this.#bar.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.cancel();
    });
    addEventListener("pagehide", () => this.#release());
  }

  get isOpen() {
    return Boolean(this.#bar) && !this.#bar.hidden;
  }

  /** Throw away what was said, and switch the microphone off. */
  cancel() {
    this.#request?.abort();
    this.#close();
    say(words.recordingCancelled);
  }

  // --- Recording ---

  async #open() {
    if (this.#button.hasAttribute("aria-disabled")) {
      toast(words.noAudio, { label: words.plans, act: () => location.assign(this.#button.dataset.plans) });
      return;
    }
    const attempt = this.#show("asking", words.micAsking);
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
    } catch (error) {
      if (attempt !== this.#attempt) return;
      this.#close();
      this.#refuse(whyNot(error));
      return;
    }
    if (attempt !== this.#attempt) {
      for (const track of stream.getTracks()) track.stop();
      return;
    }
    this.#record(stream);
  }

  #record(stream) {
    const [kind] = KINDS.find(([name]) => MediaRecorder.isTypeSupported(name)) ?? [""];
    this.#recorder = new MediaRecorder(stream, { ...(kind && { mimeType: kind }), audioBitsPerSecond: BITS_A_SECOND });
    this.#chunks = [];
    this.#recorder.addEventListener("dataavailable", ({ data }) => this.#chunks.push(data));
    stream.getAudioTracks()[0].addEventListener("ended", () => this.#lost());
    this.#recorder.start(1000);
    this.#began = performance.now();
    this.#show("recording", words.recording);
    this.#insert.focus();
    this.#listen(stream);
    this.#tick();
  }

  /** The microphone is gone: what was said until then is kept. */
  #lost() {
    if (this.#recorder?.state === "recording") this.#finish((file) => this.#putIntoWords(file));
  }

  #listen(stream) {
    this.#sound = new AudioContext();
    const meter = this.#sound.createAnalyser();
    meter.fftSize = 512;
    this.#sound.createMediaStreamSource(stream).connect(meter);
    this.#level.meter = meter;
    this.#level.samples = new Uint8Array(meter.fftSize);
  }

  #tick() {
    const seconds = (performance.now() - this.#began) / 1000;
    this.#time.textContent = clock(seconds);
    const { meter, samples } = this.#level;
    meter.getByteTimeDomainData(samples);
    const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample - 128)), 0) / 128;
    this.#level.style.setProperty("--level", Math.min(1, loudest * 2.5).toFixed(2));
    if (seconds >= Number(this.#bar.dataset.mostSeconds)) {
      toast(words.recordingLongest);
      this.#finish((file) => this.#putIntoWords(file));
      return;
    }
    this.#frame = requestAnimationFrame(() => this.#tick());
  }

  /** End the recording and do something with it; what failed before is done again. */
  #finish(act) {
    if (this.#kept) {
      act(this.#kept);
      return;
    }
    const recorder = this.#recorder;
    if (recorder?.state !== "recording") return;
    const length = performance.now() - this.#began;
    recorder.addEventListener("stop", () => {
      const file = this.#file(recorder.mimeType);
      this.#release();
      if (length < SHORTEST_MS || !file.size) {
        this.#close();
        this.#refuse(words.recordingEmpty);
        return;
      }
      act(file);
    }, { once: true });
    recorder.stop();
  }

  #file(type) {
    const kind = type.split(";")[0];
    const [, ending] = KINDS.find(([name]) => name.startsWith(kind)) ?? ["", "webm"];
    const moment = new Date().toLocaleString("sv").replace(/[: ]/g, "-");
    return new File(this.#chunks, `recording-${moment}.${ending}`, { type: kind });
  }

  /** Switch the microphone off. */
  #release() {
    cancelAnimationFrame(this.#frame);
    for (const track of this.#recorder?.stream.getTracks() ?? []) track.stop();
    if (this.#recorder?.state === "recording") this.#recorder.stop();
    this.#recorder = null;
    this.#sound?.close();
    this.#sound = null;
  }

  // --- What becomes of it ---

  #give(file) {
    this.#close();
    this.dispatchEvent(new CustomEvent("file", { detail: file }));
  }

  async #putIntoWords(file) {
    this.#kept = file;
    const attempt = this.#show("waiting", words.transcribing);
    const form = new FormData();
    form.append("file", file);
    this.#request = new AbortController();
    const headers = { "X-CSRFToken": find('meta[name="csrf-token"]').content, "Idempotency-Key": crypto.randomUUID() };
    const told = await fetch("/api/v1/audio/transcriptions", { method: "POST", headers, body: form, signal: this.#request.signal })
      .then(async (answer) => (answer.ok ? answer.json() : { problem: await answer.json().catch(() => ({})) }))
      .catch(() => ({ problem: {} }));
    if (attempt !== this.#attempt) return;
    if (told.problem) {
      this.#show("failed", problemText(told.problem) || words.transcribingFailed);
      this.#insert.focus();
      return;
    }
    this.#close();
    if (told.text) this.dispatchEvent(new CustomEvent("text", { detail: told.text }));
    else this.#refuse(words.nothingHeard);
  }

  // --- Showing ---

  /** Show the bar in a state; return the number of this attempt. */
  #show(state, text) {
    this.#bar.dataset.recording = state;
    this.#bar.hidden = false;
    this.#controls.hidden = true;
    this.#state.textContent = text;
    this.#insert.hidden = this.#attach.hidden = state === "asking" || state === "waiting";
    find("span", this.#insert).textContent = state === "failed" ? words.again : words.insertText;
    if (state === "asking") this.#time.textContent = clock(0);
    this.#attempt += 1;
    return this.#attempt;
  }

  #close() {
    this.#attempt += 1;
    this.#kept = null;
    this.#release();
    this.#chunks = [];
    this.#bar.hidden = true;
    this.#controls.hidden = false;
    this.#button.focus();
  }

  #refuse(text) {
    this.dispatchEvent(new CustomEvent("refused", { detail: text }));
  }
}
