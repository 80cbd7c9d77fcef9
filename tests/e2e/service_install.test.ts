// Runs in: tests.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LAUNCHER } from "../../src/agent/launcher.ts";
import { pathsOf } from "../../src/agent/paths.ts";
import { AgentProcess } from "../support/agent_process.ts";
import { version } from "../../src/shared/version.ts";
import { compiledIvy } from "../support/binary.ts";
import { readMessages } from "../support/messages.ts";
import { needs, orSkip, skipBecause } from "../support/needs.ts";
import { runIvy, TestNode } from "../support/node.ts";
import { NotifySocket } from "../support/notify_socket.ts";
import { isCompiled } from "../support/program.ts";
import { canSandboxServices, ServiceSandbox } from "../support/service_sandbox.ts";
import { until } from "../support/until.ts";

const binary = Deno.env.get("IVY_BINARY") || await orSkip(compiledIvy());
const canSandbox = canSandboxServices();
if (!canSandbox) skipBecause("a machine to install on needs root and mount namespaces");
const lacks = ["systemd-analyze", "scmp_sys_resolver", "socat"] as const;
const ignore = binary === undefined || !canSandbox || lacks.some((program) => needs(program) !== undefined);

/** What an intruder might try: write elsewhere, look at others, leave the confinement, give files away. */
const TRESPASSES = `
touch "$1/x" 2>/dev/null || echo refused
[ -e /proc/1/stat ] || echo refused
unshare --user true 2>/dev/null || echo refused
touch "$1/node/data/x" && { chown ivy "$1/node/data/x" 2>/dev/null || echo refused; }
`;

/** A copy of the version, so that there is one to go back to; the same program in the end. */
async function layOutVersionBefore({ root, inside }: ServiceSandbox): Promise<void> {
  const script = 'cp -a "$1/$2" "$1/0.0.1" && echo 0.0.1 >"$1/$2/previous"';
  const { code, stderr } = await runIvy(inside("sh", "-c", script, "sh"), [root, version]);
  assertEquals(code, 0, stderr);
}

Deno.test({
  name: "ivy install makes a service of systemd on a real machine, and the agent works in its confinement",
  ignore,
  async fn(t) {
    await using sandbox = await ServiceSandbox.open(binary!);
    const { root, unitFile } = sandbox;
    const paths = pathsOf(root);
    const ivy = (...args: string[]) => runIvy(sandbox.inside(sandbox.binary), [...args, "--root", root]);

    await t.step("a dry run changes nothing", async () => {
      const { code, stdout, stderr } = await ivy("install", "--dry-run");
      assertEquals([code, stderr], [0, ""]);
      assertMatch(stdout, /^would useradd --system .* ivy\n(would .*\n){7}$/);
      assertEquals([...Deno.readDirSync(sandbox.folder)].some(({ name }) => name === "node"), false);
    });

    await t.step("user, node, unit and start", async () => {
      const { code, stdout, stderr } = await ivy("install");
      assertEquals([code, stderr], [0, ""]);
      assertStringIncludes(stdout, "Ivy measures in");
      const [, uid] = /^ivy:x:(\d+):\d+:.*:\/nonexistent:\/usr\/sbin\/nologin$/m.exec(
        Deno.readTextFileSync(join(sandbox.folder, "etc/passwd")),
      )!;
      for (const file of [root, paths.configFile, paths.launcher]) {
        assertEquals(Deno.statSync(file).uid, Number(uid), file);
      }
      assertEquals(
        Deno.statSync(sandbox.binary).uid,
        0,
        "the file that was copied there is the administrator's",
      );
      assertEquals(sandbox.told, ["daemon-reload", "enable ivy.service", "start --no-block ivy.service"]);
      assertStringIncludes(Deno.readTextFileSync(unitFile), `ReadWritePaths="${root}"`);
    });

    await t.step("again, it changes nothing", async () => {
      const { code, stdout } = await ivy("install");
      assertEquals([code, stdout.split("\n").slice(-2)], [0, ["nothing had to be changed", ""]]);
      assertEquals(sandbox.told.length, 3);
    });

    await t.step("the agent runs with the rights of the unit, and with no more", async () => {
      await using socket = await NotifySocket.open({ isAbstract: true });
      const [first, ...rest] = await sandbox.confined(paths.launcher);
      const env = { NOTIFY_SOCKET: socket.address, WATCHDOG_USEC: "2000000" };
      await using agent = new AgentProcess([first, ...rest], ["run"], env, false);
      await agent.ready();
      await socket.told.until(/^READY=1$/m);
      await socket.told.until(/^STATUS=Well/m);
      await socket.told.until(/(WATCHDOG=1[^]*){2}/);
      const status = Deno.readTextFileSync(`/proc/${agent.pid}/status`);
      for (
        const line of [
          "NoNewPrivs:\t1",
          "Seccomp:\t2",
          "CapBnd:\t0000000000000000",
          "CapEff:\t0000000000000000",
        ]
      ) {
        assertStringIncludes(status, line);
      }
      const { stdout: refusals } = await runIvy(await sandbox.confined("sh", "-c", TRESPASSES, "sh"), [
        sandbox.folder,
      ]);
      assertEquals(refusals, "refused\n".repeat(4));
      await until("random_walk and system_checks have measured", () => {
        const text = JSON.stringify(readMessages(paths.messages));
        return text.includes("random_walk") && text.includes("disk_free_mb");
      }, 60_000);
      await layOutVersionBefore(sandbox);
      assertEquals((await runIvy(sandbox.inside(paths.launcher), ["rollback"])).code, 0);
      await socket.told.until(/^STATUS=Restarting: back to Ivy 0\.0\.1[^]*^READY=1$/m); // it has replaced itself
      assertEquals(new Set(socket.told.text.match(/^MAINPID=.*$/gm)), new Set([`MAINPID=${agent.pid}`]));
      const { code, stdout } = await runIvy(await sandbox.confined(paths.launcher), ["test"]);
      assertEquals(code, 0, stdout);
      assertEquals((await agent.stop()).code, 0, agent.log.text);
      assert(!/ (ERROR|EXCEPTION) /.test(agent.log.text), agent.log.text);
    });

    await t.step("uninstall takes the service away and leaves the node", async () => {
      const { code, stdout } = await ivy("uninstall");
      assertEquals(code, 0);
      assertMatch(
        stdout,
        /\+ ivy\.service has ended[^]*\+ .*ivy\.service is gone[^]*\+ \/usr\/local\/bin\/ivy is gone/,
      );
      assertEquals(sandbox.told.slice(3), ["disable --now ivy.service", "daemon-reload"]);
      assertEquals(Deno.statSync(paths.configFile).isFile, true);
      assertStringIncludes((await ivy("uninstall")).stdout, "nothing had to be changed");
    });
  },
});

