// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type ByteSource, HttpError, readRequest } from "../../../src/agent/page/http_request.ts";
import { request } from "../../support/raw_http.ts";

/** Gives the bytes in pieces, then the end. */
function source(text: string, pieceBytes = 7): ByteSource {
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  let at = 0;
  return {
    address: "10.0.0.9",
    read(buffer) {
      if (at >= bytes.length) return Promise.resolve(null);
      const piece = bytes.subarray(at, at + Math.min(pieceBytes, buffer.length));
      buffer.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length);
    },
  };
}

Deno.test("a request is read whole, however it is cut", async () => {
  const text = request("/login?a=1", {
    method: "POST",
    body: "token=abc",
    head: { "Host": "Node7:8420", "X": " y " },
  });
  for (const piece of [1, 7, 1000]) {
    const read = (await readRequest(source(text.replace("host: localhost\r\n", ""), piece)))!;
    assertEquals([read.method, read.url.href, read.body], [
      "POST",
      "http://node7:8420/login?a=1",
      "token=abc",
    ]);
    assertEquals(read.headers.get("x"), "y");
  }
});

Deno.test("a path cannot climb", async () => {
  const climbed = ["/../../etc/passwd", "/a/../../etc/passwd", "/%2e%2e/etc/passwd", "/..%5c..%5cetc/passwd"];
  for (const path of climbed) {
    const { url } = (await readRequest(source(request(path))))!;
    assert(!url.pathname.split("/").includes(".."), url.pathname);
  }
});

const REFUSED: [name: string, text: string, status: number][] = [
  ["no HTTP", "hello\r\n\r\n", 400],
  ["TLS", "\x16\x03\x01\x02\x00\r\n\r\n", 400],
  ["another version", "GET / HTTP/2.0\r\nhost: a\r\n\r\n", 400],
  ["a whole address", "GET http://evil.example/ HTTP/1.1\r\nhost: a\r\n\r\n", 400],
  ["a proxy's request", "CONNECT evil.example:443 HTTP/1.1\r\nhost: a\r\n\r\n", 400],
  ["a lower-case method", "get / HTTP/1.1\r\nhost: a\r\n\r\n", 400],
  ["no host", "GET / HTTP/1.1\r\naccept: */*\r\n\r\n", 400],
  ["two hosts", "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400],
  ["a host with a user", "GET / HTTP/1.1\r\nhost: a@b\r\n\r\n", 400],
  ["a host with a path", "GET / HTTP/1.1\r\nhost: a/b\r\n\r\n", 400],
  ["an impossible port", "GET / HTTP/1.1\r\nhost: a:99999\r\n\r\n", 400],
  ["a folded line", "GET / HTTP/1.1\r\nhost: a\r\n  b: c\r\n\r\n", 400],
  ["a space before the colon", "GET / HTTP/1.1\r\nhost : a\r\n\r\n", 400],
  ["a bare line feed", "GET / HTTP/1.1\r\nhost: a\nx: y\r\n\r\n", 400],
  ["a zero byte", "GET / HTTP/1.1\r\nhost: a\r\nx: \0\r\n\r\n", 400],
  ["two lengths", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400],
  ["a length that is none", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n", 400],
  ["chunks", "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 411],
  ["a long body", `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4097\r\n\r\n${"x".repeat(5000)}`, 413],
  ["a long head", `GET / HTTP/1.1\r\nhost: a\r\nx: ${"y".repeat(17_000)}\r\n\r\n`, 431],
  ["a head without end", `GET / HTTP/1.1\r\nhost: a\r\nx: ${"y".repeat(40_000)}`, 431],
];
for (const [name, text, status] of REFUSED) {
  Deno.test(`a request is refused: ${name}`, async () => {
    for (const piece of [13, 100_000]) {
      const found = await readRequest(source(text, piece)).catch((error) => error);
      assert(found instanceof HttpError, JSON.stringify(found));
      assertEquals(found.status, status);
    }
  });
}

Deno.test("a request that is cut off is none", async () => {
  const whole = request("/login", { method: "POST", body: "token=abc" });
  for (let length = 0; length < whole.length; length++) {
    assertEquals(await readRequest(source(whole.slice(0, length))), undefined);
  }
});

Deno.test("whatever bytes come: a request, none, or a refusal", async () => {
  const line = fc.constantFrom(
    "GET / HTTP/1.1",
    "host: a",
    "content-length: 3",
    ":",
    " x",
    "x: y",
    "",
    "\0",
    "é",
  );
  const text = fc.array(fc.oneof(line, fc.string()), { maxLength: 8 }).map((lines) =>
    `${lines.join("\r\n")}\r\n\r\n`
  );
  await fc.assert(
    fc.asyncProperty(text, async (sent) => {
      const found = await readRequest(source(sent)).catch((error) => error);
      assert(
        found === undefined || found instanceof HttpError || typeof found.method === "string",
        String(found),
      );
    }),
    { numRuns: 500 },
  );
});
