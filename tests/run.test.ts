// Runs in: tests.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";
import { runCommand } from "../src/build/command.ts";

const PROJECT = dirname(dirname(fromFileUrl(import.meta.url)));

const CASES: { name: string; source: string; success: boolean; lastLine: string }[] = [
  { name: "all pass", source: `Deno.test("a", () => {});`, success: true, lastLine: "1 passed, 0 failed" },
  {
    name: "one fails",
    source: `Deno.test("a", () => {}); Deno.test("b", () => { throw new Error("no"); });`,
    success: false,
    lastLine: "1 passed, 1 failed",
  },
  {
    name: "one is skipped",
    source: `Deno.test("a", () => {}); Deno.test({ name: "b", ignore: 1 > 0, fn() {} });`,
    success: true,
    lastLine: "1 passed, 0 failed, 1 skipped",
  },
  { name: "none ran", source: "", success: false, lastLine: "0 passed, 0 failed" },
  {
    name: "a file does not load",
    source: `throw new Error("no");`,
    success: false,
    lastLine: "0 passed, 1 failed",
  },
  {
    name: "the run breaks off",
    source: `Deno.test("a", () => {}); Deno.test("b", () => { Deno.kill(Deno.pid, "SIGKILL"); });`,
    success: false,
    lastLine: "0 passed, 1 failed",
  },
];

for (const { name, source, success, lastLine } of CASES) {
  Deno.test(`the test command counts: ${name}`, async () => {
    const result = await runTests(source);
    assertEquals(result.stdout.trimEnd().split("\n").at(-1), lastLine, result.stdout + result.stderr);
    assertEquals(result.success, success);
  });
}

Deno.test("the test command says why a test is skipped and what to install", async () => {
  const needs = join(PROJECT, "tests/support/needs.ts");
  const { stdout } = await runTests(`
    import { needs, PACKAGES } from "${needs}";
    Object.assign(PACKAGES, { "no-such-program": "no-such-package" });
    Deno.test({ name: "the skipped one", ignore: needs("no-such-program") !== undefined, fn() {} });`);
  assertStringIncludes(stdout, "=> the skipped one\nbecause\n");
  assertStringIncludes(
    stdout,
    "no-such-program is missing: sudo apt-get install -y --no-install-recommends no-such-package",
  );
});

async function runTests(source: string) {
  const folder = await Deno.makeTempDir({ prefix: "ivy-run-test-" });
  try {
    await Deno.writeTextFile(join(folder, "planted.test.ts"), source);
    const command = ["run", "--quiet", "--allow-all", "tests/run.ts", folder];
    return await runCommand([Deno.execPath(), ...command], { cwd: PROJECT, env: { IVY_COVERAGE: "" } });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
