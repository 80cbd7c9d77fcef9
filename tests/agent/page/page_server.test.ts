// Runs in: tests.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ASSETS } from "../../../src/agent/page/assets.ts";
import { FakePage } from "../../support/fake_page.ts";
import { request, sendRaw } from "../../support/raw_http.ts";

const TOKEN = "correct horse battery";
const READ = [
  "/metrics",
  "/api/v1/status",
  "/api/v1/series",
  "/api/v1/logs",
  "/api/v1/state",
  "/api/v1/config",
  "/api/v1/events",
];
const FILES = Object.keys(ASSETS);

/** What a browser sends with a form of this page. */
const form = (page: FakePage, token: string, head: Record<string, string> = {}) =>
  request("/login", {
    method: "POST",
    body: `token=${encodeURIComponent(token)}`,
    head: {
      "host": `127.0.0.1:${page.port}`,
      "origin": page.url,
      "content-type": "application/x-www-form-urlencoded",
      ...head,
    },
  });

Deno.test("with a token: nothing of the node without it, but for health", async () => {
  await using page = new FakePage({ token: TOKEN });
  for (const path of [...READ, "/api", "/nothing"]) {
    const { status, headers, body } = await sendRaw(page.port, request(path));
    assertEquals([status, headers.get("www-authenticate")], [401, "Bearer"], path);
    assert(!body.includes("node-7"), body);
  }
  const index = await sendRaw(page.port, request("/"));
  assertEquals([index.status, index.headers.get("location")], [303, "/login"]);
  const login = await sendRaw(page.port, request("/login"));
  assertEquals(login.status, 200);
  assertStringIncludes(login.body, 'action="/login"');
  for (const path of FILES) assertEquals((await sendRaw(page.port, request(path))).status, 200, path);
  const health = await sendRaw(page.port, request("/healthz"));
  assertEquals([health.status, health.body], [200, '{"well":true,"reasons":[]}']);
  assertEquals(page.source.pointWatchers.size, 0);
});

Deno.test("with the token: machines read everything", async () => {
  await using page = new FakePage({ token: TOKEN });
  const head = { authorization: `Bearer ${encodeURIComponent(TOKEN)}` };
  assertEquals((await sendRaw(page.port, request("/api/v1/status", { head }))).status, 401); // not encoded
  await using plain = new FakePage({ token: "abc-123" });
  for (const path of READ.filter((path) => !path.endsWith("events"))) {
    const answer = await sendRaw(plain.port, request(path, { head: { authorization: "Bearer abc-123" } }));
    assertEquals(answer.status, 200, path);
  }
});

Deno.test("people log in with a form and log out again", async () => {
  await using page = new FakePage({ token: TOKEN });
  const wrong = await sendRaw(page.port, form(page, "wrong"));
  assertEquals([wrong.headers.get("location"), wrong.headers.has("set-cookie")], ["/login?failed=1", false]);
  const right = await sendRaw(page.port, form(page, TOKEN));
  assertEquals([right.status, right.headers.get("location")], [303, "/"]);
  const setCookie = right.headers.get("set-cookie")!;
  assertMatch(setCookie, /; HttpOnly; SameSite=Strict$/);
  const cookie = setCookie.split(";")[0]!;
  const index = await sendRaw(page.port, request("/", { head: { cookie } }));
  assertEquals(index.status, 200);
  assertStringIncludes(index.body, 'src="/app.js"');
  assertEquals((await sendRaw(page.port, request("/api/v1/status", { head: { cookie } }))).status, 200);
  const out = await sendRaw(
    page.port,
    request("/logout", {
      method: "POST",
      head: { host: `127.0.0.1:${page.port}`, origin: page.url, cookie },
    }),
  );
  assertEquals(out.status, 303);
  assertMatch(out.headers.get("set-cookie")!, /^ivy_node-7=; .*Max-Age=0/);
});

Deno.test("brute force: after ten wrong tokens none is looked at, whichever door it comes by", async () => {
  await using page = new FakePage({ token: "abc-123" });
  const { headers } = await sendRaw(page.port, form(page, "abc-123"));
  const cookie = headers.get("set-cookie")!.split(";")[0]!;
  const outcomes: string[] = [];
  for (let guess = 0; guess < 30; guess++) {
    const head = { authorization: `Bearer guess-${guess}` };
    const text = guess % 2 === 0 ? form(page, `guess-${guess}`) : request("/api/v1/status", { head });
    const { status, headers } = await sendRaw(page.port, text);
    outcomes.push(headers.get("location") ?? String(status));
  }
  const looked = outcomes.filter((outcome) => ["401", "/login?failed=1"].includes(outcome));
  assert(looked.length <= 12, outcomes.join(" "));
  assertEquals(outcomes.slice(-2), ["/login?wait=5", "429"]);
  const right = await sendRaw(page.port, form(page, "abc-123"));
  assertEquals([right.headers.get("location"), right.headers.has("set-cookie")], ["/login?wait=5", false]);
  assertEquals((await sendRaw(page.port, request("/api/v1/status", { head: { cookie } }))).status, 200);
  assertEquals((await sendRaw(page.port, request("/healthz"))).status, 200);
});

