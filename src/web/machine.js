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
  const { messages } = status.store;
  return [
    diskFact(status.disk),
    limitFact(status.disk),
    [
      "Clock",
      `${formatUtc(clock.nowMs)}${clockNote(status.clock, clock)}`,
      status.clock.is_trusted ? "" : "warn",
    ],
    ["Started", html`<${Time} ms=${status.started_ms} clock=${clock} />`],
    ["Memory", formatBytes(status.rss_bytes)],
    ["Messages stored", messages === null ? "the store does not answer" : formatCount(sum(messages.stored))],
    ["Outbox", messages === null ? null : formatBytes(messages.database_bytes)],
    ["Update", status.update ?? status.update_warning ?? "none under way"],
    ["Folder", status.root],
  ];
}

function diskFact(disk) {
  if (disk === null) return null;
  const { free_bytes: free, total_bytes: total, min_free_bytes: min } = disk;
  const isLow = free < Math.max(2 * min, LOW_SHARE * total);
  return ["Disk", `${formatBytes(free)} of ${formatBytes(total)} free`, isLow ? "warn" : ""];
}

/** What happens when space gets short; limits of the configuration that do not fit the disk are said here. */
function limitFact(disk) {
  if (disk === null) return null;
  const { min_free_bytes: min, max_outbox_bytes: max, limit_warnings: warnings } = disk;
  const limits = `below ${formatBytes(min)} free, or above ${formatBytes(max)} of outbox`;
  return ["Old data leaves", [limits, ...warnings].join("; "), warnings.length > 0 ? "warn" : ""];
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
function clockNote({ is_trusted: isTrusted }, { offsetMs }) {
  if (!isTrusted) return " (not known to be right)";
  if (Math.abs(offsetMs) < CLOCK_TOLERANCE_MS) return "";
  return ` (${formatDuration(offsetMs)} ${offsetMs < 0 ? "behind" : "ahead of"} this device)`;
}

function sum(counts) {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
