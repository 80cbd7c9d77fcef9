// Runs in: tests.
import { assertEquals, assertMatch } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { checkDatabase } from "../../src/agent/database_check.ts";
import { shippedParts } from "../../src/agent/parts.ts";
import { StoreHost, type StoreHostOptions } from "../../src/agent/store_host.ts";
import { createLogger } from "../../src/shared/logger.ts";
import { Supervisor } from "../../src/agent/supervisor.ts";
import type { BackendToStore, FromAnyWorker, LogEntry, StoreToBackend } from "../../src/shared/protocol.ts";
import { databasePath } from "../../src/store/database.ts";
import { withLimit } from "../../src/shared/time.ts";
import { TestStore } from "../support/test_store.ts";
import { until } from "../support/until.ts";

/** More than is checked before the store is used, which is 8 MB. */
const COUNT = 10_000;
const TEXT = "x".repeat(1000);

Deno.test("a large database is checked while the store works; a damaged one is rebuilt, and nothing is missing", async () => {
  await using test = await new TestStore({ backends: ["far"] }).open();
  for (let sent = 0; sent < COUNT; sent += 1000) {
    await test.send("data", ...Array.from({ length: 1000 }, (_, index) => `${sent + index} ${TEXT}`));
  }
  await test.store.close();
  await damage(test.directory);
  const log: LogEntry[] = [];
  let restarts = 0;
  const host = hostOf(test.directory, log, () => restarts++);
  await host.start();
  try {
    await until(
      "the store to be replaced",
      () => restarts === 1 && host.status().state === "running",
      30_000,
    );
    const said = log.map(({ subject }) => subject).join("\n");
    assertMatch(said, /the outbox database is damaged \(.+\); it is rebuilt/);
    const statistics = await host.request({ kind: "statistics" });
    assertEquals(statistics?.backends["far"]?.data.waiting, COUNT);
  } finally {
    await host.stop(10_000);
  }
});

Deno.test("the check says what is damaged, nothing of a whole database, and that nobody knows when it cannot be made", async () => {
  await using test = await new TestStore({ backends: ["far"] }).open();
  await test.send("data", ...Array.from({ length: 1000 }, (_, index) => `${index} ${TEXT}`));
  await test.store.close();
  const log: LogEntry[] = [];
  const check = (path: string) =>
    checkDatabase(path, {
      module: shippedParts.checkerModule,
      directory: test.directory,
      logger: createLogger("store", (entry) => log.push(entry)),
    });
  assertEquals(await check(databasePath(test.directory)), { kind: "whole" });
  await damage(test.directory);
  assertEquals((await check(databasePath(test.directory))).kind, "damaged");
  assertEquals(log, []);
  const broken = `${test.directory}/no_database`;
  await Deno.writeTextFile(broken, "x".repeat(10_000));
  assertEquals((await check(broken)).kind, "damaged", "what SQLite does not even open");
  assertEquals((await check(`${databasePath(test.directory)}.none`)).kind, "unchecked");
  assertEquals(log.map(({ level, subject }) => [level, subject]), [
    ["WARNING", "the database could not be checked"],
  ]);
});

Deno.test("a check that could not be made is made again, and until then nobody says that all is well", async () => {
  await using test = await new TestStore({ backends: ["far"] }).open();
  for (let sent = 0; sent < COUNT; sent += 1000) {
    await test.send("data", ...Array.from({ length: 1000 }, (_, index) => `${sent + index} ${TEXT}`));
  }
  await test.store.close();
  const log: LogEntry[] = [];
  const module = join(test.directory, "checker.ts");
  await Deno.writeTextFile(module, 'throw new Error("no memory");');
  const host = hostOf(test.directory, log, () => {}, {
    checkerModule: toFileUrl(module).href,
    checkAgainMs: 1,
  });
  await host.start();
  try {
    await until("it is known that nobody knows", () => host.databaseDoubt !== null);
    assertMatch(host.databaseDoubt!, /no memory/);
    const failures = () =>
      log.filter(({ subject }) => subject === "the database could not be checked").length;
    await until("it has been tried again", () => failures() >= 3);
    assertEquals(host.status().state, "running");
  } finally {
    await host.stop(10_000);
  }
});

