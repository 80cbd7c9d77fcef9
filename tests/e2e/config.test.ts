// Runs in: tests.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { version } from "../../src/shared/version.ts";
import { logsOf, valuesOf } from "../support/messages.ts";
import { freePort } from "../support/free_port.ts";
import { AgentProcess } from "../support/agent_process.ts";
import { runIvy, TestNode } from "../support/node.ts";
import { misbehavingIvy, shippedIvy } from "../support/program.ts";

Deno.test("ivy config: a valid file is shown, described and found valid", async (t) => {
  await using node = new TestNode({ covered: true });
  assertEquals((await node.ivy("init")).code, 0);

  await t.step("validate", async () => {
    const { code, stdout } = await node.ivy("config", "validate");
    assertEquals(code, 0);
    assertEquals(
      stdout,
      `${node.paths.configFile} is valid: revision -1, procedures system_checks, random_walk\n`,
    );
    const json = JSON.parse((await node.ivy("config", "validate", "--json")).stdout);
    assertEquals(json, {
      valid: true,
      file: node.paths.configFile,
      faults: [],
      warnings: [],
      enabled_procedures: ["system_checks", "random_walk"],
    });
  });

  await t.step("show", async () => {
    const { stdout } = await node.ivy("config", "show");
    assertEquals(JSON.parse(stdout), JSON.parse(Deno.readTextFileSync(node.paths.configFile)));
  });

  await t.step("show a part: a text as it is, anything else as JSON; what is not there is told", async () => {
    const { stdout: level } = await node.ivy("config", "show", "logging_verbosity.file_archive");
    assertEquals(level, "DEBUG\n");
    const { stdout: part } = await node.ivy("config", "show", "logging_verbosity");
    assertEquals(JSON.parse(part).file_archive, "DEBUG");
    const { code, stderr } = await node.ivy("config", "show", "genral");
    assertEquals(code, 1);
    assertStringIncludes(stderr, 'the configuration has no "genral" (did you mean "general"?)');
  });

  await t.step("schema: has what the procedures themselves say of their settings", async () => {
    const schema = JSON.parse((await node.ivy("config", "schema")).stdout);
    const { properties, required, additionalProperties } =
      schema.properties.procedures.properties.random_walk;
    assertEquals(properties.seconds_between_datapoints.maximum, 7200);
    assertMatch(properties.seconds_between_datapoints.description, /seconds/);
    assertEquals(properties.enabled, { type: "boolean", description: "whether it runs" });
    assertEquals(required.sort(), ["enabled", "seconds_between_datapoints"]);
    assertEquals(additionalProperties, false);
  });

  await t.step("another file", async () => {
    const file = join(node.root, "other.json");
    Deno.writeTextFileSync(file, "{}");
    const { code, stderr } = await node.ivy("config", "validate", file);
    assertEquals(code, 78);
    assertMatch(
      stderr,
      /other\.json is not a valid configuration:\n {2}general: expected an object, got nothing\n/,
    );
  });
});

Deno.test("fault 13 of Python Ivy: a misspelt key does not pass silently, and all faults are told at once", async () => {
  await using node = new TestNode({ covered: true });
  node.configure((config) => {
    config.general.config_revision = "1" as never;
    config["logging_verbosty"] = {};
    config.general["system_identifer" as "system_identifier"] = "x";
    config.storage["retention_days"] = 0 as never;
    config.procedures["random_walk"] = { enabled: "yes", seconds_between_datapoints: 10 };
    config.procedures["system_checks"] = {
      enabled: true,
      seconds_between_checks: 0.5,
      secnds: 1,
      warn_disc_percent: 5,
    };
    config.procedures["system_check"] = { enabled: true };
  });
  const { code, stdout } = await node.ivy("config", "validate", "--json");
  assertEquals(code, 78);
  const { valid, faults } = JSON.parse(stdout);
  assertEquals(valid, false);
  assertEquals(faults.toSorted(), [
    '(the whole): unknown key "logging_verbosty" (did you mean "logging_verbosity"?)',
    'general.config_revision: expected an integer from -1 to 2147483647, got "1"',
    'general: unknown key "system_identifer" (did you mean "system_identifier"?)',
    'procedures.random_walk.enabled: expected true or false, got "yes"',
    'procedures.system_check: there is no such procedure (did you mean "system_checks"?); there are system_checks, random_walk',
    "procedures.system_checks.seconds_between_checks: expected an integer from 1 to 7200, got 0.5",
    'procedures.system_checks: unknown key "secnds"',
    'procedures.system_checks: unknown key "warn_disc_percent" (did you mean "warn_disk_percent"?)',
    "storage.retention_days: expected an integer from 1 to 36500 or null, got 0",
  ]);
  const run = await node.ivy("run");
  assertEquals(run.code, 78);
  for (const fault of faults) assertStringIncludes(run.stderr, fault);
});

