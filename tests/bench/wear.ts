// Runs in: benchmarks.
import { bodyOf, TestStore } from "../support/test_store.ts";
import type { BenchRow } from "./row.ts";

const MESSAGES = 300;
/** One message every this many milliseconds: enough to see the interval at work, quick enough to measure. */
const EVERY_MS = 20;

/** Bytes that this process has caused to be written to disks, as the kernel counts them. */
function writtenBytes(): number {
  return Number(/^write_bytes: (\d+)/m.exec(Deno.readTextFileSync("/proc/self/io"))![1]);
}

/** What one message costs on the disk, by how long a commit waits for more. */
async function bytesPerMessage(intervalMs: number): Promise<number> {
  const test = new TestStore();
  const settings = { ...test.options().settings, commit_interval_ms: intervalMs };
  await test.open({ settings, now: () => Date.now(), monotonic: () => performance.now() });
  const before = writtenBytes();
  const sent: Promise<void>[] = [];
  for (let i = 0; i < MESSAGES; i++) {
    sent.push(test.send("data", `message ${i} of about the usual length: ${"x".repeat(60)}`));
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  await Promise.all(sent);
  await test.store.close();
  const bytes = writtenBytes() - before;
  await test[Symbol.asyncDispose]();
  return bytes / MESSAGES;
}

/** Bytes written to the disk per message of about 110 bytes, 50 messages a second. */
export async function benchWear(): Promise<BenchRow[]> {
  const limit = bodyOf("data", `message 100 of about the usual length: ${"x".repeat(60)}`).length + 60;
  const rows: BenchRow[] = [];
  for (const intervalMs of [0, 1000, 10_000]) {
    const value = await bytesPerMessage(intervalMs);
    const name = `written per message, commit_interval_ms ${intervalMs}`;
    rows.push({ name, value, unit: "bytes", limit, limitName: "its line" });
  }
  return rows;
}