const CROSS_SITE: [name: string, head: Record<string, string>][] = [
  ["another site", { origin: "https://evil.example" }],
  ["no origin", { origin: "" }],
  ["an opaque origin", { origin: "null" }],
  ["another port of this machine", { origin: "http://127.0.0.1:1" }],
];
for (const [name, head] of CROSS_SITE) {
  Deno.test(`a cross-site form is refused, even with the right token: ${name}`, async () => {
    await using page = new FakePage({ token: TOKEN });
    const { status, headers } = await sendRaw(page.port, form(page, TOKEN, head));
    assertEquals([status, headers.has("set-cookie")], [403, false]);
  });
}

Deno.test("a foreign Host is refused for everything, so no name server can make a stranger's page read this one", async () => {
  await using page = new FakePage();
  for (const path of ["/", "/healthz", ...READ, ...FILES, "/login"]) {
    const answer = await sendRaw(page.port, request(path, { head: { host: "evil.example" } }));
    assertEquals(answer.status, 421, path);
  }
  for (const host of ["localhost", "127.0.0.1:9000", "[::1]:8420"]) {
    assertEquals((await sendRaw(page.port, request("/healthz", { head: { host } }))).status, 200, host);
  }
});

Deno.test("another site's scripts, images and frames get nothing", async () => {
  await using page = new FakePage();
  for (const site of ["cross-site", "same-site"]) {
    const head = { "sec-fetch-site": site, "sec-fetch-mode": "no-cors" };
    for (const path of ["/api/v1/status", "/app.js", "/"]) {
      assertEquals((await sendRaw(page.port, request(path, { head }))).status, 403, path);
    }
  }
  const link = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
  assertEquals((await sendRaw(page.port, request("/", { head: link }))).status, 200);
  const own = { "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" };
  assertEquals((await sendRaw(page.port, request("/api/v1/status", { head: own }))).status, 200);
});

Deno.test("only reading: nothing but GET and HEAD, and POST of the two forms", async () => {
  await using page = new FakePage();
  for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]) {
    for (const path of ["/", ...READ]) {
      const { status, headers } = await sendRaw(page.port, request(path, { method }));
      assertEquals([status, headers.get("allow")], [405, "GET, HEAD"], `${method} ${path}`);
    }
  }
  assertEquals((await sendRaw(page.port, request("/logout"))).status, 405);
  const login = await sendRaw(page.port, request("/login"));
  assertEquals([login.status, login.headers.get("location")], [303, "/"], "nobody needs to log in here");
});

Deno.test("paths that climb or name what an object has lead nowhere", async () => {
  await using page = new FakePage();
  const paths = [
    "/../../etc/passwd",
    "/vendor/../../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..%2f..%2fetc%2fpasswd",
    "/vendor/%00",
    "//etc/passwd",
    "/constructor",
    "/__proto__",
    "/app.js/",
    "/APP.JS",
  ];
  for (const path of paths) {
    const { status, body } = await sendRaw(page.port, request(path));
    assertEquals([status, body.includes("root:")], [404, false], path);
  }
});

Deno.test("every answer has the headers that keep other origins out", async () => {
  await using page = new FakePage({ token: "abc-123" });
  const head = { authorization: "Bearer abc-123" };
  for (const path of ["/", "/app.js", "/healthz", "/api/v1/status", "/metrics", "/nothing", "/login"]) {
    const { headers } = await sendRaw(page.port, request(path, { head }));
    const policy = headers.get("content-security-policy") ?? "";
    assertMatch(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; /, path);
    assert(!/unsafe|https?:|\*/.test(policy), policy);
    assertEquals(headers.get("x-content-type-options"), "nosniff", path);
    assertEquals(headers.get("x-frame-options"), "DENY", path);
    assertEquals(headers.get("cross-origin-resource-policy"), "same-origin", path);
    assertEquals(headers.has("access-control-allow-origin"), false, path);
    assertEquals(
      headers.get("cache-control"),
      path === "/" || path === "/app.js" ? "no-cache" : "no-store",
      path,
    );
  }
});

Deno.test("the page names no other origin, and its files are small together", async () => {
  await using page = new FakePage();
  let size = 0;
  for (const path of ["/", ...FILES]) {
    const response = await fetch(`${page.url}${path}`);
    const text = await response.text();
    size += Number((await sendRaw(page.port, request(path, { head: { "accept-encoding": "gzip" } }))).headers
      .get("content-length"));
    assertEquals(response.headers.get("content-encoding"), "gzip", path);
    if (path === "/") assert(!/<script(?![^>]*src=)|<style|style=| on\w+=/.test(text), "something is inline");
    if (!path.startsWith("/vendor/")) assert(!/https?:\/\/(?!www\.w3\.org\/)/.test(text), path);
  }
  assert(size < 100_000, `${size} bytes`);
});

Deno.test("a file that the browser has already is not sent again", async () => {
  await using page = new FakePage();
  const first = await sendRaw(page.port, request("/vendor/uplot.js"));
  const head = { "if-none-match": first.headers.get("etag")! };
  const second = await sendRaw(page.port, request("/vendor/uplot.js", { head }));
  assertEquals([first.status, second.status, second.body], [200, 304, ""]);
  const refused = await sendRaw(
    page.port,
    request("/vendor/uplot.js", { head: { "accept-encoding": "gzip;q=0" } }),
  );
  assertEquals(refused.headers.has("content-encoding"), false);
});
