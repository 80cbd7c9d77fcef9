// Runs in: tests.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { PageNode, withOpenFiles } from "../support/page_node.ts";
import { misbehavingIvy } from "../support/program.ts";
import { request } from "../support/raw_http.ts";
import { assertNoIdMissing, assertSteady, beatsOf } from "../support/steady.ts";
import { until } from "../support/until.ts";

const program = await misbehavingIvy();
const TOKEN = "tRee-frog-99-in-the-pond";
const BEARER = { authorization: `Bearer ${TOKEN}` };
/** A service manager's usual limit is four times as high. */
const OPEN_FILES = 256;

const form = (page: PageNode, token: string, origin = page.url) =>
  request("/login", {
    method: "POST",
    body: `token=${encodeURIComponent(token)}`,
    head: { host: `127.0.0.1:${page.port}`, origin },
  });

Deno.test("strangers are refused at every door of the page, and the node measures on", async (t) => {
  await using page = await PageNode.start({
    program: withOpenFiles(OPEN_FILES, program),
    procedures: { metronome: { seconds: 1 } },
    token: { env: "PAGE_TOKEN" },
    env: { PAGE_TOKEN: TOKEN },
    covered: true,
  });
  const statusOf = async (text: string) => (await page.send(text)).status;
  const login = await page.send(form(page, TOKEN));
  const cookie = login.headers.get("set-cookie")!.split(";")[0]!;
  const status = request("/api/v1/status", { head: { cookie } });

  await t.step("the right token opens it, from the environment", async () => {
    assertEquals([login.status, await statusOf(status)], [303, 200]);
    assertEquals(await statusOf(request("/api/v1/status", { head: BEARER })), 200);
  });

  await t.step("no token", async () => {
    const index = await page.send(request("/"));
    assertEquals([index.status, index.headers.get("location"), index.body], [303, "/login", ""]);
    for (const path of ["/api/v1/status", "/api/v1/events", "/api/v1/config", "/metrics"]) {
      assertEquals(await statusOf(request(path)), 401, path);
    }
    assertEquals(await statusOf(request("/healthz")), 200);
  });

  await t.step("cross-site forms, even with the right token", async () => {
    assertEquals(await statusOf(form(page, TOKEN, "https://evil.example")), 403);
    assertEquals(await statusOf(form(page, TOKEN, "null")), 403);
  });

  await t.step("a foreign Host", async () => {
    const head = { ...BEARER, host: "evil.example" };
    assertEquals(await statusOf(request("/api/v1/status", { head })), 421);
  });

  await t.step("paths that climb", async () => {
    for (const path of ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/vendor/../../../etc/passwd"]) {
      const answer = await page.send(request(path, { head: BEARER }));
      assertEquals([answer.status, answer.body.includes("root:")], [404, false]);
    }
  });

  await t.step("everything but reading", async () => {
    for (const method of ["POST", "PUT", "DELETE"]) {
      assertEquals(await statusOf(request("/api/v1/config", { method, head: BEARER })), 405);
    }
  });

  await t.step("wrong tokens: brute force by fifty hands at once gets no further than a few", async () => {
    const told = async (token: string) => (await page.send(form(page, token))).headers.get("location");
    const guesses = await Promise.all(Array.from({ length: 50 }, (_, guess) => told(`guess-${guess}`)));
    assertEquals(new Set(guesses), new Set(["/login?failed=1", "/login?wait=5"]));
    assert(guesses.filter((found) => found === "/login?failed=1").length < 15, guesses.join(" "));
    assertEquals(await statusOf(request("/api/v1/status", { head: { authorization: "Bearer guess" } })), 429);
    assertEquals(await told(TOKEN), "/", "the right token is let in, whatever others try");
    assertEquals(await statusOf(request("/api/v1/status", { head: BEARER })), 200);
    assertEquals(await statusOf(status), 200, "who is logged in notices nothing");
  });

  await t.step("10,000 connections: the page answers on, and file descriptors are left", async () => {
    for (let wave = 0; wave < 10; wave++) {
      const crowd = await Promise.all(Array.from({ length: 1000 }, () => page.connect()));
      assertEquals(await statusOf(status), 200, `wave ${wave}`);
      assert(page.openFiles < OPEN_FILES - 50, `${page.openFiles} files are open`);
      for (const conn of crowd) conn.close();
    }
  });

  await t.step("slow-loris: 300 requests that dribble are cut off, and hold nobody up", async () => {
    const slow = await Promise.all(Array.from({ length: 300 }, () => page.connect()));
    const start = new TextEncoder().encode("GET / HTTP/1.1\r\nhost: localhost\r\nx: ");
    for (const conn of slow) void conn.write(start).catch(() => {});
    for (let look = 0; look < 20; look++) {
      for (const conn of slow) void conn.write(new Uint8Array([120])).catch(() => {});
      assertEquals(await statusOf(status), 200);
    }
    const over = await Promise.all(slow.map((conn) => conn.read(new Uint8Array(10)).catch(() => null)));
    assertEquals(over, Array(300).fill(null));
    slow.forEach((conn) => conn.close());
  });

  await t.step("readers that take nothing: the log's stream is not kept for them", async () => {
    const readers = await Promise.all(Array.from({ length: 20 }, async () => {
      const conn = await page.connect();
      await conn.write(new TextEncoder().encode(request("/api/v1/events", { head: { cookie } })));
      return conn;
    }));
    assertEquals(await statusOf(status), 200);
    readers.forEach((conn) => conn.close());
  });

  await t.step("charts of thousands of keys, by many at once", async () => {
    const keys = "beat,".repeat(2400); // a head may have 16 kB
    const different = Array.from({ length: 2000 }, (_, index) => `k${index}`).join(",");
    const asking = Array.from(
      { length: 75 },
      (_, index) =>
        statusOf(
          request(`/api/v1/series?points=1440&keys=${index % 2 === 0 ? keys : different}`, {
            head: { cookie },
          }),
        ),
    );
    const statuses = await Promise.all(asking);
    assert(statuses.every((status) => [200, 400, 503].includes(status)), `${statuses}`);
    assert(statuses.includes(200) && statuses.includes(400), `${statuses}`);
    assertEquals((await page.node.status()).store.restarts, 0);
  });

  await t.step("all the while it has measured", async () => {
    const beats = beatsOf(page.node.messages()).length;
    await until("it beats on", () => beatsOf(page.node.messages()).length > beats);
    const { verdict, procedures } = await page.node.status();
    assertEquals([verdict.text, procedures["metronome"]!.restarts], ["Well: 1 procedure measuring", 0]);
    assertSteady(beatsOf(page.node.messages()), 5);
    assertNoIdMissing(page.node.messages());
    assert(!/EXCEPTION|ERROR/.test(page.agent.log.text), page.agent.log.text);
  });

  await t.step("the token stands nowhere", async () => {
    const config = await page.send(request("/api/v1/config", { head: { cookie } }));
    assertStringIncludes(config.body, '"token":"•••"');
    for (const text of [config.body, page.agent.log.text, page.node.logText()]) assert(!text.includes(TOKEN));
  });
});
