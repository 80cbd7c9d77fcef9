// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { CrashLab } from "../../support/crash_lab.ts";
import { KillChain } from "../../support/kill_round.ts";
import { needs } from "../../support/needs.ts";
import { sideBySide } from "../../support/sampling.ts";
import { TestStore } from "../../support/test_store.ts";

const RESTARTS = 60;

Deno.test("fault 4 of Python Ivy: archive and queue disagree after a kill at any moment", async () => {
  await using chain = new KillChain();
  for (let kill = 0; kill < 20; kill++) assertEquals(await chain.killAtWork(20 + kill * 10), []);
  assertEquals(await chain.closeInOrder(), []);
});

Deno.test({
  name: "fault 4 of Python Ivy: archive and queue disagree after a kill between the one and the other",
  ignore: needs("strace") !== undefined,
  fn: async () => {
    await using lab = await new CrashLab("two days", 30).prepare();
    const writes = (await lab.strikes({ fault: "SIGKILL" })).filter(({ call, files }) =>
      call === "write" && files.includes("outbox.sqlite3")
    );
    assert(writes.length >= 5, "the workload writes several lines");
    await sideBySide(writes, 2, async (write) => assertEquals((await lab.strike(write)).faults, []));
  },
});

Deno.test("fault 7 of Python Ivy: rows that are never sent block the queue", async (t) => {
  await t.step("parked, they hold up nothing, and are kept with the reason", async () => {
    await using test = new TestStore({ backends: ["b"] });
    for (let restart = 1; restart <= RESTARTS; restart++) {
      await startAndMeasure(test, restart);
      const leased = test.store.lease("b", 10, 100_000);
      assertEquals(leased.map(({ variant }) => variant), ["config", "data"], `restart ${restart}`);
      await test.park("b", leased[0]!.id, "this server does not take it");
      await test.acknowledge("b", [leased[1]!.id]);
      await test.store.close();
    }
    await test.open();
    const { config, data } = test.store.request({ kind: "statistics" }).backends["b"]!;
    assertEquals([config.parked, config.waiting, data.acknowledged, data.waiting], [
      RESTARTS,
      0,
      RESTARTS,
      0,
    ]);
    test.assertSums();
  });
  await t.step("acknowledged without being sent, they leave", async () => {
    await using test = new TestStore({ backends: ["b"] });
    for (let restart = 1; restart <= RESTARTS; restart++) {
      await startAndMeasure(test, restart);
      await test.acknowledge("b", test.store.lease("b", 10, 100_000).map(({ id }) => id));
      await test.store.close();
    }
    await test.open();
    assertEquals(test.store.request({ kind: "statistics" }).waiting, 0);
  });
  await t.step(
    "held by a backend that never says what became of them, they hold up no measurement",
    async () => {
      await using test = new TestStore({ backends: ["b"] });
      for (let restart = 1; restart <= RESTARTS; restart++) {
        await startAndMeasure(test, restart);
        if (restart < RESTARTS) await test.store.close();
      }
      const leased = test.store.lease("b", 2 * RESTARTS, 1_000_000);
      await test.acknowledge("b", leased.filter(({ variant }) => variant === "data").map(({ id }) => id));
      await test.send("data", "one more");
      assertEquals(test.store.lease("b", 10, 100_000).map(({ variant }) => variant), ["data"]);
      await test.store.close();
      await test.open(); // whoever held them is gone: they come again, and again first
      const again = test.store.lease("b", 2 * RESTARTS, 1_000_000);
      assertEquals(again.map(({ variant }) => variant), [...Array(RESTARTS).fill("config"), "data"]);
    },
  );
});

/** What every start of an agent leaves behind, and one measurement. */
async function startAndMeasure(test: TestStore, restart: number): Promise<void> {
  await test.open();
  await test.send("config", `startup ${restart}`);
  await test.send("data", `measured after start ${restart}`);
}
