// Runs in: tests.
import { dirname, fromFileUrl, join } from "@std/path";
import { type Paths, pathsOf } from "../../src/agent/paths.ts";
import { version as running } from "../../src/shared/version.ts";

/** The version that kept its journals in `data/`, and the launcher that it installed. */
export const EARLIER = "0.1.0";
export const EARLIER_LAUNCHER = Deno.readTextFileSync(
  fromFileUrl(new URL("./launcher_0_1.sh", import.meta.url)),
);

/** What an agent of version 0.1 has left in `data/`, by its names there. */
export const EARLIER_JOURNALS: Record<string, string> = {
  "run.lock": "4194304\n",
  "revisions.json": JSON.stringify({
    rejected: [{ revision: 5, reason: "bad", isReported: true }],
    accepted: [],
  }),
  "releases.json": JSON.stringify({ serial: 7, failed: { d: "it fell" }, waiting: {} }),
  "offered_package.json": JSON.stringify({
    installedTitle: "ours",
    taken: null,
    untold: [],
    lastReportId: 3,
  }),
  "backends/main.json": JSON.stringify({ token: "given once" }),
};

/** Lays out a root as version 0.1 leaves it, with this version beside it and active; both are scripts that tell their names. */
export function layOutEarlierNode(root: string, more: Record<string, string> = {}): Paths {
  const write = (name: string, text: string, mode = 0o644) => {
    Deno.mkdirSync(dirname(join(root, name)), { recursive: true });
    Deno.writeTextFileSync(join(root, name), text);
    Deno.chmodSync(join(root, name), mode);
  };
  write("ivy", EARLIER_LAUNCHER, 0o755);
  for (const version of [EARLIER, running]) {
    const script = `#!/bin/sh\n[ "$1" = info ] && { echo "${version}"; exit; }\necho ${version}\n`;
    write(`${version}/ivy`, script, 0o755);
    const config = { general: { config_revision: 1, software_version: version } };
    write(`${version}/config/config.json`, JSON.stringify(config), 0o600);
  }
  write(`${running}/previous`, `${EARLIER}\n`);
  for (const [name, text] of Object.entries({ ...EARLIER_JOURNALS, ...more })) {
    write(`data/${name}`, text, 0o600);
  }
  Deno.symlinkSync(running, join(root, "current"));
  return pathsOf(root);
}

/** The launcher's lines about a version on probation, and the journal that goes with it. */
export const EARLIER_PROBATION: Record<string, string> = {
  "probation": `${running} ${EARLIER} 1 60 -\n`,
  "update.json": JSON.stringify({
    version: running,
    from: EARLIER,
    revision: 3,
    digest: "new",
    serial: 9,
    before: { procedures: ["walk"], backends: [] },
  }),
};
