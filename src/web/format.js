// Runs in: browser.

/** @param {number} value a measurement; small ones keep 5 significant digits, large ones all before the point */
export function formatNumber(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e15)) return value.toExponential(3);
  const digits = size >= 1e4 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 5 };
  return (value + 0).toLocaleString("en", digits);
}

/** @param {number} count something that is counted */
export function formatCount(count) {
  return Math.round(count).toLocaleString("en");
}

/** Decimal units, as disks are sold: 12.3 MB. */
export function formatBytes(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toLocaleString("en", { maximumSignificantDigits: 3 })} ${units[unit]}`;
}

/** One unit is enough: 90 s, 14 min, 3 h, 12 d. */
export function formatDuration(ms) {
  const seconds = Math.floor(Math.abs(ms) / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 120 * 60) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${formatCount(Math.floor(seconds / 86_400))} d`;
}

/** 4 s ago, in 3 min, now. */
export function formatRelative(timeMs, nowMs) {
  const agoMs = nowMs - timeMs;
  if (Math.abs(agoMs) < 1000) return "now";
  return agoMs > 0 ? `${formatDuration(agoMs)} ago` : `in ${formatDuration(agoMs)}`;
}

/** 2026-11-22 14:03:22 UTC; empty for what is no time. */
export function formatUtc(timeMs) {
  const time = new Date(timeMs);
  if (Number.isNaN(time.getTime())) return "";
  return `${time.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** What an axis shows at a time: 14:03, with seconds where they differ, the day at midnight. */
export function formatTick(timeMs) {
  const iso = new Date(timeMs).toISOString();
  const clock = iso.slice(11, 19);
  if (clock === "00:00:00") return iso.slice(5, 10);
  return clock.endsWith(":00") ? clock.slice(0, 5) : clock;
}