Deno.test("fault 17 of Python Ivy: a bad configuration at start is one clear text, in the log, and a message", async () => {
  for (
    const spoil of [
      (procedures: Record<string, unknown>) => procedures["random_wlk"] = { enabled: true },
      (procedures: Record<string, unknown>) => procedures["random_walk"] = { enabled: true, seconds: 1 },
    ]
  ) {
    await using node = new TestNode({ covered: true });
    node.configure(({ procedures }) => spoil(procedures));
    const { code, stderr } = await node.ivy("run");
    assertEquals(code, 78);
    assertMatch(stderr, /ivy: .*config\.json is not a valid configuration:\n {2}procedures\.random_w/);
    assertMatch(stderr, /\nMend it, then check it with: ivy config validate\n$/);
    assertEquals(/^ {4}at /m.test(stderr), false, `a stack trace: ${stderr}`);
    const logs = await node.ivy("logs", "--level", "ERROR");
    assertMatch(
      logs.stdout,
      /ERROR +agent {2}Ivy does not start: .*config\.json is not a valid configuration\n {4}procedures\./,
    );
    assert(
      logsOf(node.messages()).some((line) => /^ERROR agent: Ivy does not start/.test(line)),
      JSON.stringify(node.messages()),
    );
  }
});

Deno.test("fault 12 of Python Ivy: secrets are used, and stand in no log, message, status or output", async () => {
  const secrets = { password: "correct horse", pin: "9274-inline", plate: "B-IV 1887" };
  await using node = new TestNode({
    program: await misbehavingIvy(),
    procedures: { keeps_secrets: {} },
    covered: true,
    env: { IVY_TEST_PASSWORD: secrets.password },
  });
  const file = join(node.root, "plate.txt");
  Deno.writeTextFileSync(file, `${secrets.plate}\n`);
  node.configure(({ procedures }) => {
    const references = { password: { env: "IVY_TEST_PASSWORD" }, plate: { file }, pin: secrets.pin };
    procedures["keeps_secrets"] = { enabled: true, ...references };
  });
  await using agent = await node.run("--messages").ready();
  await agent.log.until(/EXCEPTION keeps_secrets {2}failed: pin ••• was refused/);
  await agent.log.until(/WARNING +keeps_secrets {2}signing in with •••/);
  const status = await node.ivy("status", "--json");
  assertStringIncludes(status.stdout, "pin ••• was refused");
  const show = await node.ivy("config", "show");
  assertEquals(JSON.parse(show.stdout).procedures.keeps_secrets, {
    enabled: true,
    password: "•••",
    pin: "•••",
    plate: "•••",
  });
  assertEquals((await agent.stop()).code, 0);

  const lengths = Object.entries(secrets).map(([name]) => valuesOf(node.messages(), `${name}_length`)[0]);
  assertEquals(lengths, Object.values(secrets).map(({ length }) => length), "the procedure did not get them");
  const texts = {
    "the console": agent.log.text + agent.output.text,
    "ivy status": status.stdout,
    "ivy config show": show.stdout,
    "ivy logs": (await node.ivy("logs")).stdout,
    ...filesBelow(node.paths.data),
  };
  assert(Object.keys(texts).length > 6, Object.keys(texts).join());
  for (const [where, text] of Object.entries(texts)) {
    for (const secret of Object.values(secrets)) {
      assert(!text.includes(secret), `${secret} stands in ${where}`);
    }
  }
});

Deno.test("a secret that cannot be had is a fault with its place", async () => {
  await using node = new TestNode({ program: await misbehavingIvy(), procedures: {} });
  node.configure(({ procedures }) => {
    const file = join(node.root, "none");
    procedures["keeps_secrets"] = {
      enabled: true,
      password: { env: "IVY_TEST_NONE" },
      pin: 5,
      plate: { file },
    };
  });
  const { code, stderr } = await node.ivy("config", "validate");
  assertEquals(code, 78);
  assertStringIncludes(stderr, "keeps_secrets.password: the environment variable IVY_TEST_NONE is not set");
  assertStringIncludes(
    stderr,
    'keeps_secrets.pin: expected text, {"env": "NAME"} or {"file": "/path"}, got •••',
  );
  assertMatch(stderr, /keeps_secrets\.plate: the file .*none cannot be read: No such file/);
});

/** The content of all files, by path, bytes as Latin-1, so that no secret hides in a database. */
function filesBelow(folder: string): Record<string, string> {
  return Object.assign(
    {},
    ...[...Deno.readDirSync(folder)].map(({ name, isDirectory, isFile }) => {
      const path = join(folder, name);
      if (isDirectory) return filesBelow(path);
      return isFile ? { [path]: new TextDecoder("latin1").decode(Deno.readFileSync(path)) } : {};
    }),
  );
}

