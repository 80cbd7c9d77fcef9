// Runs in: tests.
import { assertEquals, assertStringIncludes } from "@std/assert";
import http from "../../src/backends/http.ts";
import { exampleMessage, testBackend } from "../support/backend_suite.ts";
import { createFakeStore } from "../support/fake_store.ts";
import { freePort } from "../support/free_port.ts";
import { startRestServer } from "../support/rest_server.ts";
import { runBackend } from "../support/run_backend.ts";
import { until } from "../support/until.ts";

testBackend("HTTP", {
  backend: http,
  startServer: ({ maxBytes = 2_000_000 } = {}) => Promise.resolve(startRestServer({ maxBytes })),
  window: 1,
  expected(id, timestamp) {
    const line = (variant: "data" | "log" | "config") => ({
      id,
      timestamp,
      message_body: exampleMessage(variant, id),
    });
    return { data: line("data"), log: line("log"), config: line("config") };
  },
});

/** A server with one answer for every POST. */
function startServer(answer: (request: Request) => Response | Promise<Response>) {
  const requests: { method: string; headers: Record<string, string> }[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    requests.push({ method: request.method, headers: Object.fromEntries(request.headers) });
    return answer(request);
  });
  return {
    requests,
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("HTTP: system, store and token travel as headers", async () => {
  await using server = startServer(() => new Response(null, { status: 200 }));
  const store = createFakeStore();
  const settings = { url: server.url, access_token: "token-1" };
  await using running = runBackend(http, { store, settings });
  await running.connected();
  store.add([exampleMessage("data", 1)]);
  await until("it is there", () => store.acknowledged.length === 1);
  const { headers } = server.requests.find(({ method }) => method === "POST")!;
  assertEquals(
    ["ivy-system", "ivy-store", "authorization", "content-type"].map((name) => headers[name]),
    [
      "test-system-1",
      "store-a",
      "Bearer token-1",
      "application/json",
    ],
  );
});

Deno.test("HTTP: a configuration is fetched again only when its ETag has changed", async () => {
  let revision = 1;
  let bodies = 0;
  await using server = startServer((request) => {
    const etag = `"${revision}"`;
    if (request.method !== "GET") return new Response(null, { status: 204 });
    if (request.headers.get("if-none-match") === etag) return new Response(null, { status: 304 });
    bodies++;
    return Response.json({ general: { config_revision: revision } }, { headers: { etag } });
  });
  const settings = { url: server.url, configuration_url: server.url, seconds_between_configurations: 1 };
  await using running = runBackend(http, { store: createFakeStore(), settings });
  await until(
    "it has asked twice",
    () => server.requests.filter(({ method }) => method === "GET").length >= 2,
  );
  assertEquals([bodies, running.configurations.length], [1, 1]);
  revision = 2;
  await until("the new one is there", () => running.configurations.length === 2);
  assertEquals(bodies, 2);
});

for (const status of [401, 403, 404, 429, 500, 503]) {
  Deno.test(`HTTP: after ${status} nothing is parked; it is sent again, with pauses`, async () => {
    let answers = 0;
    await using server = startServer((request) => {
      if (request.method === "POST") answers++;
      return new Response(null, { status: answers > 1 || request.method !== "POST" ? 204 : status });
    });
    const store = createFakeStore();
    await using running = runBackend(http, { store, settings: { url: server.url } });
    const ids = store.add([exampleMessage("data", 1), exampleMessage("data", 2)]);
    await until("all are there", () => store.acknowledged.length === 2);
    assertEquals([store.acknowledged, store.parked], [ids, []]);
    assertEquals(running.log.filter(({ level }) => level === "WARNING").length, 1);
  });
}

Deno.test("HTTP: the token does not follow a redirect", async () => {
  await using thief = startServer(() => new Response(null, { status: 204 }));
  await using server = startServer(() =>
    new Response(null, { status: 307, headers: { location: thief.url } })
  );
  const store = createFakeStore();
  store.add([exampleMessage("data", 1)]);
  const settings = { url: server.url, access_token: "token-1" };
  await using running = runBackend(http, { store, settings });
  await until("it has tried", () => running.connections.length >= 2);
  assertEquals([thief.requests.length, store.acknowledged], [0, []]);
});

Deno.test("HTTP: with nobody at configuration_url every message goes, once, and one line names the address", async () => {
  const getFailed = Promise.withResolvers<void>();
  await using server = startServer(async ({ method }) => {
    if (method === "POST") await getFailed.promise;
    return new Response(null, { status: 204 });
  });
  const store = createFakeStore();
  const ids = store.add(Array.from({ length: 20 }, (_, index) => exampleMessage("data", index + 1)));
  const configuration_url = `http://127.0.0.1:${freePort()}/configuration`;
  const settings = {
    url: server.url,
    configuration_url,
    max_batch_messages: 5,
    seconds_between_configurations: 1,
  };
  await using running = runBackend(http, { store, settings });
  await until(
    "the GET has failed",
    () => running.log.some(({ subject }) => subject.includes(configuration_url)),
  );
  getFailed.resolve();
  await until("all are there", () => store.acknowledged.length === 20);
  assertEquals(store.acknowledged, ids);
  assertEquals(server.requests.filter(({ method }) => method === "POST").length, 4);
  const lines = running.log.filter(({ level }) => level === "WARNING").map(({ subject }) => subject);
  assertEquals(lines.length, 1);
  assertStringIncludes(lines[0]!, `the configuration from ${configuration_url} does not work`);
  assertEquals(running.connections.length, 1);
});

Deno.test("HTTP: a configuration is got although nobody takes messages, so that a wrong url can be put right", async () => {
  await using server = startServer(() => Response.json({ general: { config_revision: 3 } }));
  const settings = { url: `http://127.0.0.1:${freePort()}/messages`, configuration_url: server.url };
  await using running = runBackend(http, { store: createFakeStore(), settings });
  await until("it is there", () => running.configurations.length > 0);
  assertEquals(running.isConnected, false);
});

Deno.test("HTTP: a configuration without end does not fill the memory", async () => {
  await using server = startServer(({ method }) => {
    if (method !== "GET") return new Response(null, { status: 204 });
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) });
    return new Response(endless);
  });
  const settings = { url: server.url, configuration_url: server.url };
  await using running = runBackend(http, { store: createFakeStore(), settings });
  await until("it is given up", () => running.log.some(({ subject }) => /more than \d+ bytes/.test(subject)));
});
