// The picture of an explorer: draws what the kernel sends, and tells it where the reader points.

const CONTROLS = "[role=slider], input, select, textarea, button";

// ipywidgets writes a label beside each control without telling a screen reader whose label it is.
function nameControls(explorer, title) {
  explorer.setAttribute("role", "group");
  explorer.setAttribute("aria-label", title);
  // arrow keys belong to the control that has the focus, not to the notebook
  explorer.setAttribute("data-lm-suppress-shortcuts", "true");
  for (const label of explorer.querySelectorAll(".widget-label")) {
    const text = label.textContent.trim();
    const box = label.parentElement;
    if (!text || !box) continue;
    const readout = box.querySelector(".widget-readout");
    if (box.classList.contains("widget-toggle-buttons")) {
      box.setAttribute("role", "group"); // its buttons have names of their own
      box.setAttribute("aria-label", text);
      continue;
    }
    for (const control of box.querySelectorAll(CONTROLS)) {
      const name = control.labels?.[0]?.textContent.trim();
      if (name !== text) control.setAttribute("aria-label", text);
      if (readout && control.getAttribute("role") === "slider")
        control.setAttribute("aria-valuetext", readout.textContent.trim());
    }
  }
}

function render({ model, el }) {
  el.classList.add("course-picture");
  const image = document.createElement("img");
  const words = document.createElement("p");
  const problem = document.createElement("p");
  words.className = "course-words";
  words.setAttribute("role", "status");
  problem.className = "course-problem";
  problem.setAttribute("role", "alert");
  image.draggable = false;
  el.append(image, words, problem);

  let address = null;
  function update() {
    const old = address;
    address = URL.createObjectURL(new Blob([model.get("file")], { type: "image/jpeg" }));
    image.onload = () => old && URL.revokeObjectURL(old);
    image.src = address;
    image.style.aspectRatio = `${model.get("width")} / ${model.get("height")}`;
    image.style.setProperty("--board-width", `${model.get("width")}px`);
    image.style.setProperty("--board-ratio", model.get("width") / model.get("height"));
    speak();
  }
  function speak() {
    image.alt = `${model.get("alt")} ${model.get("words")}`;
    if (words.textContent !== model.get("words")) words.textContent = model.get("words");
    problem.textContent = model.get("problem");
    problem.hidden = !model.get("problem");
    const explorer = el.closest(".course-explorer");
    if (explorer) nameControls(explorer, model.get("title"));
  }
  model.on("change:file", update);
  model.on("change:words change:problem", speak);
  update();

  // One message at a time: the next leaves when the last was answered, and only the newest of those that wait.
  let busy = false;
  let waiting = null;
  function tell(message) {
    if (busy) waiting = message;
    else {
      busy = true;
      model.send(message);
    }
  }
  model.on("change:answered", () => {
    busy = false;
    if (waiting) {
      const message = waiting;
      waiting = null;
      tell(message);
    }
  });

  if (model.get("pointed")) {
    image.tabIndex = 0;
    image.classList.add("course-pointed");
    const point = (event) => {
      const box = image.getBoundingClientRect();
      tell({
        kind: "point",
        x: (event.clientX - box.left) / box.width,
        y: (event.clientY - box.top) / box.height,
      });
    };
    image.addEventListener("pointerdown", (event) => {
      image.setPointerCapture(event.pointerId);
      image.focus();
      point(event);
    });
    image.addEventListener("pointermove", (event) => event.buttons && point(event));
    const keys = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    image.addEventListener("keydown", (event) => {
      if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      const [across, down] = keys[event.key];
      tell({ kind: "walk", across, down });
    });
  }

  // Where the picture is shown larger than it was drawn (lecture mode, a 4K projector), ask for more pixels.
  const watch = new ResizeObserver(() => {
    const shown = (image.clientWidth * window.devicePixelRatio) / model.get("width");
    const wanted = Math.min(2, Math.max(1, Math.round(shown * 4) / 4));
    if (image.clientWidth && wanted !== model.get("sharpness")) {
      model.set("sharpness", wanted);
      model.save_changes();
      tell({ kind: "sharpness" });
    }
  });
  watch.observe(image);

  // The controls appear beside the picture at their own time.
  const frame = setInterval(() => {
    const explorer = el.closest(".course-explorer");
    if (!explorer) return;
    nameControls(explorer, model.get("title"));
    if (explorer.querySelector(CONTROLS)) clearInterval(frame);
  }, 100);

  return () => {
    clearInterval(frame);
    watch.disconnect();
    if (address) URL.revokeObjectURL(address);
  };
}

export default { render };
