// Runs in: tests.
import { assertThrows } from "@std/assert";
import { restartProcess } from "../../src/agent/self_restart.ts";

Deno.test("where the process cannot be replaced, that is an error, and it lives on to end in order", () => {
  assertThrows(
    () => restartProcess({ HOME: "/root", EMPTY: "", ODD: "a=b ä" }, "/no/such/program"),
    Error,
    "the process could not be replaced by /no/such/program",
  );
});
