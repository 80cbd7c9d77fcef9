// Runs in: tests.
import { assertEquals } from "@std/assert";
import * as z from "zod";
import templateText from "../../config/config.template.json" with { type: "text" };
import randomWalk from "../../procedures/random_walk.ts";
import systemChecks from "../../procedures/system_checks.ts";
import { procedures } from "../../procedures/registry.ts";
import { wholeSchema } from "../../src/agent/configuration.ts";
import { configSchema } from "../../src/shared/config.ts";
import { describeFaults, faultsOf } from "../../src/shared/faults.ts";
import { configJsonSchema } from "../../src/shared/config.ts";
import type { JsonSchema } from "../../src/shared/secrets.ts";
import { version } from "../../src/shared/version.ts";

const template = JSON.parse(templateText);
const definitions = { random_walk: randomWalk, system_checks: systemChecks };

Deno.test("the template is valid, for main and for every procedure, and belongs to this version", () => {
  const config = configSchema.parse(template);
  assertEquals(config.general.software_version, version);
  assertEquals(Object.keys(config.procedures).sort(), Object.keys(procedures).sort());
  assertEquals(Object.keys(definitions).sort(), Object.keys(procedures).sort());
  for (const [name, { enabled: _, ...settings }] of Object.entries(config.procedures)) {
    const definition = definitions[name as keyof typeof definitions];
    assertEquals(definition.name, name);
    definition.config.parse(settings);
  }
});

Deno.test("the template is valid by the JSON Schema that ivy config schema prints", () => {
  const settings = Object.fromEntries(
    Object.entries(definitions).map(([name, { config }]) => {
      return [name, z.toJSONSchema(config, { io: "input" }) as JsonSchema];
    }),
  );
  const schema = z.fromJSONSchema(wholeSchema({ procedures: settings, backends: {} }) as never);
  assertEquals(schema.safeParse(template).error?.issues, undefined);
  const spoilt = structuredClone(template);
  spoilt.procedures["random_walk"] = { enabled: true, seconds_between_datapoints: 0 };
  assertEquals(schema.safeParse(spoilt).success, false);
});

Deno.test("what may be left out has its default", () => {
  const { storage: _, updater: __, backends: ___, status_page: ____, ...least } = template;
  const { storage, updater, backends, status_page } = configSchema.parse(least);
  assertEquals(storage.retention_days, null);
  assertEquals(storage.log_retention_days, 90);
  assertEquals([updater, backends], [null, []]);
  assertEquals(status_page, { host: "127.0.0.1", port: 8420, token: null });
});

Deno.test("a page that others can reach needs a token", () => {
  const judge = (status_page: unknown) => configSchema.safeParse({ ...template, status_page }).success;
  for (const host of ["0.0.0.0", "::", "192.168.1.5", "node7.local", "127.0.0.1.example.org"]) {
    assertEquals(judge({ host }), false, host);
    assertEquals(judge({ host, token: { env: "PAGE_TOKEN" } }), true, host);
  }
  for (const host of ["127.0.0.1", "127.1.2.3", "localhost", "::1"]) {
    assertEquals(judge({ host }), true, host);
  }
  assertEquals(judge(null), true);
});

/** One wrong place each, and its sentence. */
const WRONG: { change: (config: Record<string, Record<string, unknown>>) => void; sentence: string }[] = [
  {
    change: ({ general }) => general!["config_revision"] = -2,
    sentence: "general.config_revision: expected an integer from -1 to 2147483647, got -2",
  },
  {
    change: (config) => config["status_page"] = { host: "0.0.0.0", port: 80 },
    sentence: "status_page.token: expected a token, since others can reach 0.0.0.0, got nothing",
  },
  {
    change: ({ general }) => general!["software_version"] = "1.2",
    sentence:
      'general.software_version: expected text (a version such as 1.2.3: the Ivy that this configuration is for), got "1.2"',
  },
  {
    change: ({ general }) => general!["system_identifier"] = "a b",
    sentence:
      'general.system_identifier: expected text (a name of letters, digits, dots, dashes and underscores, at most 128), got "a b"',
  },
  {
    change: ({ logging_verbosity }) => delete logging_verbosity!["file_archive"],
    sentence:
      'logging_verbosity.file_archive: expected one of "DEBUG", "INFO", "WARNING", "ERROR", "EXCEPTION" or null, got nothing',
  },
  {
    change: ({ logging_verbosity }) => logging_verbosity!["console_prints"] = "info",
    sentence:
      'logging_verbosity.console_prints: expected one of "DEBUG", "INFO", "WARNING", "ERROR", "EXCEPTION" or null, got "info"',
  },
  {
    change: ({ storage }) => storage!["log_retention_days"] = 0,
    sentence: "storage.log_retention_days: expected an integer from 1 to 36500 or null, got 0",
  },
  {
    change: (config) => config["status_pag"] = {},
    sentence: '(the whole): unknown key "status_pag" (did you mean "status_page"?)',
  },
];

for (const { change, sentence } of WRONG) {
  Deno.test(`the configuration is strict: ${sentence}`, () => {
    const config = structuredClone(template);
    change(config);
    const { error } = configSchema.safeParse(config);
    assertEquals(describeFaults(faultsOf(error!), configJsonSchema(), config), [sentence]);
  });
}

Deno.test("no procedure may bear the name under which the agent itself sends messages", () => {
  const spoilt = structuredClone(template);
  spoilt.procedures["agent"] = { enabled: false };
  const issues = configSchema.safeParse(spoilt).error?.issues;
  assertEquals(issues?.map(({ path, message }) => [path.join("."), message]), [
    ["procedures.agent", "expected another name: messages of the agent itself bear this one"],
  ]);
});
