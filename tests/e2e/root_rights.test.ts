// Runs in: tests.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { version } from "../../src/shared/version.ts";
import { ForeignRoot, ROOTS_SECRET, STRANGER_UID } from "../support/foreign_root.ts";
import { listenAsStranger } from "../support/listening_stranger.ts";
import { skipBecause } from "../support/needs.ts";
import { isCompiled } from "../support/program.ts";
import { until } from "../support/until.ts";

/** What the owner of a node's folder puts there, and what a person then calls as root. */
interface Attack {
  name: string;
  plant: (lab: ForeignRoot) => void | Promise<void>;
  command: string[];
}

const DAY = "2026-01-02";

const ATTACKS: Attack[] = [
  {
    name: "init writes a configuration where a version's folder leads",
    plant: (lab) => lab.plant(join(lab.root, version), "folder"),
    command: ["init"],
  },
  {
    name: "init changes the mode of the folder that control leads to",
    plant: (lab) => lab.plant(join(lab.root, "control"), "folder"),
    command: ["init"],
  },
  {
    name: "start makes its folders where data leads",
    plant(lab) {
      Deno.mkdirSync(join(lab.root, "control"));
      lab.plant(join(lab.root, "data"), "folder");
    },
    command: ["start"],
  },
  {
    name: "config show prints a file of root's",
    plant: (lab) => lab.plant(lab.paths.configFile, "file"),
    command: ["config", "show"],
  },
  {
    name: "config validate prints a file of root's",
    plant: (lab) => lab.plant(lab.paths.configFile, "file"),
    command: ["config", "validate"],
  },
  {
    name: "logs prints a file of root's",
    plant: (lab) => lab.plant(join(lab.root, "data", "logs", `${DAY}.log`), "file"),
    command: ["logs", "--date", DAY],
  },
  {
    name: "messages prints a file of root's",
    plant: (lab) => lab.plant(join(lab.root, "data", "messages", `${DAY}.jsonl`), "file"),
    command: ["messages", "export", "--from", "2026-01-01"],
  },
];

const ignore = Deno.uid() !== 0;
if (ignore) skipBecause("only root can be tricked by who owns the root folder");

for (const { name, plant, command } of ATTACKS) {
  Deno.test({
    name: `called as root in somebody's folder: ${name}`,
    ignore,
    async fn() {
      await using lab = new ForeignRoot();
      await plant(lab);
      await lab.giveAway();
      const { stdout, stderr } = await lab.node.ivy(...command);
      assert(!`${stdout}${stderr}`.includes(ROOTS_SECRET), stdout + stderr);
      assert(lab.isUntouched, "something of root's was written, or changed its mode or owner");
    },
  });
}

Deno.test({
  name: "the doctor reads what a reference names as the owner, so nothing of root's is sent",
  ignore,
  async fn() {
    await using lab = new ForeignRoot();
    await using stranger = listenAsStranger();
    await lab.node.ivy("init");
    const mqtt_connection = {
      host: "127.0.0.1",
      port: stranger.port,
      username: "x",
      password: { file: lab.file },
    };
    lab.node.configure((config) => config["backends"] = [{ provider: "mqtt", mqtt_connection }]);
    await lab.giveAway();
    const { code, stdout } = await lab.node.ivy("doctor");
    assertEquals([stranger.received().includes(ROOTS_SECRET), code], [false, 1], stdout);
    if (!isCompiled) return; // the owner need not be able to read the sources
    assertMatch(stdout, /✗ .*file.*ermission denied/);
    assertMatch(stdout, /✓ .*root.* belongs to one user/);
  },
});

Deno.test({
  name: "stop ends nothing that the owner could not end",
  ignore,
  async fn() {
    await using lab = new ForeignRoot();
    await lab.node.ivy("init");
    await lab.giveAway();
    await using holder = new Deno.Command("flock", { args: ["--no-fork", lab.root, "sleep", "600"] }).spawn();
    try {
      const isHeld = async () =>
        !(await new Deno.Command("flock", { args: ["-n", lab.root, "true"] }).output()).success;
      await until("it holds the root", isHeld);
      const { stderr } = await lab.node.ivy("stop");
      assertStringIncludes(stderr, `PID ${holder.pid} runs as another user`);
      Deno.kill(holder.pid, "SIGCONT"); // throws when it has ended
    } finally {
      holder.kill("SIGKILL");
    }
  },
});

Deno.test({
  name:
    "what root makes in somebody's folder belongs to that user, and the agent measures with that user's rights",
  ignore: ignore || !isCompiled, // the owner need not be able to read the sources
  async fn() {
    await using lab = new ForeignRoot();
    lab.node.configure(() => {});
    lab.plant(join(lab.root, "data", "logs", `${new Date().toISOString().slice(0, 10)}.log`), "file");
    await lab.giveAway();
    assertEquals((await lab.node.ivy("init")).code, 0);
    for (
      const path of [lab.paths.launcher, lab.paths.current, lab.paths.control, join(lab.paths.current, "ivy")]
    ) {
      assertEquals(Deno.lstatSync(path).uid, STRANGER_UID, path);
    }
    await using agent = lab.node.run();
    await until(() => agent.log.text, () => agent.log.text.includes("ready: "));
    assertMatch(Deno.readTextFileSync(`/proc/${agent.pid}/status`), /^Uid:\t65534\t65534\t65534\t65534$/m);
    await until("it measures", () => lab.node.messages().length > 0);
    assertEquals((await lab.node.ivy("stop")).code, 0);
    await agent.ended();
    assert(lab.isUntouched);
  },
});

Deno.test({
  name: "a root folder of root's own is worked in as root, as before",
  ignore,
  async fn() {
    await using lab = new ForeignRoot();
    assertEquals((await lab.node.ivy("init")).code, 0);
    assertEquals(Deno.statSync(lab.paths.configFile).uid, 0);
    assertEquals((await lab.node.ivy("config", "validate")).code, 0);
  },
});