Deno.test("a worker of a backend that ends late detaches nobody else, and settles nothing of its successor", async () => {
  await using test = await new TestStore({ backends: ["far"] }).open();
  await test.send("data", "one", "two");
  await test.store.close();
  const host = hostOf(test.directory, [], () => {});
  await host.start();
  try {
    const old = talk(host.openBackendPort("far", 1));
    assertEquals(await old.ask({ type: "lease", maxMessages: 1, maxBytes: 1000 }), "leased 1");
    const successor = talk(host.openBackendPort("far", 2));
    host.closeBackendPort("far", 1); // too late
    assertEquals(await successor.ask({ type: "lease", maxMessages: 1, maxBytes: 1000 }), "leased 1");
    old.say({ type: "acknowledge", ids: [1] });
    assertEquals(await successor.ask({ type: "lease", maxMessages: 9, maxBytes: 1000 }), "leased 2");
    const statistics = await host.request({ kind: "statistics" });
    assertEquals(statistics?.backends["far"]?.data.acknowledged, 0);
    assertEquals(await successor.ask({ type: "acknowledge", ids: [1, 2] }), "settled 1,2");
    for (const { port } of [old, successor]) port.close();
  } finally {
    await host.stop(10_000);
  }
});

Deno.test("workers of one name, also under supervisors that were replaced, never bear the same number", async () => {
  const code =
    "setInterval(() => {}, 1000); addEventListener('message', () => postMessage({ type: 'torn_down' }));";
  const generations: number[] = [];
  for (let replaced = 0; replaced < 3; replaced++) {
    const supervisor = new Supervisor<{ type: "teardown" }, FromAnyWorker | { type: "torn_down" }>({
      name: "sensor",
      module: `data:application/javascript,${encodeURIComponent(code)}`,
      permissions: () => ({}),
      logger: createLogger("sensor", () => {}),
      onLog: () => {},
      decode: (value) => value as FromAnyWorker,
      onStart: ({ generation }) => void generations.push(generation),
      onMessage: (life) => life.end({ kind: "torn_down" }),
      onEnd: () => {},
      onUnstoppable: () => {},
    });
    supervisor.start();
    await until("a worker", () => generations.length === replaced + 1);
    assertEquals(supervisor.status().restarts, 0, "it is a supervisor's first worker");
    await supervisor.stop({ type: "teardown" }, 10_000);
  }
  assertEquals(new Set(generations).size, 3);
});

/** The backend's end of a port. */
function talk(port: MessagePort) {
  const say = (message: BackendToStore) => port.postMessage(message);
  const ask = (message: BackendToStore) => {
    const answered = new Promise<string>((resolve) => {
      port.onmessage = ({ data }: MessageEvent<StoreToBackend>) => {
        if (data.type === "leased") resolve(`leased ${data.messages.map(({ id }) => id)}`);
        if (data.type === "settled") resolve(`settled ${data.ids}`);
      };
      say(message);
    });
    return withLimit(answered, 20_000, "no answer");
  };
  return { port, say, ask };
}

/** Noise in the middle of the messages; what is read at a start is whole. */
async function damage(directory: string): Promise<void> {
  using file = await Deno.open(databasePath(directory), { read: true, write: true });
  const { size } = await file.stat();
  await file.seek(Math.floor(size / 2 / 4096) * 4096, Deno.SeekMode.Start);
  await file.write(crypto.getRandomValues(new Uint8Array(4096)));
}

function hostOf(
  directory: string,
  log: LogEntry[],
  onRestarted: () => void,
  changes: Partial<StoreHostOptions> = {},
): StoreHost {
  return new StoreHost({
    module: shippedParts.storeModule,
    checkerModule: shippedParts.checkerModule,
    directory,
    runId: "test",
    settings: new TestStore({ directory }).options().settings,
    backends: ["far"],
    logger: createLogger("store", (entry) => log.push(entry)),
    onLog: (entry) => log.push(entry),
    onStored: undefined,
    onRestarted,
    onUnstoppable: () => {},
    clockDoubt: () => Promise.resolve(undefined),
    onInvalidMessage: () => {},
    ...changes,
  });
}
