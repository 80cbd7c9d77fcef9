// Runs in: tests.
import { assert, assertEquals, assertMatch, assertObjectMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { makeRelease } from "../../src/build/release.ts";
import { SIGNATURES_NAME, SUMS_NAME } from "../../src/shared/release.ts";
import { createKeys, signBytes } from "../../src/shared/signatures.ts";
import { freePort } from "../support/free_port.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { needs } from "../support/needs.ts";
import { runIvy, TestNode } from "../support/node.ts";
import { misbehavingIvy } from "../support/program.ts";
import { ReleaseServer } from "../support/release_server.ts";

const keys = await createKeys();
const PASSWORD = "correct-horse";

interface Finding {
  check: string;
  verdict: "ok" | "warning" | "fault";
  found: string;
  advice: string | null;
}

/** What the doctor finds, by check. */
async function examine(node: TestNode): Promise<Record<string, Finding>> {
  const { code, stdout, stderr } = await node.ivy("doctor", "--json");
  assertEquals(stderr.includes("ivy: "), false, stderr); // Deno 2.4 itself warns of a library's library
  const { well, checks } = JSON.parse(stdout) as { well: boolean; checks: Finding[] };
  const hasFault = checks.some(({ verdict }) => verdict === "fault");
  assertEquals([code, well], hasFault ? [1, false] : [0, true]);
  for (const { verdict, advice, check } of checks) assertEquals(verdict === "ok", advice === null, check);
  return Object.fromEntries(checks.map((finding) => [finding.check, finding]));
}

/** A broker that lets in who knows the password. */
async function strictBroker() {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", 'f=$(mktemp) && mosquitto_passwd -b -c "$f" node "$0" && cat "$f" && rm "$f"', PASSWORD],
  }).output();
  return await startMosquitto({
    lines: ["allow_anonymous false", "password_file {folder}/users"],
    files: { users: new TextDecoder().decode(stdout) },
  });
}

/** A web server with a small release that is the newest. */
async function serveRelease(folder: string): Promise<ReleaseServer> {
  const binary = join(folder, "binary");
  Deno.writeTextFileSync(binary, "a new program");
  const output = join(folder, "web", "latest");
  await makeRelease({
    binaries: { [Deno.build.target]: binary },
    output,
    version: "4.5.6",
    serial: 7,
    acceptance: "//",
  });
  const line = await signBytes(Deno.readFileSync(join(output, SUMS_NAME)), keys.privatePem);
  Deno.writeTextFileSync(join(output, SIGNATURES_NAME), `${line}\n`);
  return new ReleaseServer({ folder: join(folder, "web") });
}

/** With the day of the signature. */
const RIGHTLY_SIGNED = /^http has 4\.5\.6, rightly signed and of \d{4}-\d\d-\d\d$/;

