// Runs in: tests.
import { assertEquals, assertRejects } from "@std/assert";
import { ControlServer } from "../../src/agent/control_server.ts";
import { CommandError } from "../../src/agent/errors.ts";
import { pathsOf } from "../../src/agent/paths.ts";
import { takeRunLock } from "../../src/agent/run_lock.ts";
import rollback from "../../src/cli/rollback.ts";
import { fakeContext, FakeOutput } from "../support/fake_output.ts";
import { Scratch } from "../support/scratch.ts";

Deno.test("ivy rollback asks the agent that runs, and says what it answers", async () => {
  await using scratch = new Scratch("ivy-rollback-");
  const paths = pathsOf(scratch.path);
  Deno.mkdirSync(paths.control);
  const answers = [() => ({ version: "1.2.3" }), () => {
    throw new CommandError("there is nothing to go back to");
  }];
  const server = new ControlServer(paths, { "POST /v1/rollback": () => answers.shift()!() });
  try {
    const out = new FakeOutput();
    assertEquals(await rollback(fakeContext(out, { root: scratch.path })), 0);
    assertEquals(out.lines, ["back to Ivy 1.2.3, which takes over now"]);
    const again = () => rollback(fakeContext(out, { root: scratch.path }));
    await assertRejects(again, CommandError, "there is nothing to go back to");
  } finally {
    await server.close();
  }
});

Deno.test("ivy rollback of what is no node, and of one that is just starting", async () => {
  await using scratch = new Scratch("ivy-rollback-");
  const paths = pathsOf(scratch.path);
  const out = new FakeOutput();
  const back = () => rollback(fakeContext(out, { root: scratch.path }));
  await assertRejects(back, CommandError, "there is no node at");
  Deno.mkdirSync(paths.control);
  Deno.mkdirSync(paths.data);
  Deno.symlinkSync("1.2.3", paths.current);
  Deno.mkdirSync(`${scratch.path}/1.2.3`);
  const taken = await takeRunLock(paths);
  if (!("lock" in taken)) throw new Error("the lock is taken");
  await assertRejects(back, CommandError, "is just starting or ending");
  taken.lock.release();
  await assertRejects(back, CommandError, "is the only version on");
});
