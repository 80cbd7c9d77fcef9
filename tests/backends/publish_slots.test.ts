// Runs in: tests.
import { assertEquals } from "@std/assert";
import { PublishSlots } from "../../src/backends/publish_slots.ts";

function bench(most: number) {
  const slots = new PublishSlots(most);
  const sent: string[] = [];
  return {
    sent,
    slots,
    deliver: (name: string) => slots.take(() => sent.push(name), false),
    say: (name: string) => slots.take(() => sent.push(name), true),
  };
}

Deno.test("no more publishes are unanswered than the server allows, whoever sends them", () => {
  const { sent, slots, deliver, say } = bench(2);
  deliver("a");
  deliver("b");
  deliver("c");
  say("presence");
  assertEquals(sent, ["a", "b"]);
  slots.release(false);
  assertEquals(sent, ["a", "b", "presence"], "what is said beside comes first");
  slots.release(false);
  assertEquals(sent, ["a", "b", "presence", "c"]);
});

Deno.test("what is said beside and never answered leaves a slot to the deliveries", () => {
  const { sent, slots, deliver, say } = bench(2);
  say("one");
  say("two");
  for (const name of ["a", "b", "c"]) deliver(name);
  assertEquals(sent, ["one", "a"]);
  slots.release(false);
  slots.release(false);
  assertEquals(sent, ["one", "a", "b", "c"]);
});

Deno.test("a server that allows one gets one at a time", () => {
  const { sent, slots, deliver, say } = bench(1);
  say("one");
  deliver("a");
  say("two");
  assertEquals(sent, ["one"]);
  slots.release(true);
  slots.release(true);
  assertEquals(sent, ["one", "two", "a"]);
});
