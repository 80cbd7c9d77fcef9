// Runs in: tests.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { revisionsOf } from "../../../src/agent/page/agent_source.ts";
import { pause } from "../../../src/shared/time.ts";
import { EventStream } from "../../support/event_stream.ts";
import { FakePage } from "../../support/fake_page.ts";
import { fakeStatus, fakeWorker } from "../../support/fake_status.ts";
import { until } from "../../support/until.ts";

const get = async (page: FakePage, path: string) => {
  const response = await fetch(page.url + path);
  return { status: response.status, body: await response.json().catch(() => null) };
};

Deno.test("health: 200 when the node is well, else 503 and why, in words of our own", async () => {
  await using page = new FakePage({ token: "abc-123" });
  assertEquals(await get(page, "/healthz"), { status: 200, body: { well: true, reasons: [] } });
  const error = { time_ms: 0, message: "login with hunter22 refused by 10.0.0.1" };
  page.source.shown = fakeStatus({
    procedures: { walk: fakeWorker({ state: "backoff", last_error: error }) },
    config_damage: "/home/ivy/config.json is cut off",
  });
  const { looks } = page.source;
  for (let at = 0; at < 20; at++) await get(page, "/healthz");
  assert(page.source.looks <= looks + 1, "strangers keep the node busy");
  await until("it is not well", async () => (await get(page, "/healthz")).status === 503);
  assertEquals((await get(page, "/healthz")).body.reasons, [
    "the configuration is damaged and the last one that ran is used",
    "walk is waiting to be started again",
  ]);
});

Deno.test("series: what is asked for and what comes back", async () => {
  await using page = new FakePage();
  assertEquals(
    page.source.asked.splice(0).map(({ keys }) => keys),
    [[]],
    "the store gets ready before anybody asks",
  );
  assertEquals((await get(page, "/api/v1/series?keys=co2,t%20out&from_ms=5&to_ms=9.5&points=100")).body, {
    from_ms: 60_000,
    bucket_ms: 60_000,
    keys: { co2: { mean: [400, null], min: [390, null], max: [410, null] } },
    keys_left_out: 0,
  });
  await get(page, "/api/v1/series?keys=a&keys=b");
  await get(page, "/api/v1/series?keys=&points=");
  const all = { keys: null, fromMs: null, toMs: null, points: null };
  assertEquals(page.source.asked, [
    { keys: ["co2", "t out"], fromMs: 5, toMs: 9.5, points: 100 },
    { ...all, keys: ["a", "b"] },
    all,
  ]);
  for (const query of ["points=many", "from_ms=-1", "to_ms=1e9", "points=0x10"]) {
    assertEquals((await get(page, `/api/v1/series?${query}`)).status, 400, query);
  }
  page.source.answer = undefined;
  assertEquals((await get(page, "/api/v1/series")).status, 503);
});

Deno.test("series: a key counts once, more than 50 are refused", async () => {
  await using page = new FakePage();
  page.source.asked.splice(0);
  await get(page, `/api/v1/series?keys=${"a,b,".repeat(500)}`);
  assertEquals(page.source.asked.map(({ keys }) => keys), [["a", "b"]]);
  const many = Array.from({ length: 51 }, (_, index) => `k${index}`);
  assertEquals((await get(page, `/api/v1/series?keys=${many.slice(0, 50)}`)).status, 200);
  assertEquals((await get(page, `/api/v1/series?keys=${many}`)).status, 400);
});

Deno.test("series: one is answered at a time, and of a crowd only some wait", async () => {
  await using page = new FakePage();
  const answering = page.source.series.bind(page.source);
  let atOnce = 0;
  let most = 0;
  const free = Promise.withResolvers<void>();
  page.source.series = async (query) => {
    most = Math.max(most, ++atOnce);
    await free.promise;
    atOnce--;
    return await answering(query);
  };
  const crowd = Array.from({ length: 40 }, () => get(page, "/api/v1/series"));
  const refused = crowd.map(async (answer) => (await answer).status === 503);
  await Promise.race(refused);
  free.resolve();
  const statuses = await Promise.all(crowd.map(async (answer) => (await answer).status));
  assertEquals(most, 1);
  assertEquals(statuses.filter((status) => status === 200).length, 16);
  assertEquals(statuses.filter((status) => status === 503).length, 24);
});

Deno.test("logs: by level, origin and text, the newest, oldest first", async () => {
  await using page = new FakePage();
  page.source.log({ level: "DEBUG", subject: "one" });
  page.source.log({ level: "WARNING", origin: "valve", subject: "two", details: "it is Stuck" });
  page.source.log({ level: "EXCEPTION", subject: "three" });
  const subjects = async (query: string) =>
    (await get(page, `/api/v1/logs?${query}`)).body.entries.map(({ subject }: { subject: string }) =>
      subject
    );
  assertEquals(await subjects(""), ["one", "two", "three"]);
  assertEquals(await subjects("level=WARNING"), ["two", "three"]);
  assertEquals(await subjects("level=error"), ["three"]);
  assertEquals(await subjects("origin=valve"), ["two"]);
  assertEquals(await subjects("text=STUCK"), ["two"]);
  assertEquals(await subjects("limit=2"), ["two", "three"]);
  assertEquals((await get(page, "/api/v1/logs?level=loud")).status, 400);
});

