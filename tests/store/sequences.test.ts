// Runs in: tests.
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Sequences } from "../../src/store/sequences.ts";

Deno.test("whatever is stored in whatever order, also over restarts: only that is called stored", () => {
  const step = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant("restart" as const));
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    let sequences = new Sequences();
    const stored = new Set<number>();
    for (const step of steps) {
      if (step === "restart") sequences = Sequences.from(sequences.toValue());
      else if (!stored.has(step)) {
        const before = JSON.stringify(sequences.toValue());
        const mustSave = sequences.store(step);
        stored.add(step);
        if (!mustSave) assertEquals(typeof JSON.parse(before), typeof sequences.toValue());
      }
      for (let sequence = 1; sequence <= 41; sequence++) {
        assertEquals(sequences.placementOf(sequence), stored.has(sequence) ? "stored" : "new");
      }
    }
  }));
});

Deno.test("of gaps that are too many to be remembered nothing is claimed", () => {
  let sequences = new Sequences();
  for (let sequence = 2; sequence <= 400; sequence += 2) sequences.store(sequence);
  sequences = Sequences.from(sequences.toValue());
  assertEquals([1, 2, 199].map((sequence) => sequences.placementOf(sequence)), [
    "unknown",
    "unknown",
    "unknown",
  ]);
  assertEquals([201, 202, 399, 401].map((sequence) => sequences.placementOf(sequence)), [
    "new",
    "stored",
    "new",
    "new",
  ]);
});