Deno.test("the version of the configuration must be the program's", async () => {
  await using node = new TestNode();
  node.configure(({ general }) => general.software_version = "99.0.0");
  const { code, stderr } = await node.ivy("config", "validate");
  assertEquals(code, 78);
  assertStringIncludes(
    stderr,
    `general.software_version: expected "${version}" (this program), got "99.0.0"`,
  );
});

Deno.test("a procedure that is not enabled need not have good settings, nor a file that loads", async () => {
  await using node = new TestNode({ program: await misbehavingIvy(), procedures: {} });
  node.configure(({ procedures }) => {
    procedures["random_walk"] = { enabled: false, seconds_between_datapoints: "later" };
    procedures["throws_on_loading"] = { enabled: false };
  });
  assertEquals((await node.ivy("config", "validate")).code, 0);
  await using agent = await node.run().ready();
  assertEquals((await node.status()).procedures, {});
  assertEquals((await agent.stop()).code, 0);
});

Deno.test("where another version of Ivy is active, its configuration is not looked for in vain", async () => {
  await using node = new TestNode();
  Deno.mkdirSync(join(node.root, "0.0.9"), { recursive: true });
  Deno.symlinkSync("0.0.9", join(node.root, "current"));
  for (const command of [["config", "validate"], ["config", "show"], ["test"]]) {
    const { code, stderr } = await node.ivy(...command);
    assertEquals(
      [code, stderr],
      [
        1,
        `ivy: ${node.root} runs Ivy 0.0.9, and this is ${version}: call ${join(node.root, "ivy")} instead\n`,
      ],
    );
  }
  assertEquals((await node.ivy("config", "schema")).code, 0);
});

Deno.test("what an earlier version did not ask for: a new configuration must say it, an old one runs on loudly", async (t) => {
  await using node = new TestNode({ procedures: {} });
  const url = `http://127.0.0.1:${freePort()}/in?api_key=hidden-in-the-query`;
  const backend = { provider: "http", url };
  node.configure((config) => {
    config["backends"] = [{ ...backend, name: "constructor" }, { ...backend, name: "toString" }];
    config["status_page"] = { host: "0.0.0.0", port: 0, token: { env: "PAGE_TOKEN" } };
  });
  const unsaid = (index: number) =>
    `backends[${index}].configures: expected true or false, since there are several backends ` +
    "(may its server configure this node?); it counts as true";
  const short =
    "status_page.token: expected at least 16 characters, since others can reach the page; ivy page token makes one";
  const env = { PAGE_TOKEN: "short-token" };
  const ivy = async (...args: string[]) => await runIvy(shippedIvy(), args, { env });

  await t.step("validate says what to write", async () => {
    const { code, stdout } = await ivy("config", "validate", "--json", "--root", node.root);
    assertEquals([code, JSON.parse(stdout).faults], [78, [unsaid(0), unsaid(1), short]]);
  });

  await t.step("an earlier version that would hand over is told that it may", async () => {
    const scratch = join(node.root, "staging", "scratch");
    const args = ["config", "validate", node.paths.configFile, "--json", "--root", scratch];
    const { code, stdout } = await ivy(...args);
    const { valid, warnings } = JSON.parse(stdout);
    assertEquals([code, valid, warnings.slice(0, 2)], [0, true, [unsaid(0), unsaid(1)]]);
  });

  await t.step("it runs, and backends may be called like anything", async () => {
    await using agent = new AgentProcess(shippedIvy(), ["run", "--root", node.root], env, false);
    await agent.ready();
    await agent.log.until(/WARNING +agent.*backends\[1\]\.configures/);
    await agent.log.until(/WARNING +status_page.*ivy page token makes one/);
    const { backends } = await node.status();
    assertEquals(Object.keys(backends), ["constructor", "toString"]);
    await agent.log.until(/constructor {2}.*127\.0\.0\.1:\d+\/in\?api_key=•••/);
    await agent.stop();
    const everything = agent.log.text + node.logText() + JSON.stringify([node.messages(), backends]);
    assert(!everything.includes("hidden-in-the-query"), everything);
  });
});

Deno.test("ivy page token: another one each time, long enough, alone on its line", async () => {
  await using node = new TestNode();
  const tokens = await Promise.all([1, 2].map(async () => (await node.ivy("page", "token")).stdout));
  for (const token of tokens) assertMatch(token, /^[\w-]{32}\n$/);
  assert(tokens[0] !== tokens[1]);
  assertEquals((await node.ivy("page")).code, 2);
});
