// Runs in: tests.
import { assertEquals } from "@std/assert";
import { TestNode } from "../support/node.ts";
import { misbehavingIvy } from "../support/program.ts";

const program = await misbehavingIvy();

/** What is neither granted nor denied by a permission is left out: all else must be denied. */
const OPENED: Record<string, string[]> = {
  "doors_of_random_walk": [],
  "doors_of_system_checks": ["read_lock", "sys_loadavg", "sys_memory"],
  "store": ["read_lock", "read_data", "write_lock", "write_data"],
};

Deno.test("every door that a worker's line does not open is shut, tried from inside each worker", async (t) => {
  await using node = new TestNode({
    program,
    procedures: { doors_of_random_walk: {}, doors_of_system_checks: {} },
    env: { IVY_TEST_STORE: "doors" },
  });
  await using agent = await node.run().ready();
  for (const [worker, opened] of Object.entries(OPENED)) {
    await t.step(worker, async () => {
      const [, json] = await agent.log.until(new RegExp(`${worker}  doors (.*)`));
      const found: Record<string, string> = JSON.parse(json!);
      const expected = Object.keys(found).map((door) => [door, opened.includes(door) ? "opened" : "denied"]);
      assertEquals(found, Object.fromEntries(expected));
    });
  }
});
