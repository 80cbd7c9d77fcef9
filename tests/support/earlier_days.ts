// Runs in: tests, in a process of its own.
import { join, toFileUrl } from "@std/path";

/**
 * Lets the sources of another commit store messages on the days before today, each day in a life of the store of its
 * own, and prints `a KEY` for each that was acknowledged.
 *
 * Usage: deno run --allow-all --config TREE/deno.json earlier_days.ts TREE DATA BACKEND…
 */
const [tree, directory, ...backends] = Deno.args;
const { openStore } = await import(toFileUrl(join(tree!, "src/store/open_store.ts")).href);

const DAYS = 2;
const PER_DAY = 40;
const DAY_MS = 86_400_000;
const logger = { debug() {}, info() {}, warning: fail, error: fail, exception: fail };

for (let daysAgo = DAYS; daysAgo > 0; daysAgo--) await liveOn(Date.now() - daysAgo * DAY_MS);

async function liveOn(nowMs: number): Promise<void> {
  const store = await openStore({
    directory,
    runId: crypto.randomUUID(),
    backends,
    settings: {
      retention_days: null,
      log_retention_days: null,
      commit_interval_ms: 0,
      min_free_mb: 0,
      max_outbox_mb: 1024,
    },
    boot: { id: "boot", uptimeMs: 0 },
    clockTrusted: true,
    isProven: true,
    logger,
    now: () => nowMs,
    monotonic: () => performance.now(),
    onStored: () => {},
    onPoints: () => {},
    onAvailable: () => {},
    onFailure: fail,
  });
  await store.settled();
  const answer = await new Promise<{ type: string; sequences: number[] }>((resolve) => {
    store.append({
      producer: { name: "sensor", generation: nowMs },
      messages: messagesOf(nowMs),
      answer: resolve,
    });
  });
  if (answer.type !== "appended") fail(answer.type);
  const lines = answer.sequences.map((sequence) => `a ${keyOf(nowMs, sequence)}\n`);
  Deno.stdout.writeSync(new TextEncoder().encode(lines.join("")));
  await store.close();
}

function messagesOf(nowMs: number) {
  return Array.from({ length: PER_DAY }, (_, index) => index + 1).map((sequence) => {
    const key = keyOf(nowMs, sequence);
    const body = sequence % 7 === 0
      ? { variant: "log", level: "INFO", subject: `key ${key}`, body: "" }
      : { variant: "data", data: { key, co2: 412.1 } };
    return { sequence, timeMs: nowMs, variant: body.variant, body: JSON.stringify(body) };
  });
}

function keyOf(nowMs: number, sequence: number): string {
  return `${new Date(nowMs).toISOString().slice(0, 10)}/${sequence}`;
}

function fail(reason: unknown): never {
  throw new Error(`the store complains: ${reason}`);
}
