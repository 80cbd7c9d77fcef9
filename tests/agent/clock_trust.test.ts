// Runs in: tests.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { bootFacts, clockDoubt, type ClockQuestion } from "../../src/agent/clock_trust.ts";

interface MachineCase {
  name: string;
  /** What systemd has put down. */
  marks: string[];
  /** What the program does; undefined: there is none. */
  timedatectl?: string;
  question?: ClockQuestion;
  /** Why the clock is not known to be right; undefined: it counts as right. */
  doubt?: RegExp;
}

const MARKS = ["system", "timesync/synchronized"];
const MACHINES: MachineCase[] = [
  { name: "no systemd", marks: [] },
  { name: "timesyncd has set the clock", marks: MARKS },
  { name: "no timedatectl", marks: ["system"] },
  { name: "timedatectl says yes", marks: ["system"], timedatectl: "echo yes" },
  { name: "timedatectl says no", marks: ["system"], timedatectl: "echo no", doubt: /no time server/ },
  {
    name: "timedatectl fails",
    marks: ["system"],
    timedatectl: "echo yes; echo Failed to connect to bus >&2; exit 1",
    doubt: /^timedatectl failed with 1: Failed to connect to bus$/,
  },
  {
    name: "timedatectl is ended by the shutdown",
    marks: ["system"],
    timedatectl: "echo yes; kill -TERM $$; exec sleep 60",
    doubt: /^timedatectl failed with SIGTERM/,
  },
  { name: "timedatectl says nothing", marks: ["system"], timedatectl: "true", doubt: /says ""/ },
  { name: "timedatectl says something", marks: ["system"], timedatectl: "echo n/a", doubt: /says "n\/a"/ },
  {
    name: "timedatectl hangs",
    marks: ["system"],
    timedatectl: "exec sleep 60",
    question: { limitMs: 100 },
    doubt: /^timedatectl did not answer within 0.1 s$/,
  },
  { name: "the clock has jumped since it was set, yes", marks: MARKS, question: { hasJumped: true } },
  {
    name: "the clock has jumped since it was set, no",
    marks: MARKS,
    timedatectl: "echo no",
    question: { hasJumped: true },
    doubt: /no time server/,
  },
  {
    name: "it is 1970, whoever keeps the clock",
    marks: MARKS,
    question: { nowMs: 300_000 },
    doubt: /^it is 1970-01-01T00:05:00.000Z, which cannot be$/,
  },
];

for (const { name, marks, timedatectl, question, doubt } of MACHINES) {
  Deno.test(`the clock counts as ${doubt === undefined ? "right" : "not known to be right"}: ${name}`, async () => {
    const folder = Deno.makeTempDirSync();
    const program = join(folder, "timedatectl");
    for (const mark of marks) Deno.mkdirSync(join(folder, mark), { recursive: true });
    if (timedatectl !== undefined) {
      Deno.writeTextFileSync(program, `#!/bin/sh\n${timedatectl}\n`, { mode: 0o755 });
    }
    const found = await clockDoubt({ marks: folder, timedatectl: program, ...question });
    if (doubt === undefined) assertEquals(found, undefined);
    else assertMatch(found!, doubt);
    Deno.removeSync(folder, { recursive: true });
  });
}

Deno.test("a timedatectl that may not be started is no timedatectl that is missing", async () => {
  const folder = Deno.makeTempDirSync();
  Deno.mkdirSync(join(folder, "system"));
  Deno.writeTextFileSync(join(folder, "timedatectl"), "#!/bin/sh\necho yes\n", { mode: 0o644 });
  assertMatch(
    (await clockDoubt({ marks: folder, timedatectl: join(folder, "timedatectl") }))!,
    /ermission denied/,
  );
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("the boot has a name of its own and an age", () => {
  const { id, uptimeMs } = bootFacts();
  assertMatch(id, /^[0-9a-f-]{36}$/);
  assert(Math.abs(uptimeMs / 1000 - Deno.osUptime()) < 5);
  assertEquals(bootFacts().id, id);
});
