// Runs in: tests.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { EventStream } from "../../support/event_stream.ts";
import { FakePage } from "../../support/fake_page.ts";
import { fakeStatus, fakeWorker } from "../../support/fake_status.ts";
import { readAll, request, sendRaw } from "../../support/raw_http.ts";
import { pause } from "../../../src/shared/time.ts";
import { until } from "../../support/until.ts";
import { withLimit } from "../../../src/shared/time.ts";

const open = (page: FakePage, query = "", headers = {}) =>
  new EventStream(`${page.url}/api/v1/events${query}`, headers);

Deno.test("events: status and state at once, then what changes", async () => {
  await using page = new FakePage();
  await using stream = open(page);
  assertEquals(await stream.until("status"), page.source.shown);
  assertEquals(await stream.until("state"), { valve: "open", system: { load: 1 } });
  page.source.changeState({ valve: '"closed"' });
  assertEquals(await stream.until("state", 2), { valve: "closed" });
  for (const tell of page.source.pointWatchers) tell({ timeMs: 5, values: { co2: 400.5 } });
  assertEquals(await stream.until("points"), { time_ms: 5, values: { co2: 400.5 } });
  page.source.log({ subject: "it rains", timeMs: 7 });
  const { id, ...entry } = await stream.until("log");
  assertEquals(entry, { time_ms: 7, level: "INFO", origin: "walk", subject: "it rains", details: "" });
  assertEquals(stream.of("log")[0]!.id, id);
});

const QUICK = { statusMs: 50, stateMs: 10, heartbeatMs: 100 };

Deno.test("events: a status that has changed comes soon, one that only ages does not", async () => {
  await using page = new FakePage({ pace: QUICK });
  await using stream = open(page);
  await stream.until("status", 2); // the first look of all
  const aged = fakeStatus({
    uptime_seconds: 7210,
    rss_bytes: 151e6,
    clock: { time_ms: 1, is_trusted: true },
  });
  page.source.shown = { ...aged, verdict: { ...aged.verdict, text: "Well: sent 8 s ago" } };
  const { looks } = page.source;
  await until("two more looks", () => page.source.looks >= looks + 2);
  assertEquals(stream.of("status").length, 2);
  page.source.shown = fakeStatus({ procedures: { walk: fakeWorker({ state: "backoff" }) } });
  const { verdict } = await stream.until("status", 3);
  assertEquals(verdict.well, false);
  assert(stream.comments > 0, "no heartbeat");
});

Deno.test("events: a status that stays the same is told now and then", async () => {
  await using page = new FakePage({ pace: { ...QUICK, unchangedStatusMs: 100 } });
  await using stream = open(page);
  await stream.until("status", 4);
});

Deno.test("events: a stream that was cut off goes on where it was", async () => {
  await using page = new FakePage();
  for (const subject of ["one", "two", "three"]) page.source.log({ subject });
  const subjects = async (query: string, headers: Record<string, string> = {}) => {
    await using stream = open(page, query, headers);
    await stream.until("state");
    await until("it is told of new entries", () => {
      page.source.log({ subject: "end" });
      return stream.of("log").some(({ data }) => data.subject === "end");
    });
    return stream.of("log").map(({ data }) => data.subject).filter((subject) => subject !== "end");
  };
  const { last_event_id: last, entries } = await (await fetch(`${page.url}/api/v1/logs`)).json();
  assertEquals(entries.map(({ subject }: { subject: string }) => subject), ["one", "two", "three"]);
  assertEquals(await subjects(""), []);
  assertEquals(await subjects("", { "last-event-id": entries[0].id }), ["two", "three"]);
  assertEquals(await subjects(`?last_event_id=${last}`), []);
  assertEquals(await subjects("", { "last-event-id": "otherrun-2" }), ["one", "two", "three"]);
  assertEquals(await subjects("", { "last-event-id": "nonsense" }), ["one", "two", "three"]);
});

Deno.test("events: the last thousand log entries are kept", async () => {
  await using page = new FakePage();
  for (let at = 0; at < 1200; at++) page.source.log({ subject: `${at}` });
  await using stream = open(page, "", { "last-event-id": "another-1" });
  const { subject } = await stream.until("log", 1000);
  assertEquals([stream.of("log")[0]!.data.subject, subject, stream.of("log").length], ["200", "1199", 1000]);
});