Deno.test({
  name:
    "ivy doctor tries the way to every server, asks the running agent for its logins, and finds what is wrong",
  ignore: needs("mosquitto") !== undefined,
  async fn(t) {
    const folder = Deno.makeTempDirSync({ prefix: "ivy-doctor-" });
    await using broker = await strictBroker();
    await using server = await serveRelease(folder);
    await using node = new TestNode({
      procedures: { random_walk: { seconds_between_datapoints: 1 } },
      covered: true,
    });
    const configure = (password: string, publicKey = keys.publicKey) =>
      node.configure((config) => {
        const connection = { host: "localhost", port: broker.port, username: "node", password };
        config["backends"] = [
          { provider: "mqtt", configures: true, mqtt_connection: connection },
          {
            name: "away",
            provider: "mqtt",
            configures: false,
            mqtt_connection: { host: "localhost", port: freePort() },
          },
        ];
        config["updater"] = { provider: "http", base_url: server.url, public_keys: [publicKey] };
      });
    await node.ivy("init");
    configure(PASSWORD);
    Deno.chmodSync(node.paths.configFile, 0o600);

    await t.step("while no agent runs, each backend's own worker tries its login", async () => {
      const found = await examine(node);
      for (
        const check of [
          "configuration",
          "root",
          "secrets",
          "socket path",
          "mqtt: DNS",
          "mqtt: TCP",
          "mqtt: login",
        ]
      ) {
        assertEquals(found[check]?.verdict, "ok", JSON.stringify(found[check]));
      }
      assertEquals(found["agent"]!.verdict, "warning");
      assertObjectMatch(found["away: TCP"]!, { verdict: "fault" });
      assertEquals(found["away: login"]!.verdict, "fault");
      assertMatch(found["away: login"]!.found, /nobody listens/);
      assertEquals(found["update source"]!.verdict, "ok");
      assertMatch(found["update source"]!.found, RIGHTLY_SIGNED);
      assertEquals(found["update keys"]!.verdict, "ok");
      assertEquals([...Deno.readDirSync(node.root)].some(({ name }) => name === "staging"), false);
    });

    await t.step("a wrong password, a wrong key and an open configuration are faults", async () => {
      configure("wrong-horse", (await createKeys()).publicKey);
      Deno.chmodSync(node.paths.configFile, 0o644);
      const found = await examine(node);
      assertEquals(found["mqtt: TCP"]!.verdict, "ok");
      assertEquals(found["mqtt: login"]!.verdict, "fault");
      assertMatch(found["mqtt: login"]!.found, /not authori[sz]ed|bad user ?name or password/i);
      assertMatch(found["update source"]!.found, /0 of the keys that may sign/);
      assertStringIncludes(found["secrets"]!.advice!, `chmod 600 ${node.paths.configFile}`);
    });

    await t.step("a running agent is asked, and not thrown out of its server", async () => {
      configure(PASSWORD);
      await using agent = await node.run().ready();
      await agent.log.until(/mqtt {2}connected/);
      const found = await examine(node);
      assertObjectMatch(found["mqtt: login"]!, { verdict: "ok" });
      assertMatch(found["mqtt: login"]!.found, /^the agent says: /);
      assertEquals(found["away: login"]!.verdict, "fault");
      assertMatch(found["update source"]!.found, RIGHTLY_SIGNED);
      assertMatch(found["agent"]!.found, /^(Well|Not well): /);
      assertEquals((agent.log.text.match(/mqtt {2}connected/g) ?? []).length, 1);
      await agent.stop();
    });

    await t.step("a configuration with faults: all of them, and exit status 1", async () => {
      node.configure((config) => config["misspelt"] = 1);
      const { code, stdout } = await node.ivy("doctor");
      assertEquals(code, 1);
      assertMatch(stdout, /^✗ configuration: .*unknown key "misspelt".*\n {4}→ mend .*config validate$/m);
      assertMatch(stdout, /^\d+ well, \d+ to look at, \d+ wrong\n$/m);
    });
    Deno.removeSync(folder, { recursive: true });
  },
});

Deno.test("what only the running agent has in its environment is no fault", async () => {
  const settings = { password: { env: "IVY_PLANTED" }, pin: "1234", plate: "5678" };
  const program = await misbehavingIvy();
  const env = { IVY_PLANTED: PLANTED.inEnvironment };
  await using node = new TestNode({ program, procedures: { keeps_secrets: settings }, env });
  const faultsNow = async () => {
    const { stdout } = await runIvy(program, ["doctor", "--json", "--root", node.root]);
    const checks = (JSON.parse(stdout) as { checks: Finding[] }).checks;
    return checks.find(({ check }) => check === "configuration")!.found;
  };
  assertStringIncludes(await faultsNow(), "the environment variable IVY_PLANTED is not set");
  await using agent = await node.run().ready();
  assertStringIncludes(await faultsNow(), "is valid");
  await agent.stop();
});

Deno.test("ivy doctor helps also where there is no node yet", async () => {
  await using node = new TestNode();
  const found = await examine(node);
  assertObjectMatch(found["root"]!, { verdict: "fault", advice: `make one: ivy init --root ${node.root}` });
  assertEquals(found["disk space"] !== undefined, true);
});

/** Secrets in every place where one can be, each with a text that stands nowhere else. */
const PLANTED = {
  inConfiguration: "planted in the configuration",
  inEnvironment: "planted in the environment",
  inFile: "planted-in-a-file",
  inAddress: "planted-in-an-address",
  ofProcedure: 'planted "with quotes"',
  ofUpdater: "planted-for-the-updater",
  ofPage: "planted-for-the-status-page-1234567890",
  inOldConfiguration: "planted-in-the-configuration-before",
  inDamagedFile: "planted-in-a-damaged-file",
  givenByServer: "planted-by-a-server",
};

