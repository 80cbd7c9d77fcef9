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

Deno.test("what takes minutes runs when it is asked for, and only then", async () => {
  const source = `Deno.test("a", () => {});`;
  const files = { "planted.test.ts": source, "tests/e2e/update.test.ts": source };
  const lastLine = async (...args: string[]) => {
    return (await runTests(files, ...args)).stdout.trimEnd().split("\n").at(-1);
  };
  assertEquals(await lastLine(), "1 passed, 0 failed");
  assertEquals(await lastLine("tests/e2e/update.test.ts"), "2 passed, 0 failed", "by its name");
  assertEquals(await lastLine("--slow"), "1 passed, 0 failed");
  assertEquals(await lastLine("--slwo"), "test: there is no option --slwo; --help tells the usage");
});

/** @param files texts by path, below a new folder; args that name one of them are resolved there */
async function runTests(files: Record<string, string> | string, ...args: string[]) {
  const folder = await Deno.makeTempDir({ prefix: "ivy-run-test-" });
  const planted = typeof files === "string" ? { "planted.test.ts": files } : files;
  try {
    for (const [path, source] of Object.entries(planted)) {
      await Deno.mkdir(dirname(join(folder, path)), { recursive: true });
      await Deno.writeTextFile(join(folder, path), source);
    }
    const more = args.map((argument) => argument in planted ? join(folder, argument) : argument);
    const command = ["run", "--quiet", "--allow-all", "tests/run.ts", folder, ...more];
    return await runCommand([Deno.execPath(), ...command], { cwd: PROJECT, env: { IVY_COVERAGE: "" } });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
