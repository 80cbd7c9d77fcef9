// Runs in: tests.
import { assertEquals } from "@std/assert";
import * as z from "zod";
import { readSavedState } from "../../src/agent/saved_state.ts";
import type { StateFields } from "../../src/shared/state_fields.ts";
import { StateLife, withStateFile } from "./state_node.ts";

new BroadcastChannel("stays open"); // see state_fixture.ts

/** The state of two versions: `valve` has changed its shape, `pump` is gone, `fan` is new, `total` is the same. */
const OLD = {
  total: z.number().default(0),
  valve: z.boolean().default(false),
  pump: z.string().default(""),
};
const NEXT = {
  total: z.number().default(0),
  valve: z.strictObject({ is_open: z.boolean() }).default({ is_open: false }),
  fan: z.number().default(0),
};

async function live<Fields extends StateFields>(
  path: string,
  version: string,
  fields: Fields,
  change: (life: StateLife<Fields>) => Promise<void> = () => Promise.resolve(),
): Promise<{ state: unknown; said: string[] }> {
  await using life = await StateLife.start(path, fields, 1, version);
  const found = { state: life.state, said: life.said };
  await change(life);
  return found;
}

const useOld = (path: string) =>
  live(path, "1.2.3", OLD, (life) =>
    life.replica.update((draft) => {
      draft.total = 1;
      draft.valve = true;
      draft.pump = "runs";
    }));

Deno.test("a new version with other fields is left again: the old one finds what it had, and what was added since", () =>
  withStateFile(async (path) => {
    await useOld(path);
    const next = await live(path, "4.5.6", NEXT, (life) =>
      life.replica.update((draft) => {
        draft.total = 2;
        draft.valve = { is_open: true };
        draft.fan = 7;
      }));
    assertEquals(next.state, { total: 1, valve: { is_open: false }, fan: 0 });
    for (let start = 0; start < 3; start++) await live(path, "4.5.6", NEXT); // it did not get well
    const back = await live(path, "1.2.3", OLD);
    assertEquals(back.state, { total: 2, valve: true, pump: "runs" });
    const again = await live(path, "1.2.3", OLD);
    assertEquals(again, { state: { total: 2, valve: true, pump: "runs" }, said: [] });
    assertEquals((await readSavedState(path, OLD))?.state, again.state);
    const later = await live(path, "4.5.6", NEXT);
    assertEquals(later.state, { total: 2, valve: { is_open: true }, fan: 7 }, "and so does the new one");
  }));

Deno.test("what fits neither way begins with its default, and only that", () =>
  withStateFile(async (path) => {
    await useOld(path);
    const { state, said } = await live(path, "4.5.6", NEXT);
    assertEquals(state, { total: 1, valve: { is_open: false }, fan: 0 });
    assertEquals(said, [
      "WARNING the saved state fits only in part; these fields begin with their defaults: pump, valve",
    ]);
    assertEquals((await live(path, "4.5.6", NEXT)).said, []);
  }));

Deno.test("more than one commit holds is kept as well", () =>
  withStateFile(async (path) => {
    const texts = Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [`text_${index}`, z.string().default("")]),
    );
    await live(path, "1.2.3", texts, async (life) => {
      for (const name of Object.keys(texts)) {
        await life.replica.update((draft) => {
          (draft as Record<string, string>)[name] = "x".repeat(60_000);
        });
      }
    });
    await live(path, "4.5.6", { total: OLD.total });
    const back = await live(path, "1.2.3", texts);
    assertEquals(Object.values(back.state as object).every((text) => text.length === 60_000), true);
  }));
