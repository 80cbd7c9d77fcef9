// Runs in: tests.
import { assertEquals, assertMatch } from "@std/assert";
import { Access } from "../../../src/agent/page/access.ts";
import { AllowedHosts } from "../../../src/agent/page/allowed_hosts.ts";
import type { HttpRequest } from "../../../src/agent/page/http_request.ts";

const TOKEN = "correct-horse-battery";
const HERE = "10.0.0.9";

class Clock {
  nowMs = Date.UTC(2026, 10, 22);
  access(token: string | null = TOKEN): Access {
    return new Access({ token, name: "node-7", now: () => this.nowMs, monotonic: () => this.nowMs });
  }
}

function asked(headers: Record<string, string>): HttpRequest {
  return {
    method: "GET",
    url: new URL("http://localhost/"),
    headers: new Headers(headers),
    body: "",
    address: HERE,
  };
}

const bearer = (token: string) => asked({ authorization: `Bearer ${token}` });
const cookie = (setCookie: string) => asked({ cookie: `other=1; ${setCookie.split(";")[0]}; last=2` });

Deno.test("without a token everybody is let in", () => {
  assertEquals(new Clock().access(null).judge(asked({})), "granted");
});

Deno.test("with a token: machines send it, everybody else is kept out", () => {
  const access = new Clock().access("abc123");
  const cases: [HttpRequest, string][] = [
    [asked({}), "denied"],
    [bearer("abc123"), "granted"],
    [asked({ authorization: "bearer  abc123" }), "granted"],
    [bearer("abc1234"), "denied"],
    [bearer("abc12"), "denied"],
    [asked({ authorization: "Basic abc123" }), "denied"],
    [asked({ authorization: "abc123" }), "denied"],
    [asked({ cookie: "ivy_node-7=abc123" }), "denied"],
  ];
  for (const [request, verdict] of cases) assertEquals(access.judge(request), verdict);
});

Deno.test("who logs in gets a strict cookie that is good for 30 days, also after a restart", () => {
  const clock = new Clock();
  assertEquals(clock.access().tryToken(TOKEN, HERE), "granted");
  const given = clock.access().newCookie();
  assertMatch(given, /^ivy_node-7=\d+\.[\w-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Strict$/);
  assertEquals(clock.access().judge(cookie(given)), "granted");
  clock.nowMs += 29 * 86_400_000;
  assertEquals(clock.access().judge(cookie(given)), "granted");
  clock.nowMs += 2 * 86_400_000;
  assertEquals(clock.access().judge(cookie(given)), "denied");
});

Deno.test("a cookie of another token, another time or another hand is none", () => {
  const clock = new Clock();
  const access = clock.access();
  const given = access.newCookie().split(";")[0]!;
  const [, expires, signature] = /=(\d+)\.(.*)$/.exec(given)!;
  const forged = [
    clock.access("another token").newCookie(),
    `ivy_node-7=${Number(expires) + 1}.${signature}`,
    `ivy_node-7=${expires}.${signature!.slice(0, -2)}AA`,
    `ivy_node-7=${expires}.`,
    `ivy_node-7=${expires}`,
    `ivy_node-7=.${signature}`,
    `ivy_node-8=${expires}.${signature}`,
    access.noCookie(),
  ];
  for (const value of forged) assertEquals(access.judge(cookie(value)), "denied", value);
});

Deno.test("wrong tokens are counted by who sends them; the right one is let in whatever came before", () => {
  const clock = new Clock();
  const access = clock.access(TOKEN);
  const verdicts = Array.from({ length: 12 }, (_, index) => access.judge(bearer(`guess${index}`)));
  assertEquals(verdicts, [...Array(10).fill("denied"), "too_many", "too_many"]);
  assertEquals(access.judge(bearer(TOKEN)), "granted");
  assertEquals(access.tryToken("guess", "192.168.1.7"), "denied", "another address is not to blame");
  clock.nowMs += 2000;
  assertEquals([access.tryToken("guess", HERE), access.tryToken("guess", HERE)], ["denied", "too_many"]);
  clock.nowMs += 3_600_000;
  for (let attempt = 0; attempt < 10; attempt++) assertEquals(access.tryToken("guess", HERE), "denied");
  assertEquals(access.tryToken("guess", HERE), "too_many");
});

Deno.test("a short token of an earlier version is not looked at while its sender tries too often, and only his", () => {
  const clock = new Clock();
  const access = clock.access("abc123");
  const loggedIn = cookie(access.newCookie());
  for (let attempt = 0; attempt < 10; attempt++) assertEquals(access.tryToken("guess", HERE), "denied");
  assertEquals(access.tryToken("abc123", HERE), "too_many");
  assertEquals(access.tryToken("abc123", "192.168.1.7"), "granted");
  assertEquals(access.judge(loggedIn), "granted");
  clock.nowMs += 2000;
  assertEquals(access.tryToken("abc123", HERE), "granted");
});

const SAME_SENDER: [one: string, other: string, isSame: boolean][] = [
  ["2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true],
  ["2001:db8:1:2::1", "2001:0DB8:0001:0002::", true],
  ["2001:db8:1:2::1", "2001:db8:1:3::1", false],
  ["::1", "0:0:0:0:0:0:0:2", true],
  ["fe80::1%eth0", "fe80::2%eth0", true],
  ["::ffff:192.168.1.7", "192.168.1.7", true],
  ["::ffff:192.168.1.7", "::ffff:192.168.1.8", false],
  ["192.168.1.7", "192.168.1.8", false],
];

for (const [one, other, isSame] of SAME_SENDER) {
  Deno.test(`${one} and ${other} are ${isSame ? "one sender" : "two senders"}`, () => {
    const access = new Clock().access(TOKEN);
    for (let attempt = 0; attempt < 10; attempt++) access.tryToken("guess", one);
    assertEquals(access.tryToken("guess", other), isSame ? "too_many" : "denied");
  });
}

Deno.test("a hundred thousand senders cost the memory of a thousand", () => {
  const access = new Clock().access(TOKEN);
  for (let attempt = 0; attempt < 10; attempt++) access.tryToken("guess", "10.0.0.1");
  for (let sender = 0; sender < 1000; sender++) {
    access.tryToken("guess", `10.1.${sender >> 8}.${sender & 255}`);
  }
  assertEquals(access.tryToken("guess", "10.0.0.1"), "denied", "who came longest ago is forgotten");
});

Deno.test("a node answers to its own names only", () => {
  const judge = (host: string, name: string) => new AllowedHosts(host, "Pi").allows(name);
  for (const name of ["localhost", "127.0.0.1", "[::1]", "localhost."]) {
    assertEquals(judge("127.0.0.1", name), true);
  }
  for (
    const name of ["evil.example", "pi", "192.168.1.5", "localhost.evil.example", "127.0.0.1.nip.io", ""]
  ) {
    assertEquals(judge("127.0.0.1", name), false, name);
  }
  for (const name of ["node7.local", "localhost"]) assertEquals(judge("Node7.local", name), true, name);
  assertEquals(judge("192.168.1.5", "192.168.1.5"), true);
  assertEquals(judge("192.168.1.5", "192.168.1.6"), false);
  for (const name of ["pi", "pi.local", "192.168.1.5", "[fe80::1]", "localhost"]) {
    assertEquals(judge("0.0.0.0", name), true, name);
  }
  for (const name of ["evil.example", "pi.evil.example", "1.2.3.4.evil.example"]) {
    assertEquals(judge("0.0.0.0", name), false, name);
  }
});
