// Runs in: tests.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { exists, pathsOf } from "../../src/agent/paths.ts";
import { runCommand } from "../../src/build/command.ts";
import { SUMS_NAME } from "../../src/shared/release.ts";
import { TestNode } from "../support/node.ts";

Deno.test("a release is made, signed by two keys and verified; what was changed since is found", async () => {
  await using node = new TestNode({ covered: true });
  const work = dirname(node.root);
  const [dist, key, other] = [join(work, "dist"), join(work, "one.key"), join(work, "two.key")];
  Deno.mkdirSync(dist);
  Deno.writeTextFileSync(join(dist, "ivy"), "a binary for this machine");
  Deno.writeTextFileSync(join(dist, "ivy-aarch64-unknown-linux-gnu"), "a binary for the Raspberry Pi");
  const made = await runCommand(
    [
      Deno.execPath(),
      "run",
      "--quiet",
      "--allow-all",
      "src/build/release.ts",
      "--dist",
      dist,
      "--serial",
      "3",
    ],
    { env: coverage() },
  );
  assert(made.success, made.stderr);
  const release = join(dist, "release");
  assertEquals([...Deno.readDirSync(release)].length, 2 * 3 + 4);
  for (const file of [key, other]) assertEquals((await node.ivy("release", "keygen", file)).code, 0);
  assertEquals(Deno.statSync(key).mode! & 0o777, 0o600);
  assertMatch(Deno.readTextFileSync(`${key}.pub`), /^[A-Za-z0-9+/]{43}=\n$/);
  assertMatch((await node.ivy("release", "keygen", key)).stderr, /exists already/);

  assertMatch((await node.ivy("release", "verify", "--key", `${key}.pub`, release)).stderr, /not signed/);
  for (const file of [key, other, key]) {
    assertEquals((await node.ivy("release", "sign", "--key", file, release)).code, 0);
  }
  assertEquals(Deno.readTextFileSync(join(release, `${SUMS_NAME}.sig`)).split("\n").length, 3);
  const listed = await runCommand([
    "tar",
    "--list",
    "--file",
    join(release, `package-${Deno.build.target}.tar`),
  ]);
  assertEquals(listed.stdout.trim().split("\n"), [
    SUMS_NAME,
    `${SUMS_NAME}.sig`,
    "acceptance.js",
    `ivy-${Deno.build.target}.gz`,
  ]);
  for (const file of [key, other]) {
    const { code, stdout, stderr } = await node.ivy("release", "verify", "--key", `${file}.pub`, release);
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /^release \S+, serial 3, is signed with this key; 9 files are whole\n$/);
  }
  const ageBefore = [...Deno.readDirSync(release)].find(({ name }) => name.startsWith("date-"))!.name;
  const list = Deno.readTextFileSync(join(release, SUMS_NAME));
  const aged = list.replace(ageBefore, "date-2020-01-31");
  Deno.writeTextFileSync(join(release, SUMS_NAME), aged);
  Deno.renameSync(join(release, ageBefore), join(release, "date-2020-01-31"));
  assertMatch(
    (await node.ivy("release", "renew", release)).stdout,
    /is of \d{4}-\d\d-\d\d now.*sign it again/,
  );
  assert(!exists(join(release, `${SUMS_NAME}.sig`)) && !exists(join(release, "date-2020-01-31")));
  assertMatch((await node.ivy("release", "verify", "--key", `${key}.pub`, release)).stderr, /not signed/);
  assertEquals((await node.ivy("release", "sign", "--key", key, release)).code, 0);
  assertEquals((await node.ivy("release", "verify", "--key", `${key}.pub`, release)).code, 0);
  assert(!Deno.readTextFileSync(join(release, SUMS_NAME)).includes("2020-01-31"));
  Deno.writeTextFileSync(join(release, "acceptance.js"), "// evil");
  const { code, stderr } = await node.ivy("release", "verify", "--key", `${key}.pub`, release);
  assertEquals(code, 1);
  assertMatch(stderr, /acceptance\.js is not the file that was signed/);
  const checked = await runCommand(["sh", "-c", `cd "${release}" && sha256sum --check ${SUMS_NAME}`]);
  assertStringIncludes(checked.stdout, "acceptance.js: FAILED");
  assertStringIncludes(checked.stdout, "ivy-aarch64-unknown-linux-gnu: OK");
});

const WRONG: [words: string[], code: number, reason: RegExp][] = [
  [["release", "sign", "somewhere"], 2, /--key KEYFILE is missing/],
  [["release", "keygen"], 2, /keygen needs a KEYFILE/],
  [["release", "verify", "--key", "/nowhere", "/nowhere"], 1, /cannot read \/nowhere/],
  [["update"], 2, /needs a version or a file/],
  [["update", "1.2.3"], 3, /does not run/],
  [["update", "/nowhere/ivy"], 1, /there is no \/nowhere\/ivy/],
  [["rollback"], 1, /there is no node|is the only version/],
];

for (const [words, code, reason] of WRONG) {
  Deno.test(`wrong: ivy ${words.join(" ")}`, async () => {
    await using node = new TestNode({ covered: true });
    const ended = await node.ivy(...words);
    assertMatch(ended.stderr, reason);
    assertEquals(ended.code, code);
  });
}

Deno.test("ivy rollback of a node that does not run", async () => {
  await using node = new TestNode({ covered: true });
  await node.ivy("init");
  assertMatch((await node.ivy("rollback")).stderr, /is the only version on/);
  const { current, versionFolder, root } = node.paths;
  Deno.mkdirSync(join(root, "9.9.9"));
  Deno.writeTextFileSync(join(pathsOf(root, "9.9.9").versionFolder, "ivy"), "binary");
  Deno.writeTextFileSync(join(versionFolder, "previous"), "9.9.9\n");
  const { code, stdout } = await node.ivy("rollback");
  assertEquals([code, Deno.readLinkSync(current)], [0, "9.9.9"]);
  assertMatch(stdout, /back to Ivy 9\.9\.9; start it with/);
  assert(!exists(join(root, "control", "probation")));
});

function coverage(): Record<string, string> {
  const folder = Deno.env.get("IVY_COVERAGE");
  return folder === undefined ? {} : { DENO_COVERAGE_DIR: folder };
}
