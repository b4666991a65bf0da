/* The websocket: opens itself again after every loss, and says how it stands.

   Events: "frame" (detail: the frame), "state" (detail: connecting, open, waiting, signed-out, refused). */

const SIGNED_OUT = 4401;
const WRONG_ORIGIN = 4403;
const IDLE = 4408;
const FLOODING = 4429;
const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 20_000;
const PING_EVERY_MS = 25_000;
const PONG_WITHIN_MS = 8_000;

export class Line extends EventTarget {
  #socket = null;
  #tries = 0;
  #timer = 0;
  #ping = 0;
  #deadline = 0;
  #sleeps = false;
  state = "connecting";

  constructor() {
    super();
    addEventListener("online", () => this.wake());
    addEventListener("offline", () => this.#lose());
    document.addEventListener("visibilitychange", () => { if (!document.hidden && this.#sleeps) this.wake(); });
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  open() {
    clearTimeout(this.#timer);
    this.#sleeps = false;
    this.#tell("connecting");
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/chat`);
    this.#socket = socket;
    socket.addEventListener("open", () => this.#opened(socket));
    socket.addEventListener("message", (event) => this.#heard(socket, event.data));
    socket.addEventListener("close", (event) => { if (this.#socket === socket) this.#closed(event.code); });
  }

  /** Try at once, if nothing is open or on its way. */
  wake() {
    if (this.state === "signed-out" || this.state === "refused") return;
    if (!this.#socket || this.#socket.readyState > WebSocket.OPEN) {
      this.#tries = 0;
      this.open();
    }
  }

  /** Send a frame; false when there is no line. */
  send(frame) {
    if (!this.isOpen) {
      this.wake();
      return false;
    }
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #opened(socket) {
    this.#ping = setInterval(() => {
      socket.send('{"type":"ping"}');
      this.#deadline ||= setTimeout(() => this.#lose(), PONG_WITHIN_MS);
    }, PING_EVERY_MS);
    this.#tell("open");
  }

  #heard(socket, text) {
    if (socket !== this.#socket) return;
    clearTimeout(this.#deadline);
    this.#deadline = 0;
    this.#tries = 0;
    this.dispatchEvent(new CustomEvent("frame", { detail: JSON.parse(text) }));
  }

  /** Give up a line that is dead without having said so. */
  #lose() {
    const socket = this.#socket;
    if (!socket) return;
    this.#closed(0);
    socket.close();
  }

  #closed(code) {
    this.#socket = null;
    clearInterval(this.#ping);
    clearTimeout(this.#deadline);
    this.#deadline = 0;
    if (code === SIGNED_OUT) return this.#tell("signed-out");
    if (code === WRONG_ORIGIN) return this.#tell("refused");
    if (code === IDLE) {
      this.#sleeps = true;
      return this.#tell("open"); // asleep: the next word wakes it
    }
    this.#tries += 1;
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(this.#tries, 8));
    const wait = code === FLOODING ? LONGEST_WAIT_MS : longest * (0.5 + Math.random() / 2);
    this.#tell("waiting");
    this.#timer = setTimeout(() => this.open(), wait);
    return undefined;
  }

  #tell(state) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}
