// The picture with its boxes, and the drawing of a box on it with mouse, finger or pen.

import { element, t } from "./common.js";

const LEAST = 2; // pixels of the picture

function place(box, shape, node) {
  const [left, top, right, bottom] = box;
  node.style.left = `${(100 * left) / shape.width_px}%`;
  node.style.top = `${(100 * top) / shape.height_px}%`;
  node.style.width = `${(100 * (right - left)) / shape.width_px}%`;
  node.style.height = `${(100 * (bottom - top)) / shape.height_px}%`;
}

const area = ([left, top, right, bottom]) => (right - left) * (bottom - top);

export class Stage {
  // `choose(damage)` is called for a box that was pressed, `drawn(box or null)` for one that was drawn.
  constructor(choose, drawn) {
    this.image = element("img", { alt: "", draggable: "false" });
    this.node = element("div", { class: "stage", id: "stage" }, this.image);
    this.choose = choose;
    this.drawn = drawn;
    this.from = null;
    this.draft = null;
    this.node.addEventListener("pointerdown", (event) => this.down(event));
    this.node.addEventListener("pointermove", (event) => this.drag(event));
    this.node.addEventListener("pointerup", (event) => this.up(event));
    this.node.addEventListener("pointercancel", () => this.stop());
  }

  // boxes: [{damage, box, label, severity, on}]
  show(shape, source, alt, boxes) {
    this.shape = shape;
    if (source && this.image.getAttribute("src") !== source) this.image.src = source;
    this.image.alt = alt;
    this.image.width = shape.width_px;
    this.image.height = shape.height_px;
    const nodes = [...boxes].sort((one, other) => area(other.box) - area(one.box)).map((one) => this.box(one));
    this.node.replaceChildren(this.image, ...nodes);
    if (this.draft) this.setDraft(this.draft);
  }

  box({ damage, box, label, severity, on }) {
    const low = box[1] / this.shape.height_px < 0.06 ? " low" : "";
    const node = element(
      "button",
      {
        type: "button",
        class: `box ${severity}${on ? " on" : ""}${low}`,
        "data-damage": damage,
        "aria-label": t("show", { damage: label }),
        onclick: () => this.choose(damage),
      },
      element("span", {}, damage),
    );
    place(box, this.shape, node);
    return node;
  }

  drawing(on) {
    this.node.classList.toggle("drawing", on);
    if (!on) this.setDraft(null);
  }

  setDraft(box) {
    this.draft = box;
    this.node.querySelector(".draft")?.remove();
    if (!box || area(box) <= 0) return;
    const node = element("div", { class: "box draft" });
    place(box, this.shape, node);
    this.node.append(node);
  }

  point(event) {
    const frame = this.image.getBoundingClientRect();
    const within = (value) => Math.min(1, Math.max(0, value));
    return [
      Math.round(within((event.clientX - frame.left) / frame.width) * this.shape.width_px),
      Math.round(within((event.clientY - frame.top) / frame.height) * this.shape.height_px),
    ];
  }

  down(event) {
    if (!this.node.classList.contains("drawing") || event.button > 0) return;
    event.preventDefault();
    this.node.setPointerCapture(event.pointerId);
    this.from = this.point(event);
  }

  drag(event) {
    if (!this.from) return;
    const [x, y] = this.point(event);
    const [x0, y0] = this.from;
    this.setDraft([Math.min(x, x0), Math.min(y, y0), Math.max(x, x0), Math.max(y, y0)]);
  }

  up(event) {
    if (!this.from) return;
    this.drag(event);
    this.stop();
    const box = this.draft;
    const good = box && box[2] - box[0] >= LEAST && box[3] - box[1] >= LEAST;
    if (!good) this.setDraft(null);
    this.drawn(good ? box : null);
  }

  stop() {
    this.from = null;
  }
}
