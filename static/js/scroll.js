/* The reader's place in the thread: it follows the text only for somebody who is reading its end. */

const NEAR_PX = 48;

export class Scroll {
  #box;
  #button;
  #follows = true;

  constructor(box, button) {
    this.#box = box;
    this.#button = button;
    box.addEventListener("scroll", () => this.#look(), { passive: true });
    new ResizeObserver(() => this.keep()).observe(box);
    button.addEventListener("click", () => this.toEnd());
  }

  get #left() {
    return this.#box.scrollHeight - this.#box.clientHeight - this.#box.scrollTop;
  }

  #look() {
    this.#follows = this.#left < NEAR_PX;
    this.#button.hidden = this.#left < NEAR_PX * 2;
  }

  /** After the content changed: stay at the end, if that is where the reader is. */
  keep() {
    if (this.#follows) this.#box.scrollTop = this.#box.scrollHeight;
    this.#button.hidden = this.#follows || this.#left < NEAR_PX * 2;
  }

  /** Stay where the page begins: there is nothing yet whose end anybody reads. */
  stay() {
    this.#follows = false;
  }

  toEnd() {
    this.#follows = true;
    this.keep();
  }

  /** Show this element, whatever else is there. */
  to(element) {
    this.#follows = false;
    element.scrollIntoView({ block: "center" });
    this.#look();
  }

  /** Move so that the element is as far from the window's top as said. */
  place(element, top) {
    this.#follows = false;
    this.#box.scrollTop += element.getBoundingClientRect().top - top;
    this.#look();
  }

  /** Change something above the reader's place without moving what is read. */
  hold(change) {
    const before = this.#box.scrollHeight - this.#box.scrollTop;
    change();
    this.#box.scrollTop = this.#box.scrollHeight - before;
  }
}
