// Runs in: tests.
import { assertEquals, assertRejects } from "@std/assert";
import { CommandError } from "../../src/agent/errors.ts";
import { pathsOf } from "../../src/agent/paths.ts";
import { lockIsFree, runningPid } from "../../src/agent/run_lock.ts";
import stop from "../../src/cli/stop.ts";
import { fakeContext, FakeOutput } from "../support/fake_output.ts";
import { until } from "../support/until.ts";

Deno.test("ivy stop gives up on an agent that does not end, and says how to end it", async () => {
  const root = await Deno.makeTempDir({ prefix: "ivy-stop-" });
  const paths = pathsOf(root);
  const { control, lockFile } = paths;
  await Deno.mkdir(control);
  await Deno.writeTextFile(lockFile, "");
  const script = `trap '' TERM; exec 8<"$1" 9>"$0"; flock 8; echo $$ >&9; read -r _`; // ends with its standard input
  const child = new Deno.Command("bash", { args: ["-c", script, lockFile, root], stdin: "piped" }).spawn();
  try {
    await until("the lock to be held", async () => await runningPid(paths) !== undefined);
    const pid = await runningPid(paths);
    const out = new FakeOutput();
    await assertRejects(
      () => stop(fakeContext(out, { root }), 500),
      CommandError,
      `did not end within 0.5 s; end it with: kill -9 ${pid}`,
    );
    assertEquals(out.lines, []);
  } finally {
    await child.stdin.close();
    await child.status;
    assertEquals(await lockIsFree(paths, 1000), true);
    await Deno.remove(root, { recursive: true });
  }
});
