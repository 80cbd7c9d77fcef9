// Runs in: tests.
import { assertEquals } from "@std/assert";
import { HeldChannels } from "../../src/runtime/held_channels.ts";
import type { Parcel } from "../../src/runtime/parcels.ts";
import { fakeTimers } from "../support/fake_timers.ts";

const parcel = (id: number, channel = "a"): Parcel => ({
  channel,
  payload: "",
  sizeBytes: 100,
  points: 1,
  elements: [{ id, channel, text: "" }],
});

function bench({ probesFirst = false } = {}) {
  const released: number[][] = [];
  const held = new HeldChannels({
    probesFirst,
    release: (parcels) => released.push(parcels.map(({ elements }) => elements[0]!.id)),
  });
  return { held, released };
}

Deno.test("what the server does not take now is tried again, one parcel at first, then the others in order", () => {
  using timers = fakeTimers();
  const { held, released } = bench();
  const [one, two, three] = [parcel(1), parcel(2), parcel(3)];
  for (const own of [two, one]) held.hold(own);
  assertEquals([held.takes(three), held.takes(parcel(4, "b"))], [true, false], "others go past");
  timers.next();
  assertEquals([released, held.takes(one)], [[[1]], false]);
  assertEquals(held.takes(parcel(5)), true, "nothing overtakes the one that is tried");
  held.answered(one);
  assertEquals([released, held.isEmpty, held.takes(parcel(6))], [[[1], [2, 3, 5]], true, false]);
});

Deno.test("pauses double to a minute and stay there; an answer ends them", () => {
  using timers = fakeTimers();
  const { held } = bench();
  const own = parcel(1);
  const pauses: number[] = [];
  for (let time = 0; time < 9; time++) {
    held.hold(own);
    pauses.push(timers.nextInMs!);
    timers.next();
  }
  assertEquals(pauses.map((ms) => ms / 1000), [1, 2, 4, 8, 16, 32, 60, 60, 60]);
  held.answered(own);
  held.hold(own);
  assertEquals(timers.nextInMs, 1000);
  held.clear();
});

Deno.test("nothing is given up; of a full channel no more is asked for, of others it is", () => {
  using _timers = fakeTimers();
  const { held } = bench();
  for (let id = 1; id <= 1500; id++) {
    if (id === 1) held.hold(parcel(id));
    else held.takes(parcel(id));
  }
  held.hold(parcel(2000, "b"));
  assertEquals(held.full, ["a"]);
  assertEquals(held.clear().length, 1501);
  assertEquals(held.isEmpty, true);
});

Deno.test("an answer to what was on its way before does not open a held channel", () => {
  using _timers = fakeTimers();
  const { held } = bench();
  held.hold(parcel(1));
  assertEquals(held.answered(parcel(2)), false);
  assertEquals(held.takes(parcel(3)), true);
  held.clear();
});

Deno.test("where somebody must listen, each channel begins with one parcel; a faulty one opens it as well", () => {
  using _timers = fakeTimers();
  const { held, released } = bench({ probesFirst: true });
  const [one, two] = [parcel(1), parcel(2)];
  assertEquals([held.takes(one), held.takes(two), held.takes(parcel(9, "b"))], [false, true, false]);
  held.answered(one);
  assertEquals([released, held.takes(two)], [[[2]], false]);
  held.hold(two);
  held.clear();
  assertEquals([held.takes(one), held.takes(two)], [false, true], "after a refusal it begins anew");
  held.clear();
});
