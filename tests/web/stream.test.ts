// Runs in: tests.
import { assertEquals } from "@std/assert";
import { follow } from "../../src/web/stream.js";
import { fakeBrowser, FakeEventSource } from "../support/fake_stream.ts";

function followed() {
  const told: unknown[] = [];
  follow((event: unknown) => told.push(event), (isLive: boolean) => told.push(isLive));
  return told;
}
const newest = () => FakeEventSource.opened.at(-1)!;

Deno.test("the page follows the node's events, and says once when the stream comes or goes", () => {
  using _browser = fakeBrowser();
  const told = followed();
  newest().dispatchEvent(new Event("open"));
  newest().say("status", `{"pid":1}`);
  newest().say("unknown", "{}");
  newest().fail({ isRefused: false });
  newest().fail({ isRefused: false });
  newest().say("log", "{}");
  assertEquals(told, [true, { event: "status", text: `{"pid":1}` }, false, true, {
    event: "log",
    text: "{}",
  }]);
  assertEquals(FakeEventSource.opened.length, 1, "the browser reconnects by itself");
});

Deno.test("a node that refused the stream is asked again", () => {
  using browser = fakeBrowser();
  const told = followed();
  newest().fail({ isRefused: true });
  browser.pass(2999);
  assertEquals(FakeEventSource.opened.length, 1);
  browser.pass(1);
  assertEquals(FakeEventSource.opened.length, 2);
  newest().say("state", "{}");
  assertEquals(told, [false, true, { event: "state", text: "{}" }]);
});

Deno.test("a stream that is silent counts as lost, as when a phone has left the network", () => {
  using browser = fakeBrowser();
  const told = followed();
  newest().say("state", "{}");
  browser.pass(19_000);
  newest().say("state", "{}");
  browser.pass(19_000);
  assertEquals([FakeEventSource.opened.length, told.includes(false)], [1, false]);
  browser.pass(1000);
  assertEquals([FakeEventSource.opened.length, told.at(-1)], [2, false]);
  assertEquals(FakeEventSource.opened[0]!.readyState, FakeEventSource.CLOSED);
});

Deno.test("the worker that tabs share tells all of them, and forgets those that close", async () => {
  using _browser = fakeBrowser();
  await import("../../src/web/shared_stream.js");
  const { onconnect } = globalThis as unknown as { onconnect(event: { ports: unknown[] }): void };
  const tab = () => {
    const got: unknown[] = [];
    const port = { postMessage: (message: unknown) => got.push(message), onmessage: (_: unknown) => {} };
    onconnect({ ports: [port] });
    return { got, port };
  };
  const first = tab();
  newest().say("state", "1");
  const second = tab();
  newest().say("state", "2");
  first.port.onmessage({ data: "bye" });
  newest().say("state", "3");
  const state = (text: string) => ({ event: "state", text });
  assertEquals(first.got, [{ isLive: false }, { isLive: true }, state("1"), state("2")]);
  assertEquals(second.got, [{ isLive: true }, state("2"), state("3")]);
});
