// Lecture mode: one slide of the notebook at a time, without code. All state is in classes, so that Esc undoes it.

const lecture = (window.courseLecture ??= { on: false, places: new Map(), panel: null });

const visiblePanel = () =>
  [...document.querySelectorAll(".jp-NotebookPanel")].find((panel) => panel.offsetParent !== null || panel.matches(".course-stage"));

// The notebook's cells as {node, kind, code}. `course lab` lets pages see JupyterLab's own objects, which know the slide
// types; elsewhere headings begin slides.
function cellsOf(panel) {
  const current = window.jupyterapp?.shell.currentWidget;
  const widgets = current?.node === panel ? current.content.widgets : null;
  const cells = [...panel.querySelectorAll(".jp-Cell")].map((node, place) => {
    const model = widgets?.[place]?.model;
    const tags = model?.getMetadata("tags") ?? [];
    let kind = model?.getMetadata("slideshow")?.slide_type;
    if (!model) {
      if (node.textContent.trim().startsWith("For the lecturer")) kind = "notes";
      else kind = node.querySelector(".jp-RenderedMarkdown :is(h1, h2, h3)") ? "slide" : "-";
    }
    return { node, kind, code: tags.includes("show-code") };
  });
  // a deck may leave out an explorer, for it has only pictures; here it is shown, under the heading before it
  cells.forEach((cell, place) => {
    if (cell.kind !== "skip" || !cell.node.querySelector(".course-explorer")) return;
    const heading = cells[place - 1];
    const headed = heading?.kind === "skip" && heading.node.querySelector(".jp-RenderedMarkdown :is(h2, h3)");
    if (headed) heading.kind = "subslide";
    cell.kind = headed ? "-" : "subslide";
  });
  return cells;
}

const away = (cell) => cell.kind === "skip" || cell.kind === "notes";
const begins = (cell) => cell.kind === "slide" || cell.kind === "subslide";

// Where the key stops: at each slide, and at each fragment within.
function stopsOf(cells) {
  return cells.flatMap((cell, place) => (begins(cell) || cell.kind === "fragment" ? [place] : []));
}

function show() {
  const panel = visiblePanel();
  if (!panel) return;
  if (lecture.panel && lecture.panel !== panel) clean(lecture.panel);
  lecture.panel = panel;
  panel.classList.add("course-stage");
  const cells = cellsOf(panel);
  const stops = stopsOf(cells);
  const at = Math.min(lecture.places.get(panel) ?? 0, stops.length - 1);
  lecture.places.set(panel, at);
  const until = stops[at + 1] ?? cells.length;
  let first = stops[at] ?? 0;
  while (first > 0 && !begins(cells[first])) first -= 1;
  cells.forEach((cell, place) => {
    cell.node.classList.toggle("course-away", place < first || place >= until || away(cell));
    cell.node.classList.toggle("course-with-code", cell.code);
  });
  const slides = stops.filter((place) => begins(cells[place]));
  const number = slides.filter((place) => place <= first).length;
  panel.style.setProperty("--course-place", `"${number} / ${slides.length}    PageDown: on    PageUp: back    Esc: end"`);
  const last = cells.slice(first, until).filter((cell) => !away(cell)).at(-1);
  // a slide that is longer than the page is shown from its newest part
  const scroller = panel.querySelector(".jp-WindowedPanel-outer") ?? panel.querySelector(".jp-Notebook");
  scroller.scrollTop = 0;
  if (last && scroller.scrollHeight > scroller.clientHeight) cells[stops[at]].node.scrollIntoView({ block: "start" });
}

function clean(panel) {
  panel.classList.remove("course-stage");
  for (const node of panel.querySelectorAll(".jp-Cell")) node.classList.remove("course-away", "course-with-code");
}

function go(step) {
  const cells = cellsOf(lecture.panel);
  const last = stopsOf(cells).length - 1;
  const at = (lecture.places.get(lecture.panel) ?? 0) + step;
  lecture.places.set(lecture.panel, Math.min(last, Math.max(0, at)));
  show();
}

function begin() {
  lecture.on = true;
  document.body.classList.add("course-lecture");
  show();
}

function end() {
  lecture.on = false;
  document.body.classList.remove("course-lecture");
  if (lecture.panel) clean(lecture.panel);
  lecture.panel = null;
  window.jupyterapp?.shell.currentWidget?.fit(); // the page may have changed its size meanwhile
}

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "F9") lecture.on ? end() : begin();
  else if (!lecture.on) return;
  else if (event.key === "PageDown") go(1);
  else if (event.key === "PageUp") go(-1);
  else if (event.key === "Escape") end();
  else return;
  event.preventDefault();
  event.stopImmediatePropagation();
}

if (!lecture.listening) {
  lecture.listening = true;
  window.addEventListener("keydown", keys, true);
  // another notebook was opened, through a link on the course's map for example
  setInterval(() => lecture.on && visiblePanel() !== lecture.panel && show(), 400);
}

function render({ el }) {
  const button = document.createElement("button");
  button.className = "course-lecture-button";
  button.textContent = "Begin lecture mode";
  button.addEventListener("click", begin);
  const words = document.createElement("span");
  words.textContent = "PageDown goes on, PageUp back, Esc ends it, F9 resumes. It holds for every notebook you open from here.";
  el.append(button, words);
}

export default { render };
