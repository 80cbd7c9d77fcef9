// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { CrashLab, type Strike, type Workload } from "../../support/crash_lab.ts";
import type { Injection } from "../../support/fault_injection.ts";
import { needs } from "../../support/needs.ts";
import { sample, sideBySide } from "../../support/sampling.ts";

const isNightly = Deno.env.get("IVY_NIGHTLY") === "1";
/** How many calls of a workload are struck in each way, evenly spread; in the night all are. */
const SAMPLE = Number(Deno.env.get("IVY_STRIKES") ?? (isNightly ? Infinity : 40));
const SIDE_BY_SIDE = 2;
const WORKLOADS: Workload[] = ["two days", "two days after a damage", "the first life"];

const KINDS: { name: string; kind: Pick<Injection, "fault" | "isLasting"> }[] = [
  { name: "a write that fails", kind: { fault: "EIO" } },
  { name: "a disk that is full for one write", kind: { fault: "ENOSPC" } },
  { name: "a disk that is full from one write on", kind: { fault: "ENOSPC", isLasting: true } },
  { name: "an end of the process at any write", kind: { fault: "SIGKILL" } },
];

for (const { name, kind } of KINDS) {
  for (const workload of WORKLOADS) {
    Deno.test({
      name: `${name} loses nothing: ${workload} of a store`,
      ignore: needs("strace") !== undefined,
      fn: async () => {
        await using lab = await new CrashLab(workload, kind.fault === "ENOSPC" ? null : 30).prepare();
        await strikeAll(lab, sample(await lab.strikes(kind), SAMPLE));
      },
    });
  }
}

async function strikeAll(lab: CrashLab, strikes: Strike[]): Promise<void> {
  const failed: string[] = [];
  let struck = 0;
  await sideBySide(strikes, SIDE_BY_SIDE, async (strike) => {
    for (let attempt = 1, hasStruck = false; attempt <= 5 && !hasStruck; attempt++) { // syncs may merge, and calls fall away
      const { hasStruck: isHit, faults } = await lab.strike(strike);
      if (faults.length > 0) failed.push(`${describe(strike)}:\n  ${faults.join("\n  ")}`);
      if (isHit) struck++;
      hasStruck = isHit;
    }
  });
  assertEquals(failed, [], failed.join("\n"));
  assert(struck >= 0.9 * strikes.length, `only ${struck} of ${strikes.length} calls were made`);
}

function describe({ fault, call, when, isLasting, files }: Strike): string {
  return `${fault} at ${call} number ${when}${isLasting ? " and later" : ""} of ${files[0]} and others`;
}