Deno.test("logs: what came before the page is read from the daily files", async () => {
  await using page = new FakePage();
  const line = (time: string, text: string) => `${time} INFO      walk  ${text}\n`;
  Deno.writeTextFileSync(join(page.logFolder, "2026-11-20.log"), line("2026-11-20T23:59:59.000Z", "first"));
  Deno.writeTextFileSync(
    join(page.logFolder, "2026-11-21.log"),
    `    the end of a line that is cut off\n${line("2026-11-21T00:00:01.000Z", "second")}` +
      `    details: 1\n      more\n${line("2999-01-01T00:00:00.000Z", "not yet")}`,
  );
  Deno.writeTextFileSync(join(page.logFolder, "notes.txt"), "nothing");
  page.source.log({ subject: "third", timeMs: Date.UTC(2026, 10, 22) });
  const { entries } = (await get(page, "/api/v1/logs")).body;
  assertEquals(entries.map(({ id: _, ...entry }: { id: string }) => entry), [
    {
      time_ms: Date.UTC(2026, 10, 20, 23, 59, 59),
      level: "INFO",
      origin: "walk",
      subject: "first",
      details: "",
    },
    {
      time_ms: Date.UTC(2026, 10, 21, 0, 0, 1),
      level: "INFO",
      origin: "walk",
      subject: "second",
      details: "details: 1\n  more",
    },
    { time_ms: Date.UTC(2026, 10, 22), level: "INFO", origin: "walk", subject: "third", details: "" },
  ]);
  assertEquals(entries.map(({ id }: { id: string | null }) => id === null), [true, true, false]);
  assertEquals((await get(page, "/api/v1/logs?limit=1")).body.entries.length, 1);
});

Deno.test("revisions: the one in use, then what became of others, newest first", () => {
  const history = {
    accepted: [{ revision: 2, timeMs: 20 }, { revision: 5, timeMs: 50 }],
    rejected: [{ revision: 3, reason: "broken", isReported: true }, {
      revision: 4,
      reason: "no",
      isReported: true,
      timeMs: 40,
    }],
  };
  assertEquals(revisionsOf(5, 51, history), [
    { revision: 5, status: "current", reason: null, time_ms: 51 },
    { revision: 4, status: "rejected", reason: "no", time_ms: 40 },
    { revision: 3, status: "rejected", reason: "broken", time_ms: null },
    { revision: 2, status: "accepted", reason: null, time_ms: 20 },
  ]);
});

Deno.test("no secret reaches the page, wherever it stands; numbers stay numbers", async () => {
  await using page = new FakePage();
  const { source } = page;
  source.secrets = ["hunter22", 'with "quotes" \\', "7200", "1795"];
  source.shown = fakeStatus({
    config_damage: "hunter22",
    update: "fetching with hunter22",
    procedures: { hunter22: fakeWorker({ last_error: { time_ms: 0, message: 'with "quotes" \\ inside' } }) },
  });
  source.fields = { note: JSON.stringify({ "hunter22": 'with "quotes" \\' }), seconds: "7200" };
  source.configuration = {
    config: { note: "hunter22" },
    revisions: [{ revision: 1, status: "rejected", reason: "hunter22 is wrong", time_ms: 1 }],
  };
  source.answer = {
    fromMs: 0,
    bucketMs: 60_000,
    keys: { hunter22: { mean: [7200], min: [], max: [] } },
    leftOut: 0,
  };
  source.log({ subject: "hunter22", details: 'with "quotes" \\', origin: "hunter22" });
  const shown: string[] = [];
  for (
    const path of [
      "/healthz",
      "/metrics",
      ...["status", "series", "logs", "state", "config"].map((n) => `/api/v1/${n}`),
    ]
  ) {
    shown.push(await (await fetch(page.url + path)).text());
  }
  await using stream = new EventStream(`${page.url}/api/v1/events?last_event_id=other-1`);
  await stream.until("log");
  for (const tell of source.pointWatchers) tell({ timeMs: 0, values: { hunter22: 7200 } });
  await stream.until("points");
  for (const text of [...shown, JSON.stringify(stream.events)]) {
    assert(!text.includes("hunter22") && !text.includes("quotes"), text);
  }
  assertStringIncludes(shown.join(""), "•••");
  assertStringIncludes(shown[1]!, "\nprocess_start_time_seconds 1795341600\n");
  assertEquals((await get(page, "/api/v1/state")).body.seconds, 7200);
  assertEquals(stream.of("points")[0]!.data.values, { "•••": 7200 });
});

Deno.test("large answers come compressed to those who can read it", async () => {
  await using page = new FakePage();
  page.source.answer!.keys["co2"]!.mean = Array(5000).fill(null);
  const response = await fetch(`${page.url}/api/v1/series`);
  assertEquals(response.headers.get("content-encoding"), "gzip");
  assertEquals((await response.json()).keys.co2.mean.length, 5000);
});

Deno.test("a port that is taken is said once and tried again quietly", async () => {
  const blocker = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = blocker.addr;
  const { listen } = Deno;
  let tries = 0;
  using _counted = {
    [Symbol.dispose]: () => void (Deno.listen = listen),
  };
  Deno.listen = ((options: Deno.TcpListenOptions) => {
    tries++;
    return listen(options);
  }) as typeof Deno.listen;
  await using page = new FakePage({ port, retryMs: 20 });
  await until("it was tried a few times", () => tries >= 3);
  assertEquals(page.log.map(({ level }) => level), ["WARNING"]);
  assertStringIncludes(page.log[0]!.subject, `127.0.0.1 port ${port}: `);
  blocker.close();
  await until("it is served", () => page.page.port === port);
  assertEquals((await get(page, "/healthz")).status, 200);
  assertEquals(page.log.map(({ level }) => level), ["WARNING", "INFO"]);
});

Deno.test("a page that is stopped while its port is taken does not come back", async () => {
  const blocker = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const page = new FakePage({ port: blocker.addr.port, retryMs: 20 });
  await page.page.stop();
  blocker.close();
  await pause(60); // three times as long as it would take: only time shows that it does not
  assertEquals(page.page.port, undefined);
  await page[Symbol.asyncDispose]();
});
