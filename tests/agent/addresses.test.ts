// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { hasNew, namesIn, parsePlace, resolveNames, withAddresses } from "../../src/agent/addresses.ts";
import { AddressWatch } from "../../src/agent/address_watch.ts";
import { backends } from "../../src/backends/registry.ts";
import { fakeTimers } from "../support/fake_timers.ts";
import { until } from "../support/until.ts";

Deno.test("places that a permission grants: names, addresses of both kinds, with and without a port", () => {
  assertEquals(parsePlace("broker.example.org:1883"), { host: "broker.example.org", port: 1883 });
  assertEquals(parsePlace("[fd00::1]:1883"), { host: "fd00::1", port: 1883 });
  assertEquals(parsePlace("10.0.0.1"), { host: "10.0.0.1", port: undefined });
  assertEquals(parsePlace("*.example.org:1883"), undefined);
  const net = ["b.example:1", "b.example:2", "10.0.0.1:3", "[fd00::1]:4", "*.example.org:5"];
  assertEquals(namesIn({ net }), ["b.example"]);
  assertEquals([namesIn({}), namesIn({ net: true })], [[], []]);
});

Deno.test("a worker may go to every address of a name, on the ports of the name, and nowhere else", () => {
  const addresses = { "b.example": ["10.0.0.1", "fd00::1"], "other.example": ["10.9.9.9"] };
  assertEquals(withAddresses({ net: ["b.example:1883", "10.0.0.7:80"], read: false }, addresses), {
    net: ["b.example:1883", "10.0.0.1:1883", "[fd00::1]:1883", "10.0.0.7:80"],
    read: false,
  });
  assertEquals(withAddresses({ net: true }, addresses), { net: true });
  const mqtt = backends["mqtt"]!.permissions({ mqtt_connection: { host: "b.example", port: 8883 } });
  assertEquals(withAddresses(mqtt, addresses).net, ["b.example:8883", "10.0.0.1:8883", "[fd00::1]:8883"]);
  const urls = { url: "https://B.example/in", configuration_url: "http://b.example:8080/c" };
  assertEquals(withAddresses(backends["http"]!.permissions(urls), { "b.example": ["10.0.0.1"] }).net, [
    "b.example:443",
    "10.0.0.1:443",
    "b.example:8080",
    "10.0.0.1:8080",
  ]);
});

Deno.test("new is what was not granted: another order, or fewer, is not", () => {
  const granted = { a: ["1", "2"] };
  assertEquals(hasNew({ a: ["2", "1"] }, granted), false);
  assertEquals(hasNew({ a: ["2"] }, granted), false);
  assertEquals(hasNew({ a: ["2", "3"] }, granted), true);
  assertEquals(hasNew({ b: ["1"] }, granted), true);
  assertEquals(hasNew({}, granted), false);
});

Deno.test("nobody waits for a system that does not resolve; what it can resolve is used", async () => {
  const resolve = (name: string) => {
    if (name === "slow") return new Promise<string[]>(() => {});
    return name === "wrong" ? Promise.reject(new Error("no such name")) : Promise.resolve(["10.0.0.1"]);
  };
  assertEquals(await resolveNames(["slow", "wrong", "good"], resolve, 20), { good: ["10.0.0.1"] });
});

Deno.test("looks are apart; each that finds something is told, and what was known stays known", async () => {
  using timers = fakeTimers();
  const found: unknown[] = [];
  const answers: string[][] = [["10.0.0.1"], [], ["10.0.0.2"]];
  let looks = 0;
  const watch = new AddressWatch({
    names: ["a"],
    resolve: () => Promise.resolve(answers[looks++]!),
    onFound: (addresses) => found.push(addresses),
    monotonic: () => timers.nowMs,
  });
  const settle = async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  await watch.start();
  assertEquals([looks, watch.addresses], [1, { a: ["10.0.0.1"] }]);
  watch.again();
  watch.again();
  assertEquals(timers.nextInMs, 10_000, "one look is to come, in 10 s");
  timers.next();
  await settle();
  assertEquals([looks, watch.addresses], [2, { a: ["10.0.0.1"] }]);
  watch.again();
  timers.next();
  await settle();
  assertEquals(found, [{ a: ["10.0.0.1"] }, { a: ["10.0.0.2"] }]);
  watch.again();
  watch.stop();
  assertEquals(timers.nextInMs, undefined);
});

Deno.test("a start does not wait for a slow system, whose answer is told when it comes", async () => {
  const answer = Promise.withResolvers<string[]>();
  const found: unknown[] = [];
  const watch = new AddressWatch({
    names: ["a"],
    resolve: () => answer.promise,
    onFound: (addresses) => found.push(addresses),
  });
  const startMs = performance.now();
  await watch.start();
  assert(performance.now() - startMs < 5000);
  answer.resolve(["10.0.0.1"]);
  await until("it is told", () => found.length === 1);
  watch.stop();
});
