// Runs in: tests.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { AddressChoice } from "../../src/backends/address_choice.ts";
import { firstToAnswer, NoAnswerError } from "../../src/backends/first_to_answer.ts";
import { freePort } from "../support/free_port.ts";
import { silentAddress } from "../support/silent_address.ts";

const DEAD = ["127.0.0.2", "127.0.0.3"];
const ALIVE = "127.0.0.1";
const { signal } = new AbortController();

async function timed<T>(work: Promise<T>): Promise<[T, number]> {
  const startMs = performance.now();
  return [await work, performance.now() - startMs];
}

Deno.test("an address that refuses, and one that is silent, cost next to nothing", {
  sanitizeOps: false, // the system goes on trying the silent one for a while
  sanitizeResources: false,
}, async () => {
  using listener = Deno.listen({ hostname: ALIVE, port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  using _silent = await silentAddress(DEAD[1]!, port);
  const [address, tookMs] = await timed(firstToAnswer([...DEAD, ALIVE], port, signal));
  assertEquals(address, ALIVE);
  assert(tookMs < 3000, `${tookMs} ms`);
});

Deno.test("when none answers each says why", async () => {
  const error = await assertRejects(() => firstToAnswer(DEAD, freePort(), signal), NoAnswerError);
  assertEquals(error.causes.length, 2);
});

Deno.test("an abort ends it at once", async () => {
  const ending = new AbortController();
  const trying = firstToAnswer(["127.0.0.1"], freePort(), ending.signal);
  ending.abort();
  await assertRejects(() => trying, NoAnswerError);
});

/** Listeners at several addresses, on one port. */
function listen(addresses: string[]) {
  const first = Deno.listen({ hostname: addresses[0]!, port: 0 });
  const { port } = first.addr as Deno.NetAddr;
  const listeners = [first, ...addresses.slice(1).map((hostname) => Deno.listen({ hostname, port }))];
  return { port, [Symbol.dispose]: () => listeners.forEach((listener) => listener.close()) };
}

Deno.test("what takes a connection and does not let in is left for the next, and tried last from then on", async () => {
  using places = listen([...DEAD, ALIVE]);
  const choice = new AddressChoice({ addresses: [...DEAD, ALIVE], port: places.port });
  const tried: (string | undefined)[] = [];
  const enter = (address: string | undefined) => {
    tried.push(address);
    return address === ALIVE ? Promise.resolve("in") : Promise.reject(new Error(`not at ${address}`));
  };
  assertEquals(await choice.enter(enter, signal), "in");
  assertEquals(tried, [...DEAD, ALIVE]);
  assertEquals(await choice.enter(enter, signal), "in");
  assertEquals(tried.slice(3), [ALIVE], "the one that let us in comes first");
});

Deno.test("an answer that holds for all addresses ends it; what all say becomes one error", async () => {
  using places = listen(DEAD);
  const addresses = DEAD;
  const tried: unknown[] = [];
  const wrong = (address: string | undefined) => {
    tried.push(address);
    return Promise.reject(new Error("wrong password"));
  };
  const port = places.port;
  const final = new AddressChoice({
    addresses,
    port,
    isFinal: ({ message }) => message === "wrong password",
  });
  await assertRejects(() => final.enter(wrong, signal), Error, "wrong password");
  assertEquals(tried, [DEAD[0]]);
  const sumUp = (errors: Error[]) => new Error(`${errors.length} errors`);
  await assertRejects(
    () => new AddressChoice({ addresses, port, sumUp }).enter(wrong, signal),
    Error,
    "2 errors",
  );
});

Deno.test("each address gets little time at first, and more when all were too slow", async () => {
  using places = listen(DEAD);
  const choice = new AddressChoice({ addresses: DEAD, port: places.port });
  const limits: number[] = [];
  const slow = (_address: string | undefined, limitMs: number) => {
    limits.push(limitMs);
    return Promise.reject(new Error("late"));
  };
  for (let time = 0; time < 6; time++) await assertRejects(() => choice.enter(slow, signal));
  assertEquals(limits.filter((_, index) => index % 2 === 0), [2000, 4000, 8000, 16_000, 30_000, 30_000]);
});

Deno.test("a name with one address, or none that is known, goes by the name", async () => {
  for (const addresses of [[], [ALIVE]]) {
    const choice = new AddressChoice({ addresses, port: 1 });
    assertEquals(await choice.enter((...way) => Promise.resolve(way), signal), [undefined, 30_000]);
  }
});
