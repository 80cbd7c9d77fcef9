// Runs in: tests.
import { assertEquals } from "@std/assert";
import { didYouMean, nearest } from "../../src/shared/nearest.ts";

const COMMANDS = ["run", "start", "stop", "restart", "status", "config", "completions"];

for (
  const [typed, found] of [
    ["rnu", "run"],
    ["star", "start"],
    ["staus", "status"],
    ["stpo", "stop"],
    ["stat", "start"],
    ["restrat", "restart"],
    ["confg", "config"],
    ["comp", "completions"],
    ["co", undefined],
    ["", undefined],
    ["frobnicate", undefined],
  ] as const
) {
  Deno.test(`"${typed}" is nearest to ${found ?? "nothing"}`, () =>
    assertEquals(nearest(typed, COMMANDS), found));
}

Deno.test("the hint is a question, or nothing", () => {
  assertEquals(didYouMean("rnu", COMMANDS), ' (did you mean "run"?)');
  assertEquals(didYouMean("xyz", COMMANDS), "");
});
