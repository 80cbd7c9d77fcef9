// Runs in: tests, browser.

/** Columns of pixels of the large chart that hold the line's colour, between two shares of its width. */
export function countStroked({ from, to }) {
  const canvas = document.querySelector(".plot canvas");
  const over = document.querySelector(".plot .u-over");
  const scale = canvas.width / canvas.clientWidth;
  const first = Math.round((over.offsetLeft + from * over.offsetWidth) * scale);
  const of = Math.round((to - from) * over.offsetWidth * scale);
  const copy = new OffscreenCanvas(of + 1, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--line");
  copy.fillRect(of, 0, 1, 1);
  copy.drawImage(canvas, -first, 0);
  copy.fillRect(of, 0, 1, 1);
  const wanted = copy.getImageData(of, 0, 1, 1).data;
  const { data } = copy.getImageData(0, 0, of, canvas.height);
  const isStroked = (column) => {
    for (let at = column * 4; at < data.length; at += of * 4) {
      const isLine = [0, 1, 2].every((part) => Math.abs(data[at + part] - wanted[part]) < 24);
      if (data[at + 3] > 200 && isLine) return true;
    }
    return false;
  };
  return { stroked: [...Array(of).keys()].filter(isStroked).length, of };
}

/** Whether one has to scroll sideways. */
export function isTooWide() {
  return document.documentElement.scrollWidth > document.documentElement.clientWidth;
}

/** What has the focus, by the name that says most. */
export function focusedName() {
  const element = document.activeElement;
  return element.getAttribute("aria-label") ?? element.getAttribute("name") ?? element.textContent.trim();
}

/** What moves the dot beside "live". */
export function animationOf(element) {
  return getComputedStyle(element, "::before").animationName;
}

/** Resolves when what is known now has been drawn. */
export async function nextFrames() {
  for (let frame = 0; frame < 3; frame++) await new Promise((resolve) => requestAnimationFrame(resolve));
}

/** The rules that axe-core, which is loaded already, finds broken. */
export async function runAxe() {
  const { violations } = await globalThis.axe.run();
  return violations.map(({ id, help, nodes }) =>
    `${id}: ${help}: ${nodes.map(({ target }) => target).join(", ")}`
  );
}

/** To be run before the page: notes when the large chart has been drawn first. */
export function noteFirstChart() {
  globalThis.firstChart = new Promise((resolve) => {
    new MutationObserver((_, observer) => {
      if (document.querySelector(".plot canvas") === null) return;
      observer.disconnect();
      requestAnimationFrame(() => resolve(performance.now()));
    }).observe(document, { childList: true, subtree: true });
  });
}

/** Milliseconds from asking for the page to its first chart. */
export async function firstChartMs() {
  return await globalThis.firstChart;
}
