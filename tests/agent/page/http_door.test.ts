// Runs in: tests.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type DoorLimits, HttpDoor, type HttpDoorOptions } from "../../../src/agent/page/http_door.ts";
import { textResponse } from "../../../src/agent/page/http_response.ts";
import { SECURITY_HEADERS } from "../../../src/agent/page/security_headers.ts";
import { parseAnswer, readAll, request, sendRaw } from "../../support/raw_http.ts";
import { until } from "../../support/until.ts";

/** A door that says hello; closes when it is disposed of. */
class TestDoor implements AsyncDisposable {
  readonly failures: unknown[] = [];
  readonly door: HttpDoor;
  constructor(
    limits: Partial<DoorLimits> = {},
    handle: HttpDoorOptions["handle"] = () => textResponse(200, "hello"),
  ) {
    const onFailure = (error: unknown) => void this.failures.push(error);
    this.door = new HttpDoor({ host: "127.0.0.1", port: 0, handle, limits, onFailure });
  }

  connect(): Promise<Deno.TcpConn> {
    return Deno.connect({ hostname: "127.0.0.1", port: this.door.port });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.door.close();
  }
}

const openFiles = () => [...Deno.readDirSync("/proc/self/fd")].length;

Deno.test("a door answers one request per connection, and HEAD without a body", async () => {
  await using test = new TestDoor();
  const { status, headers, body } = await sendRaw(test.door.port, request("/"));
  assertEquals([status, headers.get("connection"), headers.get("content-length"), body], [
    200,
    "close",
    "5",
    "hello",
  ]);
  const head = await sendRaw(test.door.port, request("/", { method: "HEAD" }));
  assertEquals([head.status, head.headers.get("content-length"), head.body], [200, "5", ""]);
  const two = await sendRaw(test.door.port, request("/") + request("/second"));
  assertEquals([two.status, two.body], [200, "hello"]);
});

Deno.test("a request that is too long is told so, though it is still being sent", async () => {
  await using test = new TestDoor();
  const { status } = await sendRaw(test.door.port, request("/", { head: { x: "y".repeat(200_000) } }));
  assertEquals(status, 431);
  const text = `POST /login HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n${"x".repeat(100_000)}`;
  assertEquals((await sendRaw(test.door.port, text)).status, 413);
});

Deno.test("what is refused before anybody looks at it has the headers of every answer, too", async () => {
  await using test = new TestDoor();
  for (const text of ["hello\r\n\r\n", request("/", { head: { x: "y".repeat(20_000) } })]) {
    const { status, headers } = await sendRaw(test.door.port, text);
    assert(status >= 400 && status < 500, String(status));
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
      assertEquals(headers.get(name), value, name);
    }
    assertEquals(headers.get("cache-control"), "no-store");
  }
});

Deno.test("what fails here is answered with 500 and told once, and the door stays open", async () => {
  const error = new Error("a bug");
  await using test = new TestDoor({}, ({ url }) => {
    if (url.pathname === "/bug") throw error;
    return textResponse(200, "hello");
  });
  const { status, body } = await sendRaw(test.door.port, request("/bug"));
  assertEquals([status, body], [500, "the node failed to answer\n"]);
  assertEquals(test.failures, [error]);
  assertEquals((await sendRaw(test.door.port, request("/"))).status, 200);
});

Deno.test("slow-loris: a request that dribbles is cut off at its deadline, and costs nobody else anything", async () => {
  await using test = new TestDoor({ requestMs: 400, connections: 8 });
  const startMs = performance.now();
  const slow = await Promise.all(Array.from({ length: 6 }, () => test.connect()));
  const dribble = setInterval(() => {
    for (const conn of slow) void conn.write(new TextEncoder().encode("x")).catch(() => {});
  }, 50);
  for (const conn of slow) void conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\nhost: a\r\nx: "));
  assertEquals((await sendRaw(test.door.port, request("/"))).status, 200);
  const ends = await Promise.all(slow.map(readAll));
  clearInterval(dribble);
  assertEquals(ends, Array(6).fill(""));
  assert(performance.now() - startMs >= 390);
  slow.forEach((conn) => conn.close());
});

Deno.test("a crowd that only holds connections open keeps nobody out, and uses few file descriptors", async () => {
  await using test = new TestDoor({ connections: 10, graceMs: 20 });
  const before = openFiles();
  const startMs = performance.now();
  const crowd: Deno.TcpConn[] = [];
  for (let at = 0; at < 100; at++) {
    crowd.push(await test.connect());
    if (at % 20 === 0) assertEquals((await sendRaw(test.door.port, request("/"))).status, 200, `after ${at}`);
  }
  assert(performance.now() - startMs < 8000, "it waited for the deadline of a request");
  await until("the door has at most ten", () => openFiles() - before - crowd.length <= 10);
  crowd.forEach((conn) => conn.close());
});

Deno.test("streams that flow stay when there are too many connections; the newest waits for a place", async () => {
  const open: ReadableStreamDefaultController<Uint8Array>[] = [];
  const say = (text: string) =>
    open.forEach((controller) => controller.enqueue(new TextEncoder().encode(text)));
  const stream = () => new ReadableStream<Uint8Array>({ start: (controller) => void open.push(controller) });
  await using test = new TestDoor({ connections: 3 }, () => ({ status: 200, headers: {}, body: stream() }));
  const streams = await Promise.all(Array.from({ length: 3 }, async () => {
    const conn = await test.connect();
    await conn.write(new TextEncoder().encode(request("/")));
    await conn.read(new Uint8Array(1000));
    return conn;
  }));
  const waiting = await test.connect();
  await waiting.write(new TextEncoder().encode(request("/")));
  say("more");
  for (const conn of streams) assertEquals(await conn.read(new Uint8Array(100)), 4);
  assertEquals(open.length, 3);
  open[0]!.close();
  const head = new Uint8Array(1000);
  assertStringIncludes(new TextDecoder().decode(head.subarray(0, (await waiting.read(head))!)), "200 OK");
  for (const conn of [...streams, waiting]) conn.close();
});

Deno.test("a reader that takes nothing is cut off, and what it was to get is let go", async () => {
  let isLetGo = false;
  const flood = () =>
    new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(1_000_000)),
      cancel: () => void (isLetGo = true),
    });
  await using test = new TestDoor({ writeMs: 300 }, () => ({ status: 200, headers: {}, body: flood() }));
  const conn = await test.connect();
  await conn.write(new TextEncoder().encode(request("/")));
  await until("the stream is let go", () => isLetGo);
  conn.close();
});

Deno.test("a door that closes ends every connection", async () => {
  const test = new TestDoor();
  const conn = await test.connect();
  await sendRaw(test.door.port, request("/")); // the connection before it has been taken, too
  const startMs = performance.now();
  await test.door.close();
  assertEquals(await readAll(conn), "");
  assert(performance.now() - startMs < 8000, "it waited for the deadline of a request");
  conn.close();
});

Deno.test("an answer that is cut off by the reader is no failure of ours", async () => {
  await using test = new TestDoor({}, () => ({ status: 200, headers: {}, body: new Uint8Array(20_000_000) }));
  const conn = await test.connect();
  await conn.write(new TextEncoder().encode(request("/")));
  await conn.read(new Uint8Array(10));
  conn.close();
  const { body } = parseAnswer(
    await (async () => {
      const other = await test.connect();
      await other.write(new TextEncoder().encode(request("/")));
      const text = await readAll(other);
      other.close();
      return text;
    })(),
  );
  assertEquals([body.length, test.failures], [20_000_000, []]);
});
