// Runs in: tests.
import { assertEquals, assertMatch } from "@std/assert";
import { dirname } from "@std/path";
import { ControlServer } from "../../src/agent/control_server.ts";
import { pathsOf } from "../../src/agent/paths.ts";
import { judge } from "../../src/agent/verdict.ts";
import status from "../../src/cli/status.ts";
import { fakeContext, FakeOutput } from "../support/fake_output.ts";
import { fakeStatus } from "../support/fake_status.ts";
import statusOfFirst from "../support/status_of_0_1.json" with { type: "json" };

Deno.test("ivy status shows an agent of 0.1, which says less, as far as it says something", async () => {
  const root = await Deno.makeTempDir({ prefix: "ivy-status-" });
  const paths = pathsOf(root);
  await Deno.mkdir(dirname(paths.socket), { recursive: true });
  const server = new ControlServer(paths, { "GET /v1/status": () => statusOfFirst });
  try {
    const out = new FakeOutput();
    assertEquals(await status(fakeContext(out, { root })), 0);
    const text = out.lines.join("\n");
    assertMatch(text, /^well {2}my-system-1, Ivy 0\.1\.0, configuration -1, PID \d+/);
    assertMatch(text, /\nmessages: 4 stored, 0 waiting, 0 refused/);
    assertEquals(/undefined|NaN|null/.exec(text), null, text);
    assertEquals(await status(fakeContext(out, { root, flags: { json: true } })), 0);
    assertEquals(out.values, [{ running: true, ...statusOfFirst }]);
  } finally {
    await server.close();
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("freeze: ivy status warns of a source that offers nothing new, and the node is well all the same", async () => {
  const root = await Deno.makeTempDir({ prefix: "ivy-status-" });
  const paths = pathsOf(root);
  await Deno.mkdir(dirname(paths.socket), { recursive: true });
  const facts = { ...fakeStatus(), update_warning: "the newest release is 90 days old" };
  const server = new ControlServer(paths, { "GET /v1/status": () => ({ ...facts, verdict: judge(facts) }) });
  try {
    const out = new FakeOutput();
    assertEquals(await status(fakeContext(out, { root })), 0);
    const text = out.lines.join("\n");
    assertMatch(text, /^well /);
    assertMatch(text, /\nupdates: the newest release is 90 days old\n/);
  } finally {
    await server.close();
    await Deno.remove(root, { recursive: true });
  }
});
