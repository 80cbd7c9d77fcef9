// Runs in: tests.
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { prove } from "../../../src/agent/updater/prove.ts";

const { target } = Deno.build;

/** Lets a shell script in the place of the new binary prove itself. `$1` is the command that it is called with. */
async function proveScript(
  script: string,
  change: { acceptance?: string; deno?: string; limit?: number } = {},
) {
  const folder = Deno.makeTempDirSync({ prefix: "ivy-prove-" });
  try {
    const [binary, configFile] = [join(folder, "ivy"), join(folder, "config.json")];
    const facts = JSON.stringify({ software_version: "4.5.6", target });
    Deno.writeTextFileSync(binary, script.replace("FACTS", facts), { mode: 0o755 });
    Deno.writeTextFileSync(configFile, "{}");
    const acceptanceFile = change.acceptance === undefined ? undefined : join(folder, "acceptance.js");
    if (acceptanceFile !== undefined) Deno.writeTextFileSync(acceptanceFile, change.acceptance!);
    return await prove({
      binary,
      configFile,
      version: "4.5.6",
      scratch: join(folder, "scratch"),
      socket: join(folder, "none.sock"),
      environment: { PATH: "/usr/bin:/bin", HOME: folder },
      acceptanceFile,
      denoPath: change.deno ?? null,
      testLimitSeconds: change.limit ?? 1,
      infoLimitSeconds: 1,
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const says = (then: string) => `#!/bin/sh\n[ "$1" = info ] && { echo 'FACTS'; exit; }\n${then}\n`;

const CASES: [name: string, script: string, reason: RegExp | undefined][] = [
  ["is well", says("exit 0"), undefined],
  [
    "hangs when it is asked what it is",
    "#!/bin/sh\nsleep 60\n",
    /cannot be executed here: it did not end in time/,
  ],
  ["hangs and ignores being asked to end", "#!/bin/sh\ntrap '' TERM\nsleep 60\n", /it did not end in time/],
  ["crashes when it is asked what it is", "#!/bin/sh\nkill -9 $$\n", /cannot be executed here/],
  [
    "is for another kind of machine",
    `#!/bin/sh\necho '{"software_version":"4.5.6","target":"z80"}'\n`,
    /the new binary is for z80, not /,
  ],
  [
    "hangs over the configuration",
    says(`[ "$1" = config ] && sleep 60; exit 0`),
    /not valid .*: it did not end in time/,
  ],
  ["hangs in its tests", says(`[ "$1" = test ] && sleep 60; exit 0`), /tests were not over within 1 s/],
  [
    "fails its tests",
    says(`[ "$1" = test ] && { echo "it leaks"; exit 1; }; exit 0`),
    /tests failed: it leaks/,
  ],
];

for (const [name, script, reason] of CASES) {
  Deno.test(`a new version that ${name}`, async () => {
    const refusal = await proveScript(script);
    if (reason === undefined) assertEquals(refusal, undefined);
    else assertMatch(refusal ?? "it was not refused", reason);
  });
}

Deno.test("the release's own tests are run with the Deno that is there, and see where they are", async () => {
  const deno = Deno.execPath();
  const acceptance = `Deno.test("it sees", () => {
    const [binary] = JSON.parse(Deno.env.get("IVY_COMMAND"));
    if (!binary.endsWith("/ivy") || !Deno.env.get("IVY_CONFIG")) throw new Error("nothing");
    throw new Error("it saw " + Deno.env.get("IVY_ROOT").split("/").at(-1));
  });`;
  assertMatch(`${await proveScript(says("exit 0"), { acceptance, deno, limit: 60 })}`, /it saw scratch/);
});
