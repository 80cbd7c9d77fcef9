// Runs in: tests.
import type { OutgoingMessage } from "../../src/shared/protocol.ts";
import { TestStore } from "./test_store.ts";

const HOUR_MS = 3_600_000;

/** What a station measures in a second. */
export function manyKeys(keys: number, second: number): string {
  const data = Object.fromEntries(
    Array.from({ length: keys }, (_, key) => [
      `sensor_${key}`,
      Math.round(100 * (20 + 5 * Math.sin(second / 3000 + key))) / 100,
    ]),
  );
  return JSON.stringify({ variant: "data", data });
}

/**
 * Lets a real store in a folder measure for the last 24 hours, one message a second, and closes it.
 *
 * @param directory `<root>/data`; made when it is missing
 */
export async function measureDay(
  directory: string,
  { keys, nowMs }: { keys: number; nowMs: number },
): Promise<void> {
  Deno.mkdirSync(directory, { recursive: true });
  const test = new TestStore({ directory });
  test.nowMs = nowMs - 24 * HOUR_MS;
  const { store } = await test.open();
  for (let hour = 0; hour < 24; hour++) {
    const startMs = nowMs - (24 - hour) * HOUR_MS;
    test.nowMs = startMs;
    const messages = Array.from({ length: 3600 }, (_, second): OutgoingMessage => ({
      sequence: hour * 3600 + second + 1,
      timeMs: startMs + second * 1000,
      variant: "data",
      body: manyKeys(keys, hour * 3600 + second),
    }));
    await new Promise<void>((resolve) =>
      store.append({ producer: { name: "station", generation: 1 }, messages, answer: () => resolve() })
    );
  }
  test.nowMs = nowMs;
  await store.close();
}
