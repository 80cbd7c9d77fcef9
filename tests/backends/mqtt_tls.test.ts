// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import mqtt from "../../src/backends/mqtt.ts";
import { createFakeStore } from "../support/fake_store.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { needs, skipBecause } from "../support/needs.ts";
import { runBackend } from "../support/run_backend.ts";
import { createAuthority } from "../support/tls_files.ts";
import { until } from "../support/until.ts";

const ignore = needs("mosquitto") !== undefined;
const backend = mqtt;
/** Deno 2.4 does not send client certificates. */
const sendsCertificates = !Deno.version.deno.startsWith("2.4.");
if (!sendsCertificates) skipBecause("Deno 2.4 does not send client certificates; use Deno 2.9");

const authority = await createAuthority();
const other = await createAuthority("Somebody else");
const good = await authority.issue({ commonName: "localhost", names: ["localhost", "127.0.0.1"] });
const elsewhere = await authority.issue({ commonName: "elsewhere", names: ["elsewhere.example"] });
const expired = await authority.issue({
  commonName: "localhost",
  names: ["localhost"],
  fromDays: -10,
  toDays: -5,
});
const early = await authority.issue({
  commonName: "localhost",
  names: ["localhost"],
  fromDays: 5,
  toDays: 10,
});
const device = await authority.issue({ commonName: "device-1" });

function startTls(server: { cert: string; key: string }, lines: string[] = []) {
  return startMosquitto({
    lines: ["cafile {folder}/ca.pem", "certfile {folder}/cert.pem", "keyfile {folder}/key.pem", ...lines],
    files: { "ca.pem": authority.cert, "cert.pem": server.cert, "key.pem": server.key },
  });
}

function settings(port: number, tls: Record<string, unknown>, host = "localhost") {
  return { mqtt_connection: { host, port, tls } };
}

interface Case {
  name: string;
  server?: { cert: string; key: string };
  lines?: string[];
  tls: Record<string, unknown>;
  host?: string;
  ignore?: boolean;
}

const GOOD: Case[] = [
  { name: "an authority of one's own", tls: { ca: authority.cert } },
  { name: "an address instead of a name", tls: { ca: authority.cert }, host: "127.0.0.1" },
  {
    name: "a server name that is not the host's",
    server: elsewhere,
    tls: { ca: authority.cert, server_name: "elsewhere.example" },
  },
  {
    name: "a client certificate",
    lines: ["require_certificate true", "use_identity_as_username true"],
    tls: { ca: authority.cert, cert: device.cert, key: device.key },
    ignore: !sendsCertificates,
  },
];

for (const { name, server = good, lines = [], tls, host, ...own } of GOOD) {
  Deno.test({
    name: `TLS with ${name}`,
    ignore: ignore || (own.ignore ?? false),
    async fn() {
      await using broker = await startTls(server, lines);
      const store = createFakeStore();
      await using running = runBackend(backend, { store, settings: settings(broker.port, tls, host) });
      await running.connected();
      const ids = store.add([{ variant: "data", data: { n: 1 } }]);
      await until("it is there", () => store.acknowledged.length === 1);
      assertEquals(store.acknowledged, ids);
      assertEquals(running.connections.at(-1)!.detail, `${host ?? "localhost"}:${broker.port} (MQTT 5, TLS)`);
    },
  });
}

const BAD: (Case & { line: string })[] = [
  {
    name: "an authority that is not trusted",
    tls: { ca: other.cert },
    line: "is signed by an authority that is not trusted here; see tls.ca",
  },
  {
    name: "the system's authorities only",
    tls: {},
    line: "is signed by an authority that is not trusted here; see tls.ca",
  },
  {
    name: "a certificate for another host",
    server: elsewhere,
    tls: { ca: authority.cert },
    line: "is for another host",
  },
  {
    name: "an expired certificate",
    server: expired,
    tls: { ca: authority.cert },
    line: "has expired (or this machine's clock is wrong)",
  },
  {
    name: "a certificate from the future",
    server: early,
    tls: { ca: authority.cert },
    line: "is not valid yet (is this machine's clock wrong?)",
  },
  {
    name: "no client certificate where one is wanted",
    lines: ["require_certificate true"],
    tls: { ca: authority.cert },
    line: "wants a client certificate; set tls.cert and tls.key",
  },
];

for (const { name, server = good, lines = [], tls, line } of BAD) {
  Deno.test({
    name: `TLS with ${name}: refused, one clear line, never a fallback to plain`,
    ignore,
    async fn() {
      await using broker = await startTls(server, lines);
      const store = createFakeStore();
      store.add([{ variant: "data", data: { n: 1 } }]);
      await using running = runBackend(backend, { store, settings: settings(broker.port, tls) });
      await until("it has tried several times", () => running.connections.length >= 4);
      const warnings = running.log.filter(({ level }) => level !== "DEBUG").map(({ subject }) => subject);
      assertEquals(warnings.length, 1, warnings.join("\n"));
      assert(warnings[0]!.includes(line), warnings[0]);
      assert(!/New client connected/.test(broker.log()), "the server let somebody in");
      assertEquals(store.acknowledged, []);
    },
  });
}

Deno.test({
  name: "TLS to a server that speaks plain MQTT, and plain MQTT to one that speaks TLS: refused with a line",
  ignore,
  async fn() {
    await using plain = await startMosquitto();
    await using secured = await startTls(good);
    for (const [port, tls] of [[plain.port, { ca: authority.cert }], [secured.port, null]] as const) {
      const store = createFakeStore();
      await using running = runBackend(backend, {
        store,
        settings: { mqtt_connection: { host: "localhost", port, tls } },
      });
      await until("it has tried several times", () => running.connections.length >= 4);
      assert(running.connections.every(({ isConnected }) => !isConnected));
      const warnings = running.log.filter(({ level }) => level !== "DEBUG");
      assert(warnings.length >= 1 && warnings.length <= 2, warnings.map(({ subject }) => subject).join("\n"));
    }
    assert(!/New client connected/.test(plain.log() + secured.log()));
  },
});