Deno.test("events: what is sent again is bounded, and the newest of it", async () => {
  await using page = new FakePage();
  for (let at = 0; at < 1200; at++) page.source.log({ subject: `entry ${at}`, details: "x".repeat(10_000) });
  await using stream = open(page, "", { "last-event-id": "another-1" });
  await until(
    "the newest has come",
    () => stream.of("log").some(({ data }) => data.subject === "entry 1199"),
  );
  const sizes = stream.of("log").map(({ data }) => data.details.length);
  assert(
    sizes.length < 100 && Math.max(...sizes) === 4001,
    `${sizes.length} entries of ${Math.max(...sizes)}`,
  );
});

Deno.test("events: nothing is done when nobody listens, and once for all who do", async () => {
  await using page = new FakePage({ pace: { ...QUICK, statusMs: 500 } });
  page.source.log();
  assertEquals([page.source.looks, page.source.pointWatchers.size], [0, 0]);
  {
    await using first = open(page);
    await using second = open(page);
    await Promise.all([first.until("status", 2), second.until("status", 2)]);
    assertEquals([page.source.looks, page.source.pointWatchers.size], [3, 1]); // one each, then one for both
  }
  await until("nobody watches numbers", () => {
    for (const tell of page.source.pointWatchers) tell({ timeMs: 5, values: { co2: 1 } });
    return page.source.pointWatchers.size === 0;
  });
  const { looks } = page.source;
  await pause(700); // longer than from one look to the next: only time shows that there is none
  assertEquals(page.source.looks, looks);
});

Deno.test("events: a reader that takes nothing is dropped, the others go on", async () => {
  await using page = new FakePage({ pace: QUICK, limits: { writeMs: 1000 } });
  using slow = await Deno.connect({ hostname: "127.0.0.1", port: page.port });
  await slow.write(new TextEncoder().encode(request("/api/v1/events")));
  await until("it listens", () => page.source.looks > 0);
  await using stream = open(page);
  await stream.until("state");
  for (let count = 100; count <= 5000; count += 100) {
    for (let at = 0; at < 100; at++) page.source.log({ details: "x".repeat(4000) });
    await stream.until("log", count);
  }
  const text = await readAll(slow);
  assert(text.length < 19e6, `${text.length} bytes were kept for it`); // 20 MB were sent
});

Deno.test("events: no more streams than 32", async () => {
  await using page = new FakePage();
  const streams = Array.from({ length: 32 }, () => open(page));
  await Promise.all(streams.map((stream) => stream.until("status")));
  const answer = await withLimit(sendRaw(page.port, request("/api/v1/events")), 30_000, undefined);
  assertEquals(answer?.status, 503, "a stream more was let in");
  await Promise.all(streams.map((stream) => stream[Symbol.asyncDispose]()));
});

Deno.test("events: of many streams that are asked for in the same moment no more than 32 are opened", async () => {
  await using page = new FakePage();
  const { promise: all, resolve: answer } = Promise.withResolvers<void>();
  page.source.status = () => all.then(() => page.source.shown);
  const ending = new AbortController();
  const { signal } = ending;
  const asked = Array.from({ length: 40 }, () => fetch(`${page.url}/api/v1/events`, { signal }));
  const refused = await withLimit(Promise.any(asked), 30_000, undefined); // those let in wait for the status
  assertEquals(refused?.status, 503, "all were let in");
  answer();
  const answers = await Promise.all(asked);
  assertEquals(answers.filter(({ status }) => status === 200).length, 32);
  await Promise.all(answers.map(({ body }) => body?.cancel()));
  ending.abort();
});

Deno.test("events: a field of the state that is too large is named, and the rest is shown", async () => {
  await using page = new FakePage();
  page.source.fields = { small: "1", large: JSON.stringify("x".repeat(100_000)) };
  await using stream = open(page);
  const state = await stream.until("state");
  assertEquals(state.small, 1);
  assertStringIncludes(state.large, "too large to show: 100");
});

Deno.test("events: a fault in what is shown ends the streams, is reported once, and browsers may come again", async () => {
  await using page = new FakePage();
  await using stream = open(page);
  await stream.until("state");
  page.source.changeState({ valve: "{" });
  await until("the stream is over", () => stream.isOver);
  assertEquals(page.log.filter(({ level }) => level === "EXCEPTION").length, 1);
  page.source.fields = {};
  await using again = open(page);
  await again.until("status");
});
