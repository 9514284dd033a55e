// What is wrong with the slide that is shown, as sentences. Everything that appears by clicks is there.
(() => {
  const found = [];
  const slide = document.querySelector('.slides > section.present');
  const page = slide.getBoundingClientRect();
  const named = element => {
    const words = (element.getAttribute('alt') || element.textContent || '').trim().replace(/\s+/g, ' ');
    return `${element.tagName.toLowerCase()} '${words.slice(0, 40)}'`;
  };
  const shown = element => element.getClientRects().length > 0 && !element.closest('aside.notes');
  const all = [...slide.querySelectorAll('*')].filter(shown);

  // on the page, and inside what holds it
  for (const element of all) {
    const box = element.getBoundingClientRect();
    if (box.left < page.left - 1 || box.top < page.top - 1 || box.right > page.right + 1 || box.bottom > page.bottom + 1) {
      found.push(`${named(element)} leaves the page: ${Math.round(box.right - page.right)} px to the right, ` +
        `${Math.round(box.bottom - page.bottom)} px below, ${Math.round(page.top - box.top)} px above`);
    }
    if (element.closest('math')) continue; // its parts may reach over each other
    const style = getComputedStyle(element);
    const clips = style.overflowX !== 'visible' || style.overflowY !== 'visible' || ['PRE', 'CODE', 'H2'].includes(element.tagName);
    if (clips && style.display !== 'inline' && (element.scrollWidth > element.clientWidth + 2 || element.scrollHeight > element.clientHeight + 2)) {
      found.push(`${named(element)} is cut off: it needs ${element.scrollWidth}x${element.scrollHeight} px and has ${element.clientWidth}x${element.clientHeight}`);
    }
  }

  // words stay inside: a long one runs out of its paragraph, whose own box is not the wider for it
  const pieces = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT);
  while (pieces.nextNode()) {
    const element = pieces.currentNode.parentElement, words = pieces.currentNode.data.trim();
    if (!words || !shown(element) || element.closest('math, svg')) continue;
    const reach = document.createRange();
    reach.selectNodeContents(pieces.currentNode);
    const box = reach.getBoundingClientRect(), holder = (element.closest('.body, h2, .foot') || slide).getBoundingClientRect();
    if (box.right > holder.right + 2) {
      found.push(`${named(element)} runs out of its place by ${Math.round(box.right - holder.right)} px: break its longest word`);
    }
  }

  // blocks keep apart
  const blocks = all.filter(element => element.matches('h2, .foot, .figure, .text, .code, .output, .finding'));
  const boxes = blocks.map(block => {
    const inner = document.createRange();
    inner.selectNodeContents(block);
    const box = inner.getBoundingClientRect();
    return box.width ? box : block.getBoundingClientRect();
  });
  for (let one = 0; one < blocks.length; one++) {
    for (let other = one + 1; other < blocks.length; other++) {
      if (blocks[one].contains(blocks[other]) || blocks[other].contains(blocks[one])) continue;
      const a = boxes[one], b = boxes[other];
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 2 && high > 2) found.push(`${named(blocks[one])} and ${named(blocks[other])} overlap by ${Math.round(high)} px`);
    }
  }

  // type: size, contrast, equations
  const rgba = text => { const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number); return { r, g, b, a }; };
  const light = ({ r, g, b }) => [r, g, b].map(value => value / 255)
    .map(value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = element => {
    for (let holder = element; holder; holder = holder.parentElement) {
      const colour = rgba(getComputedStyle(holder).backgroundColor);
      if (colour.a > 0.99) return colour;
    }
    return { r: 255, g: 255, b: 255 };
  };
  const seen = new Set();
  const texts = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement, words = texts.currentNode.data.trim();
    if (!words || !shown(element) || element.closest('annotation')) continue;
    const style = getComputedStyle(element), size = parseFloat(style.fontSize);
    if (size < 17.99 && !seen.has(element)) found.push(`${named(element)} has type of ${size.toFixed(1)} px; 18 is the least`);
    seen.add(element);
    const [high, low] = [light(rgba(style.color)), light(ground(element))].sort((a, b) => b - a);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < 4.5) found.push(`${named(element)} has a contrast of ${contrast.toFixed(1)}:1; 4.5 is the least`);
    if (!element.closest('code, math') && /\$[^$]+\$|\\[a-z]{2,}|\\\(/.test(words)) found.push(`${named(element)} shows TeX as text`);
  }
  for (const math of all.filter(element => element.tagName === 'math')) {
    const box = math.getBoundingClientRect();
    if (box.width < 2 || box.height < 2 || math.querySelector('merror')) found.push(`${named(math)} is an equation that is not drawn`);
  }

  // pictures
  for (const image of all.filter(element => element.tagName === 'IMG')) {
    const box = image.getBoundingClientRect();
    if (!(image.getAttribute('alt') || '').trim()) found.push(`an image has no alt text`);
    if (!image.naturalWidth) found.push(`${named(image)} is not loaded`);
    const [wide, high] = ['width', 'height'].map(side => parseFloat(image.getAttribute(side) || image.style[side]));
    const scale = Math.min(box.width / wide, box.height / high);
    if (scale < 0.895 && !image.closest('.cover')) found.push(`${named(image)} is shown at ${Math.round(100 * scale)} % of the size that it is drawn for: its type is too small; say less beside it`);
  }
  return found;
})()
