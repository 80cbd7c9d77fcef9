// Runs in: main thread.
import { type Machine, mustRun } from "./machine.ts";
import type { Step } from "./steps.ts";

export interface CronOptions {
  machine: Machine;
  /** `<root>/ivy`. */
  launcher: string;
  /** Whose crontab; undefined = that of the user who calls. */
  user: string | undefined;
}

/** Starts the node with the machine, and again within a minute when it has ended. */
export function cronInstallSteps(options: CronOptions): Step[] {
  return [crontabStep(options, {
    goal: `cron starts ${options.launcher} with the machine and looks after it every minute`,
    how: "add two lines to the crontab",
    change: (text) => withCronLines(text, options.launcher),
  })];
}

export function cronUninstallSteps(options: CronOptions): Step[] {
  return [crontabStep(options, {
    goal: `cron does not know ${options.launcher}`,
    how: "remove its lines from the crontab",
    change: (text) => withoutCronLines(text, options.launcher),
  })];
}

/** A crontab with the lines of one node, each once; all others stay as they are. */
export function withCronLines(text: string, launcher: string): string {
  const others = withoutCronLines(text, launcher);
  const start = others === "" || others.endsWith("\n") ? others : `${others}\n`;
  return `${start}${cronLines(launcher).join("\n")}\n`;
}

export function withoutCronLines(text: string, launcher: string): string {
  const own = cronLines(launcher);
  return text.split("\n").filter((line) => !own.includes(line)).join("\n");
}

/** `ivy start` leaves an agent alone that runs already. In a crontab a percent sign would end the command. */
function cronLines(launcher: string): string[] {
  const path = `'${launcher.replaceAll("'", `'\\''`)}'`.replaceAll("%", "\\%");
  const command = `DENO_TLS_CA_STORE=system ${path} start >/dev/null 2>&1 # by ivy install --cron`;
  return [`@reboot ${command}`, `* * * * * ${command}`];
}

function crontabStep(
  { machine, user }: CronOptions,
  { goal, how, change }: { goal: string; how: string; change: (text: string) => string },
): Step {
  const whose = user === undefined ? [] : ["-u", user];
  const read = async () => {
    const { success, stdout } = await machine.run(["crontab", ...whose, "-l"]);
    return success ? stdout : ""; // there is none yet
  };
  return {
    goal,
    how: `${how}${user === undefined ? "" : ` of ${user}`} (crontab ${[...whose, "-e"].join(" ")})`,
    async isSo() {
      const text = await read();
      return change(text) === text;
    },
    bringAbout: async () => void await mustRun(machine, ["crontab", ...whose, "-"], change(await read())),
  };
}
