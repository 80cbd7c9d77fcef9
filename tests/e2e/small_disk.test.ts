// Runs in: tests.
import { assertEquals, assertMatch } from "@std/assert";
import { freePort } from "../support/free_port.ts";
import { TestNode } from "../support/node.ts";
import { isCompiled } from "../support/program.ts";
import { mayMount, SmallDisk } from "../support/small_disk.ts";

/** A compiled node also holds the program. */
const DISK_BYTES = isCompiled ? 300_000_000 : 16_000_000;
const WARNING =
  /storage\.min_free_mb is 200, and the disk has \S+ MB: \S+ (MB|kB) count instead; leave it out/;

Deno.test({
  name: "limits of a larger disk, on a small one: nothing is given up, and everybody says so",
  ignore: !mayMount(),
  fn: async () => {
    using disk = new SmallDisk(DISK_BYTES);
    await using node = new TestNode({ folder: disk.path, procedures: { random_walk: {} } });
    node.configure((config) => {
      Object.assign(config.storage, { min_free_mb: 200, max_outbox_mb: 1024 }); // what 0.1 had by default
      config.procedures["random_walk"]!["seconds_between_datapoints"] = 0.2;
      config["backends"] = [{ provider: "http", url: `http://127.0.0.1:${freePort()}/` }];
    });
    await using agent = await node.run().ready();
    await agent.log.until(WARNING);
    await node.untilMessages("30 messages", (messages) => messages.length >= 30 || undefined);
    const status = await node.status();
    const { dropped, waiting } = status.backends["http"]!.messages!;
    assertEquals(dropped, 0);
    assertEquals(waiting > 20, true, `${waiting} wait`);
    assertMatch(status.disk!.limit_warnings.join("\n"), WARNING);
    assertEquals(status.disk!.min_free_bytes, Math.floor(status.disk!.total_bytes * 0.05));
    assertEquals(status.verdict.reasons.filter((reason) => /disk/.test(reason)), []);
    assertMatch((await node.ivy("status")).stdout, WARNING);
    assertMatch((await node.ivy("doctor")).stdout, /! +disk limits.*storage\.min_free_mb is 200/);

    const validation = await node.ivy("config", "validate");
    assertEquals(validation.code, 0);
    assertMatch(validation.stderr, WARNING);
    const { valid, warnings } = JSON.parse((await node.ivy("config", "validate", "--json")).stdout);
    assertEquals([valid, warnings.length], [true, 2]);
    const test = await node.ivy("test");
    assertEquals(test.code, 0, test.stdout);
    assertMatch(test.stderr, WARNING);
    assertEquals((await agent.stop()).code, 0);
  },
});
