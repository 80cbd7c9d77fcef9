// Runs in: acceptance tests, on the device too.
import { assert } from "@std/assert";
import { join } from "@std/path";
import { diskLimits } from "../../src/shared/disk_limits.ts";
import { diskSpace } from "../../src/shared/disk_space.ts";
import { ivy } from "./ivy.ts";

/** Least free space on which a node may start to measure, in bytes; a small disk need not have so much. */
const MIN_FREE_BYTES = 20_000_000;

const temporary = Deno.env.get("IVY_ROOT") === undefined
  ? Deno.makeTempDirSync({ prefix: "ivy_acceptance_" })
  : "";
const root = Deno.env.get("IVY_ROOT") ?? temporary;
if (temporary !== "") {
  await ivy("init", "--root", root);
  globalThis.addEventListener("unload", () => Deno.removeSync(temporary, { recursive: true }));
}
const configFile = Deno.env.get("IVY_CONFIG");
const validation = await ivy(
  "config",
  "validate",
  ...(configFile ? [configFile] : []),
  "--json",
  "--root",
  root,
);
const { valid, faults = [], enabled_procedures: procedures = [] } = parse(validation.stdout);

Deno.test("the configuration is valid", () => {
  assert(valid, faults.join("\n") || validation.stderr);
});

Deno.test("the root can be written to", () => {
  const probe = join(root, "data", `acceptance-${Deno.pid}.tmp`);
  Deno.writeTextFileSync(probe, "written by the acceptance tests");
  Deno.removeSync(probe);
});

Deno.test("the root's disk has space", () => {
  const { freeBytes, sizeBytes } = diskSpace(root);
  const leastBytes = Math.min(MIN_FREE_BYTES, diskLimits({}, sizeBytes).minFreeBytes);
  assert(freeBytes >= leastBytes, `${root} has only ${freeBytes} bytes free, and needs ${leastBytes}`);
});

for (const name of procedures) {
  Deno.test(`procedure ${name} boots in its sandbox and passes its self-test`, async () => {
    const config = configFile === undefined ? [] : ["--config", configFile];
    const { code, stderr } = await ivy("test", "--procedure", name, ...config, "--root", root);
    assert(code === 0, stderr.trim().replaceAll(/^ivy: /gm, ""));
  });
}

function parse(json: string): { valid?: boolean; faults?: string[]; enabled_procedures?: string[] } {
  try {
    return JSON.parse(json);
  } catch {
    return {};
  }
}
