// Runs in: browser.
import { Facts } from "./facts.js";
import { formatBytes, formatCount, formatDuration, formatUtc } from "./format.js";
import { Time } from "./time.js";
import { html } from "./vendor.js";

/** A browser's clock that differs by less is not worth a word, in milliseconds. */
const CLOCK_TOLERANCE_MS = 2000;
/** Free space below this share of the disk is worth a colour. */
const LOW_SHARE = 0.1;

/** What the node runs on: disk, clock, versions. */
export function Machine({ status, clock }) {
  return html`
    <section class="wide" aria-labelledby="machine">
      <h2 id="machine">Machine</h2>
      <${Facts} facts=${[...machineFacts(status, clock), ...versionFacts(status)]} />
    </section>
  `;
}

function machineFacts(status, clock) {
  const { free_bytes: free, total_bytes: total } = status.disk;
  const { messages } = status.store;
  return [
    ["Disk", `${formatBytes(free)} of ${formatBytes(total)} free`, free < LOW_SHARE * total ? "warn" : ""],
    ["Clock", `${formatUtc(clock.nowMs)}${clockNote(clock)}`],
    ["Started", html`<${Time} ms=${status.started_ms} clock=${clock} />`],
    ["Memory", formatBytes(status.rss_bytes)],
    ["Messages stored", messages === null ? "the store does not answer" : formatCount(sum(messages.stored))],
    ["Outbox", messages === null ? null : formatBytes(messages.database_bytes)],
    ["Update", status.update ?? "none under way"],
    ["Folder", status.root],
  ];
}

function versionFacts({ versions, config_revision: revision, pid }) {
  return [
    ["Ivy", versions.ivy],
    ["Configuration", formatCount(revision)],
    ["Deno", versions.deno],
    ["V8", versions.v8],
    ["Built for", versions.target],
    ["PID", String(pid)],
  ];
}

/** A phone's clock is right: where the node's differs, that is worth knowing. */
function clockNote({ offsetMs }) {
  if (Math.abs(offsetMs) < CLOCK_TOLERANCE_MS) return "";
  return ` (${formatDuration(offsetMs)} ${offsetMs < 0 ? "behind" : "ahead of"} this device)`;
}

function sum(counts) {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
