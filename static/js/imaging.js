/* Making images in the chat: a switch beside the question turns its words into a wish; the image stands in the thread,
   behind the message that was shown last when it was wished for. */

import { ask, asAttachment, isOpen, lookAfter, made, reasonOf, shapeLike, wish, wishAgain } from "./making.js";
import { find, findAll, fromTemplate, memory, say, toast } from "./page.js";
import { dollars, modelName, words } from "./words.js";

export class Imaging extends EventTarget {
  #button = find("[data-imaging]");
  #bar = find("[data-image-wishes]");
  #model = find("[data-image-model]");
  #shape = find("[data-image-shape]");
  #field = find("[data-question]");
  #usual = this.#field.placeholder;
  #thread;
  #images = new Map();
  #isPlacing = false;

  /** Events: "attach" (detail: an attachment), "placed". */
  constructor(thread) {
    super();
    this.#thread = thread;
    for (const image of made?.images ?? []) this.#images.set(image.id, image);
    this.#place();
    thread.addEventListener("click", (event) => this.#clicked(event));
    // Whatever shows the thread anew knows nothing of images.
    new MutationObserver(() => { if (!this.#isPlacing) this.#place(); }).observe(thread, { childList: true });
    this.#button?.addEventListener("click", () => this.#toggle());
    this.#model?.append(...(made?.painters ?? []).map((each) => new Option(modelName(each.name), each.id)));
    const kept = memory.read("painter");
    if (made?.painters.some((each) => each.id === kept)) this.#model.value = kept;
    this.#model?.addEventListener("change", () => this.#offerShapes());
    if (this.#model && made.painters.length) this.#offerShapes();
  }

  /** Whether the words of the composer are a wish for an image. */
  get isOn() {
    return this.#button?.getAttribute("aria-pressed") === "true";
  }

  /** Wish for an image; true when it is being made. Throws nothing: what is refused is told by `refuse`. */
  async make(text, { conversationId, refuse }) {
    const last = findAll("[data-message]:not([hidden])", this.#thread).at(-1);
    try {
      const told = await wish({
        prompt: text,
        model: this.#model.value,
        ...(this.#shape.value && { aspect_ratio: this.#shape.value }),
        ...(conversationId && { conversation_id: conversationId }),
        ...(conversationId && last?.dataset.message && { after_message_id: last.dataset.message }),
      });
      memory.write("painter", this.#model.value);
      this.#turn(false);
      for (const image of told.images) this.hear(image, { isMine: true });
      say(made.words.started);
      return true;
    } catch (error) {
      refuse(reasonOf(error.problem));
      return false;
    }
  }

  /** An image has come along, or is new. */
  hear(image, { isMine = false } = {}) {
    const before = this.#images.get(image.id);
    const isHere = isMine || before || (image.conversation_id && image.conversation_id === this.conversationId);
    if (!isHere) return;
    this.#images.set(image.id, image);
    this.#place();
    if (before && isOpen(before) && image.status === "done") say(made.words.ready);
    if (before && isOpen(before) && image.error) say(reasonOf(image.error));
  }

  /** The conversation that is shown. */
  conversationId = null;

  /** Ask anew for what was being made while nobody could tell. */
  catchUp = lookAfter(() => [...this.#images.values()], { hear: (told) => this.hear(told), gone: (image) => this.#forget(image) });

  // --- The switch ---

  #toggle() {
    if (this.#button.hasAttribute("aria-disabled")) {
      toast(made.words.failures.plan_feature_required, { label: words.plans, act: () => location.assign(this.#button.dataset.plans) });
      return;
    }
    this.#turn(!this.isOn);
    this.#field.focus();
  }

  #turn(isOn) {
    this.#button.setAttribute("aria-pressed", String(isOn));
    this.#bar.hidden = !isOn;
    this.#field.placeholder = isOn ? made.words.describe : this.#usual;
    this.#button.closest("form").classList.toggle("is-imaging", isOn);
  }

  #offerShapes() {
    const { ratios } = made.painters.find((each) => each.id === this.#model.value);
    const chosen = this.#shape.value || (memory.read("shape") ?? "");
    this.#shape.replaceChildren(new Option(made.words.anyShape, ""), ...ratios.map((ratio) => new Option(ratio, ratio)));
    this.#shape.value = ratios.includes(chosen) ? chosen : "";
  }

  // --- The thread ---

  #place() {
    this.#isPlacing = true;
    const sorted = [...this.#images.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
    const behind = new Map(); // by anchor: the element that the next one follows
    for (const image of sorted) {
      const anchor = image.after_message_id && find(`[data-message="${CSS.escape(image.after_message_id)}"]`, this.#thread);
      const figure = this.#figure(image);
      // Its message is on another branch, or further up.
      if (image.after_message_id && !anchor) figure.remove();
      else if (anchor) {
        const before = behind.get(image.after_message_id) ?? anchor;
        if (before.nextElementSibling !== figure) before.after(figure);
        behind.set(image.after_message_id, figure);
      } else if (!figure.isConnected || figure.parentElement !== this.#thread) {
        const first = find("[data-message]", this.#thread);
        this.#thread.insertBefore(figure, first);
      }
    }
    // What was just changed is told to the observer after this.
    queueMicrotask(() => { this.#isPlacing = false; });
    this.dispatchEvent(new Event("placed"));
  }

  #figures = new Map();

  #figure(image) {
    const figure = this.#figures.get(image.id) ?? fromTemplate("made");
    this.#figures.set(image.id, figure);
    figure.dataset.made = image.id;
    figure.dataset.status = image.status;
    find("[data-words]", figure).textContent = image.prompt;
    shapeLike(find("[data-frame]", figure), image);
    const [open, wait, fault, download, attach] = ["open", "wait", "fault", "download", "attach"].map((name) => find(`[data-${name}]`, figure));
    open.hidden = download.hidden = attach.hidden = !image.url;
    wait.hidden = !isOpen(image);
    fault.hidden = image.status !== "failed";
    find("[data-ways]", figure).hidden = isOpen(image);
    if (isOpen(image)) find("[data-state]", figure).textContent = made.words[image.status];
    if (image.error) find("[data-reason]", figure).textContent = reasonOf(image.error);
    const picture = find("[data-picture]", figure);
    if (image.url && picture.getAttribute("src") !== image.url) {
      picture.src = open.href = image.url;
      picture.alt = image.prompt;
      picture.loading = "lazy";
      download.href = `${image.url}?download=1`;
    }
    const price = image.cost_usd ? dollars(image.cost_usd) : "";
    find("[data-facts]", figure).textContent = [modelName(image.model), price].filter(Boolean).join(" · ");
    return figure;
  }

  async #clicked(event) {
    const image = this.#images.get(event.target.closest("[data-made]")?.dataset.made);
    if (!image) return;
    try {
      if (event.target.closest("[data-again]")) (await wishAgain(image)).images.forEach((each) => this.hear(each, { isMine: true }));
      if (event.target.closest("[data-delete]")) await this.#delete(image);
      if (event.target.closest("[data-attach]")) this.dispatchEvent(new CustomEvent("attach", { detail: await asAttachment(image) }));
    } catch (error) {
      toast(reasonOf(error.problem));
    }
  }

  async #delete(image) {
    await ask("DELETE", `/images/${image.id}`);
    this.#forget(image);
    const bringBack = () => ask("POST", `/images/${image.id}/restore`).then((told) => this.hear(told, { isMine: true }), (error) => toast(reasonOf(error.problem)));
    toast(made.words.deleted, { label: made.words.undo, act: bringBack });
  }

  #forget(image) {
    this.#images.delete(image.id);
    this.#figures.get(image.id)?.remove();
    this.#figures.delete(image.id);
  }
}
