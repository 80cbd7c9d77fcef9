// Runs in: tests.
import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  cronInstallSteps,
  cronUninstallSteps,
  withCronLines,
  withoutCronLines,
} from "../../../src/agent/service/cron.ts";
import { takeSteps } from "../../../src/agent/service/steps.ts";
import { FakeMachine } from "../../support/fake_machine.ts";

const LAUNCHER = "/var/lib/ivy/ivy";
const OTHERS = "MAILTO=me\n5 4 * * * backup # nightly\n";

Deno.test("two lines start the node with the machine and every minute; others stay byte for byte", () => {
  const text = withCronLines(OTHERS, LAUNCHER);
  const [atBoot, everyMinute] = text.slice(OTHERS.length).split("\n");
  assertEquals(text.startsWith(OTHERS), true);
  assertEquals(
    atBoot,
    "@reboot DENO_TLS_CA_STORE=system '/var/lib/ivy/ivy' start >/dev/null 2>&1 # by ivy install --cron",
  );
  assertEquals(everyMinute, atBoot!.replace("@reboot", "* * * * *"));
  assertEquals(withCronLines(text, LAUNCHER), text);
  assertEquals(withoutCronLines(text, LAUNCHER), OTHERS);
  assertEquals(withoutCronLines(withCronLines("", LAUNCHER), LAUNCHER), "");
});

Deno.test("several nodes share a crontab", () => {
  const text = withCronLines(withCronLines(OTHERS, LAUNCHER), "/srv/ivy");
  assertEquals(withoutCronLines(text, LAUNCHER), withCronLines(OTHERS, "/srv/ivy"));
});

Deno.test("paths may hold quotes, blanks and percent signs; a last line may lack its end", () => {
  assertStringIncludes(
    withCronLines("a", "/it's 100%/ivy"),
    `a\n@reboot DENO_TLS_CA_STORE=system '/it'\\''s 100\\%/ivy' start`,
  );
});

Deno.test("the crontab is that of the user who calls, or of the one who is named", async () => {
  using machine = new FakeMachine();
  const say = (line: string) => said.push(line);
  const said: string[] = [];
  let settled = 0;
  const settle = () => Promise.resolve(void settled++);
  const steps = cronInstallSteps({ machine, launcher: LAUNCHER, user: undefined });
  await takeSteps(steps, { dryRun: true, settle, say });
  assertEquals([machine.crontabs.size, said.length], [0, 1]);
  for (const user of [undefined, "pi"]) {
    const options = { machine, launcher: LAUNCHER, user };
    assertEquals(await takeSteps(cronInstallSteps(options), { dryRun: false, settle, say }), 1);
    assertEquals(machine.crontabs.get(user ?? "me"), withCronLines("", LAUNCHER));
    assertEquals(
      await takeSteps(cronInstallSteps(options), { dryRun: false, settle, say }),
      0,
      "once is enough",
    );
    assertEquals(await takeSteps(cronUninstallSteps(options), { dryRun: false, settle, say }), 1);
    assertEquals(await takeSteps(cronUninstallSteps(options), { dryRun: false, settle, say }), 0);
    assertEquals(machine.crontabs.get(user ?? "me"), "");
  }
  assertEquals(settled, 4, "once for each change");
});
