// Runs in: main thread.
import { join } from "@std/path";
import type { Machine } from "../service/machine.ts";
import { readUnit, UNIT, unitText } from "../service/unit.ts";
import { fault, type Finding, fine, type Surroundings, warn } from "./finding.ts";

export interface ServiceFacts {
  root: string;
  hasSystemd: boolean;
  /** The installed unit; null when there is none. */
  unit: string | null;
  /** Whether systemd starts it with the machine. */
  isEnabled: boolean;
  /** Whether the crontab of this user starts the node. */
  isInCrontab: boolean;
}

export async function serviceFacts(
  { ask, read }: Surroundings,
  { unitFolder, hasSystemd }: Pick<Machine, "unitFolder" | "hasSystemd">,
  root: string,
): Promise<ServiceFacts> {
  const crontab = await ask(["crontab", "-l"]) ?? "";
  return {
    root,
    hasSystemd,
    unit: read(join(unitFolder, UNIT)) ?? null,
    isEnabled: await ask(["systemctl", "is-enabled", UNIT]) !== undefined,
    isInCrontab: crontab.split("\n").some((line) =>
      !line.startsWith("#") && line.includes(join(root, "ivy"))
    ),
  };
}

export function judgeService({ root, hasSystemd, unit, isEnabled, isInCrontab }: ServiceFacts): Finding {
  if (isInCrontab) return fine("service", "cron starts it");
  if (!hasSystemd) {
    return warn("service", "nothing starts it with the machine", `ivy install --cron --root ${root}`);
  }
  const facts = unit === null ? undefined : readUnit(unit);
  const install = `sudo ivy install --root ${root}`;
  if (unit === null) return warn("service", "nothing starts it with the machine", install);
  if (facts === undefined) {
    return warn("service", `${UNIT} was not written by ivy install`, "look whether it is right");
  }
  if (facts.root !== root) {
    return warn(
      "service",
      `${UNIT} is of another node, ${facts.root}`,
      `look at that one: ivy doctor --root ${facts.root}`,
    );
  }
  const again = `${install}${facts.user === "ivy" ? "" : ` --user ${facts.user}`}`;
  if (unit !== unitText(facts)) return fault("service", `${UNIT} is not as this version writes it`, again);
  if (!isEnabled) return fault("service", `${UNIT} is there but not enabled`, again);
  return fine("service", `${UNIT} is up to date and enabled`);
}
