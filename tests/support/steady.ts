// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { type StoredLine, valuesOf } from "./messages.ts";

/** The metronome's beats; each is numbered by the wall clock. */
export function beatsOf(messages: StoredLine[]): number[] {
  return valuesOf(messages, "beat") as number[];
}

/** Fails when the metronome has missed a beat, or beaten twice. */
export function assertSteady(beats: number[], least = 2): void {
  assert(beats.length >= least, `only ${beats.length} beats`);
  const expected = beats.map((_, index) => beats[0]! + index);
  assertEquals(beats, expected, `a beat is missing or doubled: ${beats}`);
}

/** Fails unless the ids of all messages rise one by one. */
export function assertNoIdMissing(messages: StoredLine[]): void {
  assertEquals(messages.map(({ id }) => id), messages.map((_, index) => messages[0]!.id + index));
}
