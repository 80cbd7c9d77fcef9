// Runs in: tests.
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { createLogger } from "../../src/shared/logger.ts";
import type { Clock } from "../../src/store/clock.ts";
import { DailyFiles } from "../../src/store/daily_files.ts";
import { HouseKeeper } from "../../src/store/house_keeping.ts";
import type { Outbox } from "../../src/store/outbox.ts";
import { NOON_MS } from "../support/test_store.ts";
import { Scratch } from "../support/scratch.ts";
import { until } from "../support/until.ts";

const DAY_MS = 86_400_000;
const DAYS = ["2026-06-01", "2026-06-15"];

Deno.test("a clock that has just jumped removes nothing, not even before anybody has found it wrong", async () => {
  await using scratch = new Scratch("ivy-days-");
  for (const day of DAYS) {
    const path = join(scratch.path, `${day}.jsonl.gz`);
    Deno.writeTextFileSync(path, "");
    Deno.utimeSync(path, Date.parse(day) / 1000, Date.parse(day) / 1000);
  }
  const left = () => [...Deno.readDirSync(scratch.path)].map(({ name }) => name.slice(0, 10)).sort();
  const clock = { trusted: true };
  let nowMs = NOON_MS;
  let turns = 0;
  let isRight = true;
  const keeper = new HouseKeeper({
    files: new DailyFiles(scratch.path),
    outbox: { holdsDay: () => false } as unknown as Outbox,
    clock: clock as Clock,
    retentionDays: 30,
    logger: createLogger("store", () => {}),
    now: () => nowMs,
    monotonic: () => 0,
    syncedId: () => 0,
    isIdle: false,
    alsoDo: () => {
      turns++;
      clock.trusted = isRight; // main has asked after the jump
    },
    everyMs: 2,
  });
  const nextTurn = async () => {
    const before = turns;
    await until("it has looked again", () => turns > before);
  };
  await nextTurn();
  assertEquals(left(), DAYS, "nothing is old enough");
  nowMs += 20_000 * DAY_MS;
  isRight = false;
  await nextTurn();
  await nextTurn();
  assertEquals(left(), DAYS, "the clock is wrong");
  nowMs = NOON_MS + 20 * DAY_MS;
  isRight = true;
  await until("the old day is gone", () => left().length === 1);
  assertEquals(left(), ["2026-06-15"]);
  keeper.close();
  await keeper.settled;
});
