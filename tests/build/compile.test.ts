// Runs in: tests.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import { fromFileUrl, join } from "@std/path";
import { runCommand } from "../../src/build/command.ts";
import { testRuntime } from "../support/denort.ts";
import { orSkip } from "../support/needs.ts";
import { expectedOutput, writeFixture } from "./fixture.ts";

const COMPILE = fromFileUrl(new URL("../../src/build/compile.ts", import.meta.url));
const CONFIG = fromFileUrl(new URL("../../deno.json", import.meta.url));

function compile(cwd: string, args: string[], env: Record<string, string> = {}) {
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const deno = [Deno.execPath(), "run", "--quiet", "--allow-all", "--config", CONFIG];
  return runCommand(["env", "--unset=DENORT_BIN", ...settings, ...deno, COMPILE, ...args], { cwd });
}

const runtime = await orSkip(testRuntime());
const needsRuntime = { ignore: runtime === undefined };
const needsForeignRuntime = { ignore: runtime?.compiler === undefined };

Deno.test(
  "a compiled binary runs alone, with workers, permissions, KV and its version",
  needsRuntime,
  async () => {
    const { denort, compiler } = runtime!;
    await using fixture = await writeFixture();
    const args = ["--version", "3.2.1", ...(compiler === undefined ? [] : ["--compiler", compiler])];
    const { success, stderr } = await compile(fixture.folder, args, { DENORT_BIN: denort });
    assertEquals(success, true, stderr);
    assertStringIncludes(stderr, "Wrote dist/ivy");

    await Deno.rename(join(fixture.folder, "dist/ivy"), join(fixture.folder, "alone"));
    const result = await runCommand([join(fixture.folder, "alone")], { cwd: "/", env: { PATH: "" } });
    assertEquals(result.stdout, expectedOutput({ version: "3.2.1", standalone: true }), result.stderr);
  },
);

Deno.test("two builds in two folders are equal byte by byte", needsRuntime, async () => {
  const { denort, compiler } = runtime!;
  await using one = await writeFixture();
  await using other = await writeFixture();
  const binaries = [];
  for (const { folder } of [one, other]) {
    const args = compiler === undefined ? [] : ["--compiler", compiler];
    const { success, stderr } = await compile(folder, args, { DENORT_BIN: denort });
    assertEquals(success, true, stderr);
    binaries.push(await Deno.readFile(join(folder, "dist/ivy")));
  }
  assertEquals(Buffer.compare(binaries[0]!, binaries[1]!), 0);
});

Deno.test("a runtime that does not fit the compiling Deno is found out", needsForeignRuntime, async () => {
  const { denort } = runtime!;
  await using fixture = await writeFixture();
  const { success, stderr } = await compile(fixture.folder, [], { DENORT_BIN: denort });
  assertEquals(success, false);
  const sentence =
    `${denort} is not the runtime of deno@${Deno.version.deno} for ${Deno.build.target}: set DENORT_BIN`;
  assertStringIncludes(stderr, sentence);
});

Deno.test("a runtime for another processor is found out", needsForeignRuntime, async () => {
  const { denort, compiler } = runtime!;
  await using fixture = await writeFixture();
  const args = ["--compiler", compiler!, "--target", "aarch64-unknown-linux-gnu"];
  const { success, stderr } = await compile(fixture.folder, args, { DENORT_BIN: denort });
  assertEquals(success, false);
  assertStringIncludes(
    stderr,
    `${denort} is not the runtime of ${compiler} for aarch64-unknown-linux-gnu: set DENORT_BIN`,
  );
});

Deno.test("on a closed network one sentence says what to do", async () => {
  await using fixture = await writeFixture();
  const unreached = {
    HTTPS_PROXY: "http://127.0.0.1:9",
    DENO_DIR: await denoDirWithoutRuntimes(fixture.folder),
  };
  const { success, stderr } = await compile(fixture.folder, [], unreached);
  assertEquals(success, false);
  assertStringIncludes(stderr, "compile: deno compile could not download its runtime from https://");
  assertStringIncludes(stderr, "set DENORT_BIN to the denort in it");
  assertEquals(stderr.trim().split("\n").length, 2, stderr);
});

/** A cache that has what was downloaded before, but none of the runtimes. */
async function denoDirWithoutRuntimes(folder: string): Promise<string> {
  const { stdout } = await runCommand([Deno.execPath(), "info", "--json"]);
  const { denoDir } = JSON.parse(stdout) as { denoDir: string };
  const copy = join(folder, "deno-dir");
  await Deno.mkdir(join(copy, "dl"), { recursive: true });
  await Deno.symlink(join(denoDir, "npm"), join(copy, "npm"));
  for await (const { name } of Deno.readDir(join(denoDir, "dl"))) {
    if (name !== "release") await Deno.symlink(join(denoDir, "dl", name), join(copy, "dl", name));
  }
  return copy;
}

const MISTAKES: [args: string[], sentence: string][] = [
  [["--entri", "x.ts"], `compile: unknown argument "--entri"; --help lists what there is`],
  [["--version", "1.2"], `compile: --version "1.2": expected a version such as 1.2.3`],
  [["--target="], "compile: --target needs a value"],
];

for (const [args, sentence] of MISTAKES) {
  Deno.test(`a wrong command line is told: ${args.join(" ")}`, async () => {
    const { success, stderr } = await compile(".", args);
    assertEquals([success, stderr.trim()], [false, sentence]);
  });
}
