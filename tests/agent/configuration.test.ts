// Runs in: tests.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import * as z from "zod";
import {
  ConfigError,
  keepAsLastGood,
  loadConfig,
  readConfig,
  redactConfig,
} from "../../src/agent/configuration.ts";
import { EXIT } from "../../src/agent/errors.ts";
import { type JsonSchema, secret } from "../../src/shared/secrets.ts";
import { TestNode } from "../support/node.ts";

const KNOWN = { procedures: ["random_walk", "system_checks"], providers: ["tenta", "mqtt"] };

/** A node whose configuration has run once. */
function nodeThatRan(): { node: TestNode; good: string } {
  const node = new TestNode({ procedures: { random_walk: { seconds_between_datapoints: 1 } } });
  keepAsLastGood(node.paths, loadConfig(node.paths, KNOWN));
  return { node, good: Deno.readTextFileSync(node.paths.configFile) };
}

Deno.test("a configuration that is cut off at any byte does not stop a node that ran before", async () => {
  const { node, good } = nodeThatRan();
  await using _ = node;
  const bytes = new TextEncoder().encode(good);
  for (let length = 0; length < bytes.length; length++) {
    Deno.writeFileSync(node.paths.configFile, bytes.subarray(0, length));
    const { config, damage, file } = loadConfig(node.paths, KNOWN);
    assertEquals(Object.keys(config.procedures), ["random_walk"]);
    assertEquals(file, node.paths.lastGoodConfigFile);
    assert(damage?.startsWith(`${node.paths.configFile}: it is `), damage);
  }
});

Deno.test("a configuration with bytes that no text has is damaged, too", async () => {
  const { node, good } = nodeThatRan();
  await using _ = node;
  const bytes = new TextEncoder().encode(good);
  for (const at of [0, 1, Math.floor(bytes.length / 2), bytes.length - 3]) {
    const torn = bytes.slice();
    torn.fill(0xff, at, at + 3);
    Deno.writeFileSync(node.paths.configFile, torn);
    try {
      assertEquals(loadConfig(node.paths, KNOWN).file, node.paths.lastGoodConfigFile);
    } catch (error) {
      assert(error instanceof ConfigError, "inside a text it is a wrong value, which a person can mend");
    }
  }
});

Deno.test("what a person got wrong is an error, also on a node that ran before", async () => {
  const { node, good } = nodeThatRan();
  await using _ = node;
  const wrong = [
    good.replace('"enabled": true', '"enabled": 1'),
    good.replace('"updater"', '"updates"'),
    good.replace('"updater": null', '"updater": null, "updater": null'),
    good.replace("random_walk", "randm_walk"),
  ];
  for (const text of wrong) {
    assert(text !== good);
    node.writeConfig(text);
    const error = assertThrows(() => loadConfig(node.paths, KNOWN), ConfigError);
    assertEquals(error.exitStatus, EXIT.invalidConfiguration);
    assertEquals(Deno.readTextFileSync(node.paths.configFile), text);
  }
});

Deno.test("without one that ran, a missing or damaged configuration is an error", async () => {
  await using node = new TestNode();
  assertThrows(() => loadConfig(node.paths, KNOWN), ConfigError, "it is missing; ivy init makes one");
  node.writeConfig('{"general": ');
  assertThrows(() => loadConfig(node.paths, KNOWN), ConfigError, "it ends too early, at line 1, column 13");
});

Deno.test("the copy of what ran is for its user only, and is written only when it differs", async () => {
  const { node } = nodeThatRan();
  await using _ = node;
  const { lastGoodConfigFile } = node.paths;
  assertEquals(Deno.statSync(lastGoodConfigFile).mode! & 0o777, 0o600);
  const { ino } = Deno.statSync(lastGoodConfigFile);
  keepAsLastGood(node.paths, loadConfig(node.paths, KNOWN));
  assertEquals(Deno.statSync(lastGoodConfigFile).ino, ino);
});

Deno.test("backends are known by their provider and unique by their name", async () => {
  await using node = new TestNode({ procedures: {} });
  node.configure((config) => {
    config.backends = [{ provider: "mqqt" }, { provider: "tenta" }, { provider: "tenta" }, {
      name: 5,
    }] as never;
  });
  const { faults } = assertThrows(() => readConfig(node.paths.configFile, KNOWN), ConfigError);
  assertEquals(faults.toSorted(), [
    'backends[0].provider: expected one of "tenta", "mqtt", got "mqqt" (did you mean "mqtt"?)',
    'backends[2].name: expected a name that no other backend has, got "tenta"',
    "backends[3].name: expected text (letters, digits, dots, dashes and underscores, at most 64; unique; default: the provider), got 5",
    "backends[3].provider: expected text, got nothing",
  ]);
});

