// A photograph to paint a mask on. The mask lives here; the kernel is told of it as often as it can follow.

const PAINT = [230, 159, 0, 150]; // the course's orange, half transparent
const KEPT = 40; // strokes that can be undone

function render({ model, el }) {
  const width = model.get("width");
  const height = model.get("height");
  let mask = new Uint8Array(width * height);
  const strokes = [];

  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.className = "course-canvas";
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label",
    `${model.get("label")} Arrow keys move the brush, the space bar paints, X erases, Z undoes, plus and minus change the brush.`);
  el.append(canvas);
  const context = canvas.getContext("2d");
  const layer = new OffscreenCanvas(width, height);
  const layerContext = layer.getContext("2d");
  const photograph = new Image();
  const address = URL.createObjectURL(new Blob([model.get("photograph")], { type: "image/jpeg" }));
  photograph.onload = () => draw();
  photograph.src = address;

  const cursor = { x: width / 2, y: height / 2, shown: false };

  function read() {
    const view = model.get("value");
    if (view.byteLength === mask.length) mask.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  }
  function tint() {
    const pixels = layerContext.createImageData(width, height);
    for (let place = 0; place < mask.length; place++) if (mask[place]) pixels.data.set(PAINT, 4 * place);
    layerContext.putImageData(pixels, 0, 0);
  }
  function draw() {
    context.drawImage(photograph, 0, 0, width, height);
    context.drawImage(layer, 0, 0);
    if (!cursor.shown) return;
    for (const [colour, thick] of [["black", 3], ["white", 1]]) {
      context.strokeStyle = colour;
      context.lineWidth = thick;
      context.beginPath();
      context.arc(cursor.x, cursor.y, model.get("brush") / 2, 0, 2 * Math.PI);
      context.stroke();
    }
  }
  function tell() {
    model.set("value", new DataView(mask.slice().buffer));
    model.save_changes(); // waits by itself while the kernel is busy, and then sends the newest
  }
  function begin() {
    strokes.push(mask.slice());
    if (strokes.length > KEPT) strokes.shift();
  }
  function dab(x, y, value) {
    const reach = model.get("brush") / 2;
    for (let row = Math.max(0, Math.ceil(y - reach)); row <= Math.min(height - 1, y + reach); row++) {
      const half = Math.sqrt(Math.max(0, reach * reach - (row - y) * (row - y)));
      const first = Math.max(0, Math.ceil(x - half));
      const last = Math.min(width - 1, Math.floor(x + half));
      if (first <= last) mask.fill(value, row * width + first, row * width + last + 1);
    }
  }
  function stroke(from, to, value) {
    const steps = Math.max(1, Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) / 2));
    for (let step = 0; step <= steps; step++)
      dab(from.x + ((to.x - from.x) * step) / steps, from.y + ((to.y - from.y) * step) / steps, value);
    tint();
    draw();
    tell();
  }
  function undo() {
    if (!strokes.length) return;
    mask = strokes.pop();
    tint();
    draw();
    tell();
  }
  function clear() {
    begin();
    mask.fill(0);
    tint();
    draw();
    tell();
  }
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * width, y: ((event.clientY - box.top) / box.height) * height };
  };
  const value = () => (model.get("erase") ? 0 : 1);

  let before = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    canvas.focus();
    begin();
    before = place(event);
    stroke(before, before, value());
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = place(event);
    Object.assign(cursor, now, { shown: true });
    if (event.buttons && before) {
      stroke(before, now, value());
      before = now;
    } else draw();
  });
  canvas.addEventListener("pointerup", () => (before = null));
  canvas.addEventListener("pointerleave", () => {
    cursor.shown = document.activeElement === canvas;
    draw();
  });
  canvas.addEventListener("focus", () => ((cursor.shown = true), draw()));
  canvas.addEventListener("blur", () => ((cursor.shown = false), draw()));

  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    if (event.key in moves) {
      const far = event.shiftKey ? 1 : Math.max(1, model.get("brush") / 4);
      cursor.x = Math.min(width, Math.max(0, cursor.x + far * moves[event.key][0]));
      cursor.y = Math.min(height, Math.max(0, cursor.y + far * moves[event.key][1]));
      draw();
    } else if (key === " " || key === "x") {
      if (!event.repeat) begin();
      stroke(cursor, cursor, key === "x" ? 0 : value());
    } else if (key === "z") undo();
    else if (key === "+" || key === "-") {
      model.set("brush", Math.min(80, Math.max(2, model.get("brush") + (key === "+" ? 2 : -2))));
      model.save_changes();
      draw();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });

  model.on("msg:custom", (message) => (message.kind === "undo" ? undo() : clear()));
  model.on("change:value", () => {
    // set from the kernel (a cell that is run again), and not by the stroke above
    const view = model.get("value");
    const given = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    if (given.length === mask.length && given.some((label, place) => label !== mask[place])) {
      mask.set(given);
      tint();
      draw();
    }
  });
  model.on("change:brush", draw);
  read();
  tint();
  return () => URL.revokeObjectURL(address);
}

export default { render };
