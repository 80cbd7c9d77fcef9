// Runs in: tests.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { bootFacts, clockIsTrusted } from "../../src/agent/clock_trust.ts";

/** What a machine shows, and whether its clock counts as right. */
const MACHINES: { name: string; marks: string[]; timedatectl?: string; isTrusted: boolean }[] = [
  { name: "no systemd", marks: [], isTrusted: true },
  { name: "timesyncd has set the clock", marks: ["system", "timesync/synchronized"], isTrusted: true },
  { name: "no timedatectl", marks: ["system"], isTrusted: true },
  { name: "timedatectl says yes", marks: ["system"], timedatectl: "echo yes", isTrusted: true },
  { name: "timedatectl says no", marks: ["system"], timedatectl: "echo no", isTrusted: false },
  { name: "timedatectl fails", marks: ["system"], timedatectl: "echo no; exit 1", isTrusted: true },
];

for (const { name, marks, timedatectl, isTrusted } of MACHINES) {
  Deno.test(`the clock counts as ${isTrusted ? "right" : "not known to be right"}: ${name}`, async () => {
    const folder = Deno.makeTempDirSync();
    const command = join(folder, "timedatectl");
    for (const mark of marks) Deno.mkdirSync(join(folder, mark), { recursive: true });
    if (timedatectl !== undefined) {
      Deno.writeTextFileSync(command, `#!/bin/sh\n${timedatectl}\n`, { mode: 0o755 });
    }
    assertEquals(await clockIsTrusted({ marks: folder, timedatectl: command }), isTrusted);
    Deno.removeSync(folder, { recursive: true });
  });
}

Deno.test("the boot has a name of its own and an age", () => {
  const { id, uptimeMs } = bootFacts();
  assertMatch(id, /^[0-9a-f-]{36}$/);
  assert(Math.abs(uptimeMs / 1000 - Deno.osUptime()) < 5);
  assertEquals(bootFacts().id, id);
});
