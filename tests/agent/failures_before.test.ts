// Runs in: tests.
import { assertEquals } from "@std/assert";
import { readFailures, withFailures } from "../../src/agent/failures_before.ts";

Deno.test("the failures so far go with the environment, and with it only", () => {
  const environment = { HOME: "/root", PATH: "/bin" };
  const next = withFailures(environment, { spins: 2, well: 0, grows: 1 });
  assertEquals(readFailures(next), { spins: 2, grows: 1 });
  assertEquals(withFailures(next, { spins: 0 }), environment, "old ones must not stay");
  assertEquals(readFailures(environment), {});
});

Deno.test("a variable that somebody else has set is no reason not to start", () => {
  for (const text of ["", "no JSON", "null", "[1]", '{"a": "b", "c": 1.5}']) {
    const found = readFailures({ IVY_FAILURES: text });
    assertEquals(Object.keys(found).filter((name) => name !== "0"), [], text);
  }
});
