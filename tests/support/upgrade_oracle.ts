// Runs in: tests.
import { relative } from "@std/path";
import { filesBelow } from "../../src/build/files.ts";
import { VARIANTS } from "../../src/shared/message.ts";
import type { MqttObserver } from "./mqtt_observer.ts";
import { lostOrDoubled } from "./store_oracle.ts";
import { type DayLine, readDays } from "./stored_days.ts";

/** Judges the daily files. @returns a sentence for each id that is missing or doubled, and each message lost or doubled. */
export function faultsOfDays(folder: string, acknowledged: string[]): string[] {
  const { lines, faults } = readDays(folder);
  const ids = lines.map(({ message }) => message.id).sort((a, b) => a - b);
  const gaps = ids.slice(1).flatMap((id, index) =>
    id === ids[index]! + 1 ? [] : [`after id ${ids[index]} comes ${id}`]
  );
  return [...faults, ...gaps, ...lostOrDoubled(lines, { acknowledged })];
}

/** Whether a server got each of some messages at least once, as its daily file has it, in the order of its variant. */
export function faultsAtBroker(lines: DayLine[], { messages }: MqttObserver): string[] {
  const byId = new Map(lines.map(({ message }) => [message.id, message]));
  const arrived = new Map<number, (typeof lines)[number]["message"]>();
  const faults: string[] = [];
  for (const { payload } of messages.filter(({ payload }) => payload.startsWith("{"))) {
    const got = JSON.parse(payload) as DayLine["message"];
    if (typeof got.id !== "number") continue;
    const stored = byId.get(got.id);
    if (stored === undefined) continue; // younger
    if (JSON.stringify(got.message_body) !== JSON.stringify(stored.message_body)) {
      faults.push(`the server has another ${got.id}: ${payload}`);
    }
    if (!arrived.has(got.id)) arrived.set(got.id, got);
  }
  for (const variant of VARIANTS) {
    const firsts = [...arrived.values()].filter(({ message_body: body }) => body.variant === variant);
    firsts.forEach(({ id }, index) => {
      const before = firsts[index - 1]?.id ?? 0;
      if (id < before) faults.push(`the server got ${variant} ${id} after ${before}`);
    });
  }
  return [...faults, ...missingAt(lines, arrived)];
}

function missingAt(lines: DayLine[], arrived: ReadonlyMap<number, unknown>): string[] {
  return lines.filter(({ message }) => !arrived.has(message.id))
    .map(({ text }) => `the server never got ${text}`);
}

/** Files that say that something was damaged, relative to the root. */
export async function setAside(root: string): Promise<string[]> {
  const names: string[] = [];
  for await (const path of filesBelow(root)) names.push(relative(root, path));
  return names.filter((name) => /damaged|corrupt|broken|rebuilt|\.old$|\.bad$/.test(name));
}