Deno.test("where no service can be installed, the way out is named", async () => {
  await using node = new TestNode({ covered: true });
  const { code, stdout, stderr } = await node.ivy("install");
  assertEquals([code, stdout], [1, ""]);
  assertMatch(
    stderr,
    /^ivy: (systemd does not run this machine|this changes the system).*ivy install --cron\n$/,
  );
  assertEquals((await node.ivy("uninstall", "--user", "pi", "--cron", "--dry-run")).code, 0);
});

/** Keeps the crontab in a file beside itself. */
const CRONTAB = `#!/bin/sh
file=\${0%/*}/crontab.txt
case $1 in -l) cat "$file" ;; -) cat >"$file" ;; esac
`;

Deno.test("without root and systemd, cron starts the node and looks after it", async () => {
  const bin = Deno.makeTempDirSync({ prefix: "ivy-cron-" });
  Deno.writeTextFileSync(join(bin, "crontab"), CRONTAB, { mode: 0o755 });
  const own = "0 4 * * * backup\n";
  const crontab = () => Deno.readTextFileSync(join(bin, "crontab.txt"));
  Deno.writeTextFileSync(join(bin, "crontab.txt"), own);
  await using node = new TestNode({ covered: true, env: { PATH: `${bin}:${Deno.env.get("PATH")}` } });
  await node.ivy("init");
  if (!isCompiled) Deno.writeTextFileSync(node.paths.launcher, LAUNCHER, { mode: 0o755 });

  const dry = await node.ivy("install", "--cron", "--dry-run");
  assertEquals([dry.code, crontab()], [0, own]);
  assertStringIncludes(dry.stdout, "would add two lines to the crontab");
  for (let time = 0; time < 2; time++) {
    const { code, stdout } = await node.ivy("install", "--cron");
    assertEquals([code, stdout.includes("nothing had to be changed")], [0, time === 1], stdout);
    const lines = crontab().slice(own.length).trimEnd().split("\n");
    assertEquals(lines.map((line) => /^(@reboot|\* \* \* \* \*) .*'(.*)' start /.exec(line)?.slice(1)), [
      ["@reboot", node.paths.launcher],
      ["* * * * *", node.paths.launcher],
    ]);
  }
  assertEquals((await node.ivy("uninstall", "--cron")).code, 0);
  assertEquals(crontab(), own);
  Deno.removeSync(bin, { recursive: true });
});
