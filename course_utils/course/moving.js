// Explorers without a kernel: each control picks among pictures that were drawn beforehand. This script may stand in a
// page many times; an explorer that moves already is left alone.
(() => {
  // How far two places of the controls lie apart; another choice is farther than any slider reaches.
  function distance(controls, one, other) {
    return controls.reduce((sum, { kind, labels }, k) => {
      if (kind === "choice") return sum + (one[k] === other[k] ? 0 : 10);
      return sum + Math.abs(one[k] - other[k]) / Math.max(1, labels.length - 1);
    }, 0);
  }

  function add(parent, tag, attributes, words = "") {
    const made = Object.assign(document.createElement(tag), attributes);
    made.textContent = words;
    parent.append(made);
    return made;
  }

  // A slider for many positions, radio buttons for a few choices: both take arrow keys as they come.
  function slider(parent, control, moved) {
    const label = add(parent, "label", { className: "moving-control" });
    add(label, "span", {}, control.name);
    const last = control.labels.length - 1;
    const input = add(label, "input", { type: "range", min: 0, max: last, value: control.at });
    const shown = add(label, "output", {}, control.labels[control.at]);
    shown.style.minWidth = `${Math.max(...control.labels.map((words) => words.length))}ch`;
    const say = () => {
      shown.textContent = control.labels[input.value];
      input.setAttribute("aria-valuetext", control.labels[input.value]);
    };
    input.addEventListener("input", () => {
      say();
      moved(Number(input.value));
    });
    say();
  }

  let groups = 0;
  function choice(parent, control, moved) {
    const set = add(parent, "span", { className: "moving-control", role: "radiogroup", ariaLabel: control.name });
    add(set, "span", {}, control.name);
    const name = `course-moving-${Date.now()}-${groups++}`;
    control.labels.forEach((words, place) => {
      const label = add(set, "label", {});
      const input = add(label, "input", { type: "radio", name, checked: place === control.at });
      label.append(words);
      input.addEventListener("input", () => moved(place));
    });
  }

  function start(explorer) {
    explorer.dataset.moves = "yes";
    const { controls, frames, pictures, alt } = JSON.parse(explorer.querySelector("script").textContent);
    const image = explorer.querySelector("img");
    const words = explorer.querySelector(".moving-words");
    const note = explorer.querySelector(".moving-nearest");
    const at = controls.map((control) => control.at);
    // Decoded before they are asked for, so that a drag never waits; begun when somebody touches the explorer.
    let decoded = null;
    const decode = () => {
      decoded = decoded || pictures.map((file) => Object.assign(new Image(), { src: `data:image/webp;base64,${file}` }));
    };
    explorer.addEventListener("pointerenter", decode);
    explorer.addEventListener("focusin", decode);

    function show() {
      decode();
      let best = frames[0];
      for (const frame of frames) {
        if (distance(controls, frame[0], at) < distance(controls, best[0], at)) best = frame;
      }
      image.src = decoded[best[1]].src;
      image.alt = `${alt} ${best[2]}`;
      words.textContent = best[2];
      const other = controls.filter((_, k) => best[0][k] !== at[k]);
      const drawn = other.map((control) => `${control.name} ${control.labels[best[0][controls.indexOf(control)]]}`);
      note.textContent = drawn.length ? `No picture was drawn for this position; the nearest has ${drawn.join(", ")}.` : "";
    }

    const place = explorer.querySelector(".moving-controls");
    controls.forEach((control, k) => {
      const make = control.kind === "choice" ? choice : slider;
      make(place, control, (position) => {
        at[k] = position;
        show();
      });
    });
    // In a deck, a clicker's keys turn the page also where a slider was moved last.
    place.addEventListener("keydown", (event) => {
      if (["PageDown", "PageUp", "Escape"].includes(event.key) && window.Reveal) {
        event.preventDefault();
        event.target.blur();
      }
    });
  }

  document.querySelectorAll(".course-moving:not([data-moves])").forEach(start);
})();
