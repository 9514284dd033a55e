// What a full room needs: type as large as a slide of words allows, a clock for exercises, and a pen.
const room = (() => {
  const LARGEST = 56, SMALLEST = 28, CODE = [21, 32];  // pixels of a page of 1280x720

  // Whether everything in a slide's body has room, up and down and across.
  function fits(body) {
    const parts = [...body.children], last = parts.at(-1);
    if (last.offsetTop + last.offsetHeight - parts[0].offsetTop > body.clientHeight) return false;
    return wide(body).every((part) => part.scrollWidth <= part.clientWidth + 1);
  }
  const wide = (body) => [body, ...body.querySelectorAll("pre code, .text, table, math")].filter((part) => part.clientWidth);

  // Slides lie hidden until they are shown; each is laid out alone, before anybody looks.
  function fit(slide) {
    const body = slide.querySelector(".body.plain");
    if (!body || !body.children.length) return;
    slide.style.display = "block";
    const set = (type, code) => {
      body.style.setProperty("--type", `${type}px`);
      body.style.setProperty("--code", `${code}px`);
    };
    // code first shrinks to its page, then all type together
    let code = CODE[1];
    for (set(SMALLEST, code); code > CODE[0] && wide(body).some((part) => part.scrollWidth > part.clientWidth + 1);) {
      set(SMALLEST, --code);
    }
    let type = LARGEST;
    for (set(type, code); type > SMALLEST && !fits(body);) {
      type -= 1;
      set(type, Math.max(CODE[0], Math.min(code, Math.round(0.7 * type))));
    }
    slide.style.display = "";
  }

  // The clock of an exercise: the minutes of its notes, counted down from the key that starts it; the key stops it again.
  function clock() {
    const face = Reveal.getCurrentSlide().querySelector(".clock");
    if (!face) return;
    if (face.ticking) {
      face.left = left(face);
      clearInterval(face.ticking);
      face.ticking = null;
      face.classList.remove("running");
      return;
    }
    face.left = face.left ?? 1000 * face.dataset.seconds;
    face.until = Date.now() + face.left;
    face.classList.add("running");
    face.ticking = setInterval(() => tell(face), 250);
    tell(face);
  }
  const left = (face) => Math.max(0, face.until - Date.now());
  function tell(face) {
    const seconds = Math.ceil(left(face) / 1000);
    face.querySelector("strong").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    face.classList.toggle("over", seconds === 0);
  }

  // A pen over the page; the same key, or the next slide, takes everything off again.
  let sheet = null;
  function pen() {
    if (sheet) return wipe();
    sheet = document.createElement("canvas");
    sheet.className = "pen";
    sheet.width = innerWidth * devicePixelRatio;
    sheet.height = innerHeight * devicePixelRatio;
    const ink = sheet.getContext("2d");
    ink.scale(devicePixelRatio, devicePixelRatio);
    Object.assign(ink, { strokeStyle: "#D55E00", lineWidth: Math.max(4, innerWidth / 250), lineCap: "round", lineJoin: "round" });
    let from = null;
    sheet.addEventListener("pointerdown", (event) => {
      from = [event.clientX, event.clientY];
      sheet.setPointerCapture(event.pointerId);
      draw(event);
    });
    const draw = (event) => {
      if (!from) return;
      ink.beginPath();
      ink.moveTo(...from);
      ink.lineTo(event.clientX, event.clientY);
      ink.stroke();
      from = [event.clientX, event.clientY];
    };
    sheet.addEventListener("pointermove", draw);
    sheet.addEventListener("pointerup", () => { from = null; });
    document.body.append(sheet);
  }
  function wipe() {
    sheet?.remove();
    sheet = null;
  }

  // Fonts are in the page, and are read before anything is measured.
  async function ready() {
    await Promise.all(["400 28px Course", "italic 400 28px Course", "600 28px Course"].map((font) => document.fonts.load(font)));
    document.querySelectorAll(".slides > section").forEach(fit);
  }

  return { ready, clock, pen, wipe };
})();
