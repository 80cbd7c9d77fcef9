// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { inOrderButForRepeats } from "../support/backend_suite.ts";
import { createDice } from "../support/dice.ts";
import { type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { createMqttTap } from "../support/mqtt_tap.ts";
import { needs } from "../support/needs.ts";
import { TestNode } from "../support/node.ts";
import { backendsIvy } from "../support/program.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp_proxy.ts";
import { createAuthority } from "../support/tls_files.ts";
import { until } from "../support/until.ts";

const isNightly = Deno.env.get("IVY_NIGHTLY") === "1";
const MESSAGES = 10_000;
const BROKER_KILLS = isNightly ? 20 : 5;
const AGENT_KILLS = isNightly ? 10 : 2;
const WINDOW = 50;
const ignore = needs("mosquitto") !== undefined;

/** TLS ends in the test, so that what the broker gets and acknowledges can be read. */
async function startWire() {
  const authority = await createAuthority();
  const identity = await authority.issue({ commonName: "localhost", names: ["localhost"] });
  const broker = await startMosquitto({ isQuiet: true, lines: [`max_inflight_messages ${WINDOW}`] });
  const tap = createMqttTap();
  const reader = startTcpProxy({ target: broker, tls: identity, up: tap.up, down: tap.down });
  let corruptUntilMs = 0;
  const corrupt = (bytes: Uint8Array) => {
    if (performance.now() < corruptUntilMs && bytes.length > 40) bytes[bytes.length >> 1]! ^= 0x55;
    return bytes;
  };
  const network = startTcpProxy({ target: reader, up: corrupt, down: corrupt });
  return {
    broker,
    tap,
    network,
    ca: authority.cert,
    corrupt: (ms: number) => void (corruptUntilMs = performance.now() + ms),
    async [Symbol.asyncDispose]() {
      await network[Symbol.asyncDispose]();
      await reader[Symbol.asyncDispose]();
      await broker[Symbol.asyncDispose]();
    },
  };
}

/** What a busy machine sends within the time that a backend has at the end. */
const LEFT_FOR_THE_END = 500;

Deno.test({
  name:
    `chaos: ${MESSAGES} messages over ${BROKER_KILLS} kills of the broker, ${AGENT_KILLS} of the agent, and a bad network`,
  ignore,
  async fn() {
    const seed = Number(Deno.env.get("IVY_CHAOS_SEED") ?? Math.floor(Math.random() * 1e9));
    const dice = createDice(seed);
    await using wire = await startWire();
    await using node = new TestNode({
      program: await backendsIvy(),
      procedures: { counts: { at_once: isNightly ? 3 : 15 } },
    });
    node.configure((config) => {
      config.logging_verbosity.message_sending = null as never;
      config.backends = [{
        provider: "mqtt",
        mqtt_connection: {
          host: "localhost",
          port: wire.network.port,
          tls: { ca: wire.ca },
          keep_alive_seconds: 2,
          max_in_flight: WINDOW,
        },
      }] as never;
    });
    let agent = node.run();
    const stored = () => node.messages().filter(({ message_body: body }) => body.variant === "data");
    const story: string[] = [];
    const stopping = new AbortController();
    const trouble = makeTrouble(wire, dice, stopping.signal, story);
    const killBrokers = killBroker(wire.broker, dice, stopping.signal, story);
    for (let kill = 0; kill < AGENT_KILLS; kill++) {
      const aim = MESSAGES * (kill + 0.3 + 0.4 * dice()) / AGENT_KILLS;
      await until("messages are stored", () => stored().length >= aim, 120_000);
      await agent.kill();
      story.push(`agent killed at ${stored().length}`);
      agent = node.run();
    }
    await until("all messages are stored", () => stored().length >= MESSAGES, 120_000);
    stopping.abort();
    await Promise.all([trouble, killBrokers]);
    const waiting = async () => (await node.status()).backends["mqtt"]?.messages?.waiting ?? Infinity;
    await until("the broker has nearly all, so that little is left to be sent at the end", async () => {
      return await waiting() < LEFT_FOR_THE_END;
    }, 420_000);
    await agent.stop();

    const lines = new Map(stored().map((line) => [line.id, line]));
    const arrivals = wire.tap.publishes.filter(({ topic }) => topic.endsWith("/data"))
      .map(({ payload, answer, connection }) => ({ ...JSON.parse(payload), answer, connection }));
    const accepted = new Set(arrivals.filter(({ answer }) => answer < 128).map(({ id }) => id));
    const lost = [...lines.keys()].filter((id) => !accepted.has(id));
    const invented = arrivals.filter(({ id, message_body: body }) =>
      JSON.stringify(lines.get(id)?.message_body) !== JSON.stringify(body)
    );
    const breaks = new Set(arrivals.map(({ connection }) => connection)).size;
    const repeats = arrivals.length - new Set(arrivals.map(({ id }) => id)).size;
    const summary =
      `seed ${seed}: ${lines.size} stored, ${arrivals.length} sent, ${repeats} of them again, ` +
      `over ${breaks} connections; ${story.join(", ")}`;
    assertEquals(lost, [], `lost; ${summary}`);
    assertEquals(invented, [], `invented; ${summary}`);
    assertEquals(inOrderButForRepeats(arrivals), [], `out of order; ${summary}`);
    assert(repeats <= WINDOW * breaks, `too many twice; ${summary}`);
    assertEquals(
      (await node.ivy("messages", "parked", "list")).stdout.includes("closes the connection"),
      false,
      summary,
    );
    Deno.stdout.writeSync(new TextEncoder().encode(`    ${summary}\n`));
  },
});

/** Cuts, stalls, slows and corrupts connections until it is told to stop. */
async function makeTrouble(
  wire: { network: TcpProxy; corrupt: (ms: number) => void },
  dice: () => number,
  signal: AbortSignal,
  story: string[],
): Promise<void> {
  const { network } = wire;
  const counts = { cut: 0, stalled: 0, slowed: 0, corrupted: 0 };
  while (!signal.aborted) {
    await wait(200 + 1000 * dice(), signal);
    const lasting = 300 + 2000 * dice();
    switch (Math.floor(dice() * 4)) {
      case 0:
        network.cutAll();
        counts.cut++;
        break;
      case 1:
        network.stall(true);
        await wait(lasting, signal);
        network.stall(false);
        counts.stalled++;
        break;
      case 2:
        network.slow(1000);
        await wait(lasting, signal);
        network.slow(Infinity);
        counts.slowed++;
        break;
      default:
        wire.corrupt(lasting);
        counts.corrupted++;
    }
  }
  network.stall(false);
  network.slow(Infinity);
  wire.corrupt(0);
  story.push(JSON.stringify(counts));
}

async function killBroker(
  broker: Mosquitto,
  dice: () => number,
  signal: AbortSignal,
  story: string[],
): Promise<void> {
  let kills = 0;
  while (kills < BROKER_KILLS && !signal.aborted) {
    await wait(500 + 2500 * dice(), signal);
    await broker.kill();
    kills++;
    await wait(500 * dice(), signal);
    await broker.start();
  }
  story.push(`broker killed ${kills} times`);
}

/** The point of this test is that time passes between one trouble and the next. */
function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
