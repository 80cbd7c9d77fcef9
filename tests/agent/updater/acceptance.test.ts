// Runs in: tests.
import { assertEquals } from "@std/assert";
import { runAcceptanceTests } from "../../../src/agent/updater/acceptance.ts";

/** Runs a shell script in place of `ivy test`; its arguments are `$@`. */
function run(script: string, limitMs?: number): Promise<string | undefined> {
  const options = { root: "/node", configFile: "/node/new.json", environment: { IVY_SET: "seen" } };
  return runAcceptanceTests(options, ["/bin/sh", "-c", script, "sh"], limitMs);
}

Deno.test("the acceptance tests get the candidate, the root, and the environment of the start", async () => {
  const expected = "test --config /node/new.json --root /node seen";
  assertEquals(await run(`[ "$* $IVY_SET" = "${expected}" ]`), undefined);
});

Deno.test("what failed is told in one line, without what passed", async () => {
  const script =
    "echo '✓ disk'; echo '✗ procedure pump'; echo '    it does not turn'; echo '1 passed, 1 failed'; exit 1";
  assertEquals(await run(script), "acceptance tests failed: ✗ procedure pump; it does not turn");
});

Deno.test("tests that did not get so far as to fail: all that was printed, at most 2,000 characters", async () => {
  assertEquals(
    await run("echo 'ivy: no such file' >&2; exit 78"),
    "acceptance tests failed: ivy: no such file",
  );
  assertEquals((await run("head -c 5000 /dev/zero | tr '\\0' x; exit 1"))!.length, 2000);
});

Deno.test("tests that hang are ended", async () => {
  assertEquals(await run("exec sleep 60", 200), "the acceptance tests were not over within 0.2 s");
});
