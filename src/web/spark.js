// Runs in: browser.
import { HEIGHT, sparkPaths, WIDTH } from "./spark_paths.js";
import { html } from "./vendor.js";

/** A line without axes; gaps stay gaps. */
export function Spark({ line, fromMs, toMs }) {
  const { strokes, dots } = sparkPaths(line, fromMs, toMs);
  return html`
    <svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
      <path d=${strokes} vector-effect="non-scaling-stroke" />
      <path class="dots" d=${dots} vector-effect="non-scaling-stroke" />
    </svg>
  `;
}
