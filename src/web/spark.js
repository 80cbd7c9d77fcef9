// Runs in: browser.
import { html } from "./vendor.js";

const WIDTH = 200;
const HEIGHT = 40;
/** Room above and below, so that the stroke is not cut. */
const MARGIN = 2;

/** A line without axes; gaps stay gaps. */
export function Spark({ line, fromMs, toMs }) {
  const path = sparkPath(line, fromMs, toMs);
  return html`
    <svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
      <path d=${path} vector-effect="non-scaling-stroke" />
    </svg>
  `;
}

/** @returns an SVG path: a move after every gap; a point that stands alone is a stroke of no length */
export function sparkPath(line, fromMs, toMs) {
  const means = line.flatMap((point) => point === null ? [] : [point.mean]);
  const low = Math.min(...means);
  const range = Math.max(...means) - low;
  const x = (timeMs) => ((timeMs - fromMs) / (toMs - fromMs) * WIDTH).toFixed(1);
  const y = (mean) => {
    const share = range === 0 ? 0.5 : (mean - low) / range;
    return (HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)).toFixed(1);
  };
  return line.map((point, index) => {
    if (point === null) return "";
    const isFirst = (line[index - 1] ?? null) === null;
    const isAlone = isFirst && (line[index + 1] ?? null) === null;
    return `${isFirst ? "M" : "L"}${x(point.timeMs)} ${y(point.mean)}${isAlone ? "h0.01" : ""}`;
  }).join("");
}
