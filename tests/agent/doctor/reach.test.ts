// Runs in: tests.
import { assertEquals, assertMatch } from "@std/assert";
import { type Address, type Step, tryToReach } from "../../../src/agent/doctor/reach.ts";
import { addressesOf, judgeServer } from "../../../src/agent/doctor/servers.ts";
import { backends } from "../../../src/backends/registry.ts";
import { freePort } from "../../support/free_port.ts";
import { createAuthority } from "../../support/tls_files.ts";

const authority = await createAuthority();
const { cert, key } = await authority.issue({
  commonName: "localhost",
  names: ["localhost", "broker.example"],
});

/** A server that shakes hands and says nothing. */
function serveTls(): Deno.TlsListener {
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  void (async () => {
    for await (const socket of listener) {
      void socket.handshake().catch(() => {}).finally(() => socket.close());
    }
  })().catch(() => {}); // it has been closed
  return listener;
}

/** What the doctor says of a connection. */
function judgeText(host: string, port: number, tcp: Step): string {
  const dns = { isDone: true, detail: "127.0.0.1", tookMs: 1 };
  const login = { isIn: true, detail: "in" };
  const [, finding] = judgeServer({ name: "b", reaches: [{ host, port, dns, tcp }], login });
  return `${{ ok: "✓", warning: "!", fault: "✗" }[finding!.verdict]} ${finding!.found}`;
}

/** What was done and how it went: `dns ✓ tcp ✗ refused`. */
async function story(address: Address): Promise<string> {
  const { dns, tcp, tls } = await tryToReach(address);
  return Object.entries({ dns, tcp, tls }).flatMap(([name, step]) =>
    step === undefined ? [] : [`${name} ${step.isDone ? "✓" : "✗"} ${step.detail}`]
  ).join("; ");
}

Deno.test("the way to a server ends where it is broken", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  assertMatch(await story({ host: "no-such-host.invalid", port: 1, tls: undefined }), /^dns ✗ .*[^;]$/);
  assertMatch(await story({ host: "localhost", port: freePort(), tls: {} }), /^dns ✓ .*; tcp ✗ .*refused/);
  assertEquals(
    await story({ host: "127.0.0.1", port, tls: undefined }),
    `dns ✓ 127.0.0.1; tcp ✓ port ${port} is open`,
  );
});

Deno.test("the handshake shows whether the certificate is trusted, under which name", async () => {
  using listener = serveTls();
  const { port } = listener.addr as Deno.NetAddr;
  const at = (host: string, tls: Address["tls"]) => story({ host, port, tls });
  assertMatch(await at("localhost", { ca: authority.cert }), /tls ✓ its certificate is trusted$/);
  assertMatch(await at("localhost", {}), /tls ✗ .*UnknownIssuer/);
  assertMatch(await at("127.0.0.1", { ca: authority.cert, serverName: "broker.example" }), /tls ✓/);
  assertMatch(
    await at("localhost", { ca: authority.cert, serverName: "other.example" }),
    /tls ✗ .*not valid for/i,
  );
  assertMatch(await at("localhost", { ca: authority.cert, cert, key }), /tls ✓/);
});

Deno.test("every address of a name is tried: where some are dead, that is said, and where all are, nothing is open", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const at = async (...addresses: string[]) => {
    const { tcp } = await tryToReach(
      { host: "b.example", port, tls: undefined },
      () => Promise.resolve(addresses),
    );
    return tcp!;
  };
  const partial = await at("127.0.0.2", "127.0.0.1");
  assertEquals([partial.isDone, partial.isPartial], [true, true]);
  assertMatch(partial.detail, /^port \d+ is open at 127\.0\.0\.1; not at 127\.0\.0\.2 \(.*refused/);
  assertMatch(judgeText("b.example", port, partial), /^! .*not at 127\.0\.0\.2/);
  const dead = await at("127.0.0.2", "127.0.0.3");
  assertEquals([dead.isDone, dead.isPartial], [false, false]);
  const whole = await at("127.0.0.1");
  assertEquals([whole.isDone, whole.isPartial, whole.detail], [true, false, `port ${port} is open`]);
});

Deno.test("the handshake is made at each address that is open", async () => {
  using listener = serveTls();
  const { port } = listener.addr as Deno.NetAddr;
  using mute = Deno.listen({ hostname: "127.0.0.2", port });
  void mute.accept().then((connection) => connection.close()).catch(() => {});
  const reach = await tryToReach(
    { host: "broker.example", port, tls: { ca: authority.cert } },
    () => Promise.resolve(["127.0.0.2", "127.0.0.1"]),
  );
  assertMatch(reach.tls!.detail, /^its certificate is trusted; not at 127\.0\.0\.2 \(/);
});

Deno.test("the addresses are those that the registry grants, with TLS where the settings say so", () => {
  const entry = (settings: Record<string, unknown>) => (
    { name: "b", provider: "mqtt", settings, index: 0, mayConfigure: true }
  );
  const mqtt = (connection: unknown) =>
    addressesOf(entry({ mqtt_connection: connection }), backends["mqtt"]!, undefined, {});
  assertEquals(mqtt({ host: "h", port: 1883 }), [{ host: "h", port: 1883, tls: undefined }]);
  assertEquals(mqtt({ host: "::1", port: 1883, tls: null }), [{ host: "::1", port: 1883, tls: undefined }]);
  assertEquals(mqtt({ host: "h", port: 8883, tls: { ca: "PEM", server_name: "n" } }), [
    { host: "h", port: 8883, tls: { ca: "PEM", serverName: "n" } },
  ]);
  assertEquals(mqtt("nonsense"), []);
  const urls = { url: "https://a.example/in", configuration_url: "http://b.example/config" };
  assertEquals(addressesOf(entry(urls), backends["http"]!, undefined, {}), [
    { host: "a.example", port: 443, tls: {} },
    { host: "b.example", port: 80, tls: undefined },
  ]);
});
