// Runs in: browser.
import { formatRelative, formatUtc } from "./format.js";
import { html } from "./vendor.js";

/** A time as the person wants to read it; the other way is shown on hover. `clock` is `{ nowMs, isUtc }`. */
export function Time({ ms, clock }) {
  const relative = formatRelative(ms, clock.nowMs);
  const utc = formatUtc(ms);
  if (utc === "") return null;
  return html`
    <time datetime=${new Date(ms).toISOString()} title=${clock.isUtc ? relative : utc}>
      ${clock.isUtc ? utc : relative}
    </time>
  `;
}