function plantSecrets(node: TestNode): void {
  const { paths } = node;
  const file = join(node.root, "secret.txt");
  Deno.writeTextFileSync(file, `${PLANTED.inFile}\n`);
  node.configure((config) => {
    const at = (port: number) => ({ host: "localhost", port, username: "node" });
    config["backends"] = [
      { name: "a", provider: "mqtt", mqtt_connection: { ...at(1), password: PLANTED.inConfiguration } },
      { name: "b", provider: "mqtt", mqtt_connection: { ...at(2), password: { env: "IVY_PLANTED" } } },
      { name: "c", provider: "mqtt", mqtt_connection: { ...at(3), password: { file } } },
      { name: "d", provider: "http", url: `http://me:${PLANTED.inAddress}@localhost:4/` },
    ];
    config["updater"] = {
      provider: "http",
      base_url: "http://localhost:5",
      public_keys: [keys.publicKey],
      access_token: PLANTED.ofUpdater,
    };
  });
  const before = {
    backends: [{ password: PLANTED.inOldConfiguration }],
    status_page: { token: PLANTED.ofPage },
  };
  Deno.writeTextFileSync(paths.previousConfigFile, JSON.stringify(before));
  Deno.writeTextFileSync(paths.lastGoodConfigFile, `{"password": "${PLANTED.inDamagedFile}",`);
  Deno.mkdirSync(paths.kept, { recursive: true });
  Deno.writeTextFileSync(join(paths.kept, "x.json"), JSON.stringify({ credentials: PLANTED.givenByServer }));
  Deno.mkdirSync(paths.logs, { recursive: true });
  const { inDamagedFile: _, ...shown } = PLANTED; // what nobody could read, nobody could log
  const spelt = Object.values(shown).flatMap((
    text,
  ) => [text, JSON.stringify(text), encodeURIComponent(text)]);
  for (const name of ["2026-11-21.log", "console.log"]) {
    Deno.writeTextFileSync(
      join(paths.logs, name),
      `${spelt.map((text) => `signing in with ${text}`).join("\n")}\n`,
    );
  }
}

Deno.test("ivy doctor --bundle: what a bug report needs, readable by nobody else, and no secret in it", async () => {
  await using node = new TestNode({
    program: await misbehavingIvy(),
    procedures: {
      keeps_secrets: { password: PLANTED.ofProcedure, pin: "planted-pin", plate: "planted-plate" },
    },
    env: { IVY_PLANTED: PLANTED.inEnvironment },
    covered: true,
  });
  await node.ivy("init");
  plantSecrets(node);
  const file = join(node.root, "report.tar.gz");
  new Deno.Command("gzip", { args: [join(node.paths.logs, "2026-11-21.log")] }).outputSync();
  const { stderr } = await node.ivy("doctor", "--bundle", file);
  assertStringIncludes(stderr, `wrote ${file}`);
  assertEquals(Deno.statSync(file).mode! & 0o777, 0o600);

  const unpacked = join(node.root, "unpacked");
  Deno.mkdirSync(unpacked);
  const { success } = await new Deno.Command("tar", { args: ["xzf", file, "-C", unpacked] }).output();
  assert(success);
  const texts = new Map([...filesIn(join(unpacked, "ivy"))]);
  for (
    const name of [
      "doctor.json",
      "versions.json",
      "status.json",
      "config.json",
      "logs/2026-11-21.log",
      "logs/console.log",
    ]
  ) {
    assert(texts.has(name), `${name} is missing; there are ${[...texts.keys()]}`);
  }
  assertStringIncludes(texts.get("logs/console.log")!, "signing in with •••");
  assertMatch(texts.get("config.json")!, /"host": "localhost"[^]*"password": "•••"/);
  assertMatch(texts.get("config.last_good.json.fault.txt")!, /it is not in here, because/);
  for (const [name, text] of texts) {
    for (const secret of [...Object.values(PLANTED), "planted-pin", "planted-plate", "planted"]) {
      assert(!text.includes(secret), `${name} holds ${secret}`);
    }
  }
  const again = await node.ivy("doctor", "--bundle", file);
  assertEquals(again.code, 1);
  assertMatch(again.stderr, /cannot write .*report\.tar\.gz: .*exists.* Choose another --bundle/);
});

function* filesIn(folder: string, prefix = ""): Generator<[name: string, text: string]> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* filesIn(join(folder, name), `${prefix}${name}/`);
    else yield [prefix + name, Deno.readTextFileSync(join(folder, name))];
  }
}
