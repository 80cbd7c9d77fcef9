// Runs in: benchmarks.
import mqtt from "../../src/backends/mqtt.ts";
import { keepDelivering } from "../../src/runtime/keep_delivering.ts";
import { RECONNECT_TIMING } from "../../src/runtime/reconnect.ts";
import { StoreDoor } from "../../src/runtime/store_door.ts";
import { createLogger } from "../../src/shared/logger.ts";
import { pause } from "../../src/shared/time.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { FACTS } from "../support/run_backend.ts";
import { until } from "../support/until.ts";
import { type BenchRow, printLine } from "./row.ts";

const AGENTS = 1000;
/** A connection counts as a good one after a minute; nobody wants to wait for that here. */
const TIMING = { ...RECONNECT_TIMING, stableMs: 5000 };
/** How long the server is away, in seconds: a quick restart, and one of the machine. */
const OUTAGES = [1, 30];
const BAR_SECONDS = 2;

/** The sessions of a fleet, without workers around them, against one broker that is restarted. */
export async function benchFleet(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const outageSeconds of OUTAGES) rows.push(...await restart(outageSeconds));
  return rows;
}

async function restart(outageSeconds: number): Promise<BenchRow[]> {
  await using broker = await startMosquitto({ isQuiet: true });
  const stopping = new AbortController();
  let connected = 0;
  let connectsMs: number[] = [];
  const agents = Array.from({ length: AGENTS }, async (_, index) => {
    await pause(index * 5);
    await runSession(index, broker.port, stopping.signal, (isConnected) => {
      connected += isConnected ? 1 : -1;
      if (isConnected) connectsMs.push(performance.now());
    });
  });
  await until("the fleet is connected", () => connected === AGENTS, 60_000);
  await pause(TIMING.stableMs + 1000);
  await broker.kill("SIGTERM");
  await until("the fleet has noticed", () => connected <= 0, 10_000);
  await pause(outageSeconds * 1000);
  connectsMs = [];
  await broker.start();
  const upMs = performance.now();
  await until("the fleet is back", () => connected === AGENTS, 600_000);
  stopping.abort();
  await Promise.all(agents);
  return describe(connectsMs.map((ms) => (ms - upMs) / 1000), outageSeconds);
}

/** @param connects Seconds after the server was back. */
function describe(connects: number[], outageSeconds: number): BenchRow[] {
  const perSecond = new Map<number, number>();
  for (const second of connects.map(Math.floor)) perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
  const lastSecond = Math.max(...perSecond.keys());
  printLine(`  connects after an outage of ${outageSeconds} s, one bar for ${BAR_SECONDS} s:`);
  for (let from = 0; from <= lastSecond; from += BAR_SECONDS) {
    const count = connects.filter((second) => second >= from && second < from + BAR_SECONDS).length;
    printLine(
      `  ${String(from).padStart(4)} s ${String(count).padStart(4)} ${"█".repeat(Math.ceil(count / 4))}`,
    );
  }
  const peak = 100 * Math.max(...perSecond.values()) / AGENTS;
  return [
    {
      name: `${AGENTS} agents after an outage of ${outageSeconds} s: most connects in one second`,
      value: peak,
      unit: "% of the fleet",
      goal: "≤ 5 %",
      met: peak <= 5,
    },
    { name: "the same: until all are back", value: Math.max(...connects), unit: "s" },
  ];
}

async function runSession(
  index: number,
  port: number,
  stopping: AbortSignal,
  onChange: (isConnected: boolean) => void,
): Promise<void> {
  const backend = mqtt;
  const facts = { ...FACTS, systemIdentifier: `node-${index}` };
  const config = backend.config.parse({ max_drain_seconds: 0, mqtt_connection: { host: "127.0.0.1", port } });
  const logger = createLogger("fleet", () => {});
  const inbox = {
    heard() {},
    garbage() {},
    call: () => Promise.resolve(null),
    keep() {},
    offered() {},
    reported() {},
  };
  let was = false;
  await keepDelivering({
    driver: backend.open({ config, name: "mqtt", facts, addresses: {}, logger, inbox }),
    door: new StoreDoor(), // without a store: nothing is ever leased
    logger,
    stopping,
    maxDrainMs: 0,
    onConnection({ isConnected }) {
      if (isConnected !== was) onChange(isConnected);
      was = isConnected;
    },
    timing: TIMING,
  });
}
