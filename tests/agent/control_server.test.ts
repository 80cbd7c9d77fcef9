// Runs in: tests.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { askAgent, requestAgent } from "../../src/agent/control_client.ts";
import { ControlServer } from "../../src/agent/control_server.ts";
import { exists } from "../../src/agent/paths.ts";

/** A server with a socket in a folder of its own. */
async function withServer(use: (socket: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const socket = join(folder, "ivy.sock");
  const server = new ControlServer({ socket }, {
    "GET /v1/five": () => 5,
    "POST /v1/later": async () => await Promise.resolve({ later: true }),
    "GET /v1/broken": () => {
      throw new Error("the pump stands still");
    },
    "GET /v1/stream": () =>
      new Response(new ReadableStream({ start: (stream) => stream.enqueue(new Uint8Array(1)) })),
  });
  try {
    await use(socket);
  } finally {
    await server.close();
    assertEquals(exists(socket), false);
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("routes answer with JSON, by method and path, to this user only", async () => {
  await withServer(async (socket) => {
    assertEquals(await askAgent(socket, "GET", "/v1/five"), 5);
    assertEquals(await askAgent(socket, "POST", "/v1/later?x=1"), { later: true });
    assertEquals(Deno.lstatSync(socket).mode! & 0o777, 0o600);
  });
});

Deno.test("a socket that was removed or replaced, or belongs elsewhere by now, is made again", async () => {
  const folder = await Deno.makeTempDir();
  const paths = { socket: join(folder, "ivy.sock") };
  const server = new ControlServer(paths, { "GET /v1/five": () => 5 });
  assertEquals(await server.renew(), []);
  for (
    const disturb of [
      () => Deno.removeSync(paths.socket),
      () => Deno.renameSync(paths.socket, `${paths.socket}.old`),
      () => {
        Deno.removeSync(paths.socket);
        Deno.writeTextFileSync(paths.socket, "");
      },
    ]
  ) {
    disturb();
    assertEquals(await server.renew(), [paths.socket]);
    assertEquals([await server.renew(), await askAgent(paths.socket, "GET", "/v1/five")], [[], 5]);
    assertEquals(Deno.lstatSync(paths.socket).mode! & 0o777, 0o600);
  }
  const { socket: before } = paths;
  paths.socket = join(folder, "moved.sock");
  assertEquals([await server.renew(), await askAgent(paths.socket, "GET", "/v1/five")], [[], 5]);
  assertEquals(exists(before), false);
  await server.close();
  assertEquals(exists(paths.socket), false);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("what cannot be done is answered with one sentence", async () => {
  await withServer(async (socket) => {
    await assertRejects(
      () => askAgent(socket, "GET", "/v1/broken"),
      Error,
      "the agent answered: the pump stands still",
    );
    await assertRejects(() => askAgent(socket, "POST", "/v1/five"), Error, "there is no POST /v1/five");
  });
});

Deno.test("an answer that streams does not hold up the end", async () => {
  const startMs = performance.now();
  await withServer(async (socket) => {
    const response = await requestAgent(socket, "GET", "/v1/stream");
    await response!.body!.getReader().read();
  });
  assert(performance.now() - startMs < 1000);
});

Deno.test("nobody there, or a socket file that a crash left: no answer, and the next server takes over", async () => {
  const folder = await Deno.makeTempDir();
  const socket = join(folder, "ivy.sock");
  try {
    assertEquals(await askAgent(socket, "GET", "/v1/five"), undefined);
    Deno.listen({ transport: "unix", path: socket }).close();
    if (!exists(socket)) Deno.writeTextFileSync(socket, "");
    assertEquals(await askAgent(socket, "GET", "/v1/five"), undefined);
    const server = new ControlServer({ socket }, { "GET /v1/five": () => 5 });
    assertEquals(await askAgent(socket, "GET", "/v1/five"), 5);
    await server.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