Deno.test("a configuration is shown without secrets; of a worker that said nothing, without any setting", () => {
  const settings = z.toJSONSchema(z.strictObject({ pin: secret(), seconds: z.number() }), { io: "input" });
  const raw = {
    general: { config_revision: 1 },
    procedures: {
      known: { enabled: true, pin: "1234", seconds: 5 },
      unknown: { enabled: false, pin: "1234", seconds: 5 },
    },
    backends: [{ provider: "silent", name: "cloud", user: "ada", pin: "1234" }],
  };
  assertEquals(redactConfig(raw, { procedures: { known: settings as JsonSchema }, backends: {} }), {
    general: { config_revision: 1 },
    procedures: {
      known: { enabled: true, pin: "•••", seconds: 5 },
      unknown: { enabled: false, pin: "•••", seconds: "•••" },
    },
    backends: [{ provider: "silent", name: "cloud", user: "•••", pin: "•••" }],
  });
});

Deno.test("a provider that every object has is one that nobody knows: nothing of its entry is shown", () => {
  for (const provider of ["constructor", "toString", "__proto__", "hasOwnProperty", 5, null, { a: 1 }]) {
    const raw = { general: {}, procedures: {}, backends: [{ provider, pin: "1234" }] };
    const shown = redactConfig(raw, { procedures: {}, backends: {} }) as typeof raw;
    assertEquals(shown.backends[0]!.pin, "•••", String(provider));
  }
});

Deno.test("credentials in an address are an error wherever it stands, and are not shown", async () => {
  await using node = new TestNode({ procedures: {} });
  node.configure((config) => {
    config["backends"] = [{ provider: "mqtt", list: [{ anything: "ftp://me:hunter2@example.org/x" }] }];
    config["updater"] = { provider: "http", base_url: "https://hunter2@example.org/", allow_unsigned: true };
  });
  const error = assertThrows(() => readConfig(node.paths.configFile, KNOWN), ConfigError);
  const { faults, message }: ConfigError = error;
  assertEquals(faults.filter((fault) => fault.includes("list[0]")), [
    'backends[0].list[0].anything: expected an address without user name and password, got "ftp://•••@example.org/x"',
  ]);
  assert(faults.some((fault) => fault.startsWith("updater.base_url")), message);
  assert(!message.includes("hunter2"));
});

Deno.test("what an earlier version did not ask for is a warning, and an error only where it is new", async () => {
  await using node = new TestNode({ procedures: {} });
  node.configure((config) => {
    config["backends"] = [{ provider: "mqtt" }, { provider: "tenta", configures: false }];
    config["status_page"] = { host: "0.0.0.0", token: "short" };
  });
  const { warnings } = readConfig(node.paths.configFile, KNOWN);
  assertEquals(warnings.map((warning) => warning.split(",")[0]), [
    "backends[0].configures: expected true or false",
    "status_page.token: expected at least 16 characters",
  ]);
});

Deno.test("sixteen backends and sixty-four procedures are enough", async () => {
  await using node = new TestNode({ procedures: {} });
  node.configure((config) => {
    config["backends"] = Array.from({ length: 17 }, (_, index) => ({ provider: "mqtt", name: `b${index}` }));
    config.procedures = Object.fromEntries(
      Array.from({ length: 65 }, (_, index) => [`p${index}`, { enabled: true }]),
    );
  });
  const { faults }: ConfigError = assertThrows(
    () => readConfig(node.paths.configFile, KNOWN),
    ConfigError,
  );
  assert(
    faults.some((fault) => fault.startsWith("backends: expected a list of at most 16")),
    faults.join("\n"),
  );
  assert(faults.some((fault) => fault.startsWith("procedures: expected at most 64 procedures")));
  assert(faults.length < 40, `${faults.length}`);
});

Deno.test("a file in place of the configuration's folder is told as such", async () => {
  await using node = new TestNode();
  Deno.mkdirSync(node.root, { recursive: true });
  Deno.writeTextFileSync(node.paths.versionFolder, "");
  const { faults } = assertThrows(() => readConfig(join(node.paths.configFile), KNOWN), ConfigError);
  assert(/Not a directory/.test(faults[0]!), faults[0]);
});
