// Runs in: main thread.
import { paint } from "./output.ts";

/**
 * A line of a daily file, for people: time (UTC), number, who sent it, what it says.
 *
 * @param origin The sender's name, where it is known.
 */
export function describeLine(line: string, origin = ""): string {
  const { id, timestamp, message_body: { variant, ...rest } } = JSON.parse(line);
  const time = new Date(timestamp * 1000).toISOString().slice(11, 23);
  const who = origin === "" ? "" : `${paint.bold(origin)}  `;
  return `${paint.dim(time)} ${paint.dim(`#${id}`)} ${who}${describeBody(variant, rest)}`;
}

function describeBody(variant: string, rest: Record<string, unknown>): string {
  switch (variant) {
    case "data":
      return describeData(rest["data"] as Record<string, unknown>);
    case "log":
      return `${rest["level"]}: ${rest["subject"]}`;
    default:
      return `configuration ${rest["status"]}`;
  }
}

function describeData(data: Record<string, unknown>): string {
  return Object.entries(data).map(([key, value]) => {
    const isFraction = typeof value === "number" && !Number.isInteger(value);
    const shown = isFraction ? Number(value.toPrecision(6)) : value;
    return `${key}=${paint.green(String(shown))}`;
  }).join(" ");
}
