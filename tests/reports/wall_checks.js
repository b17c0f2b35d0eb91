// What sticks out of the box it stands in, what is cut off, and what is set too small, on the pages that are shown.
// Evaluated by test_screens_browser.py; `smallest` in px of the canvas.
(smallest) => {
  const canvas = document.getElementById("canvas");
  const found = [];
  const say = (what, node) => found.push(`${what}: ${node.className} ${node.textContent.slice(0, 20)}`);
  for (const shown of document.querySelectorAll('[data-shown="1"], .head, .foot')) {
    for (const box of [shown, ...shown.querySelectorAll(".panel, .tiles, .bars, .ranking, .bar, .rank, .coverage")]) {
      const outer = box.getBoundingClientRect();
      for (const node of box.querySelectorAll(":not(svg *)")) {
        const inner = node.getBoundingClientRect();
        if (!inner.width) continue;
        if (inner.left < outer.left - 1 || inner.right > outer.right + 1) say("out sideways", node);
        if (inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1) say("out above or below", node);
      }
    }
    for (const node of shown.querySelectorAll(":not(svg *)")) {
      const told = getComputedStyle(node).textOverflow === "ellipsis"; // a name too long says so by itself
      if (node.clientWidth && node.scrollWidth > node.clientWidth + 1 && !told) say("cut", node);
    }
    for (const node of shown.querySelectorAll("*")) {
      const own = [...node.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.textContent.trim());
      if (own && node.getClientRects().length && parseFloat(getComputedStyle(node).fontSize) < smallest) say("small", node);
    }
  }
  const whole = canvas.getBoundingClientRect();
  for (const part of document.querySelectorAll('[data-shown="1"], .head, .head > *, .foot, .foot > *')) {
    const box = part.getBoundingClientRect();
    if (box.left < whole.left - 1 || box.right > whole.right + 1 || box.bottom > whole.bottom + 1) say("off the canvas", part);
  }
  const page = document.documentElement;
  if (page.scrollWidth > innerWidth || page.scrollHeight > innerHeight) found.push("the page scrolls");
  if (!canvas.offsetWidth) found.push("no canvas");
  return found;
}
