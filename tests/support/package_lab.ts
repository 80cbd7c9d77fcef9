// Runs in: tests.
import { join } from "@std/path";
import { writePackages } from "../../src/cli/release_package.ts";
import { packageName } from "../../src/shared/package_file.ts";
import { parseSums, SUMS_NAME } from "../../src/shared/release.ts";
import type { ThingsboardServer } from "./thingsboard_server.ts";
import { NEW, UpdateLab } from "./update_lab.ts";

/** A node whose releases are what ThingsBoard assigns to it. */
export async function openPackageLab(old: string, server: ThingsboardServer): Promise<UpdateLab> {
  const lab = await UpdateLab.open({
    old,
    configure: (config) => {
      config.general.config_revision = 1;
      config["backends"] = [{ provider: "thingsboard", ...server.settings }];
      const { base_url: _, ...updater } = config["updater"] as Record<string, unknown>;
      config["updater"] = { ...updater, provider: "thingsboard", probation_seconds: 6 };
    },
  });
  lab.supervise();
  await lab.untilLog(/ ready: 1 procedures[^]*connected to|connected to[^]* ready: 1 procedures/);
  return lab;
}

/** The signed release of a binary as one file. */
export async function packageOf(lab: UpdateLab, binary: string): Promise<Uint8Array<ArrayBuffer>> {
  await lab.publish(binary);
  const folder = join(lab.web, NEW);
  await writePackages(folder, parseSums(Deno.readTextFileSync(join(folder, SUMS_NAME))));
  return Deno.readFileSync(join(folder, packageName(Deno.build.target)));
}
