// Runs in: tests.
import { assertEquals } from "@std/assert";
import { decideUpdate } from "../../../src/agent/updater/decide.ts";
import { forbiddenChanges } from "../../../src/agent/updater/local_only.ts";
import { backends } from "../../../src/backends/registry.ts";

const CURRENT = {
  general: { config_revision: 4, software_version: "1.2.3", system_identifier: "node-1" },
  updater: { provider: "github", access_token: "gh-token" },
  status_page: { port: 8420, token: { env: "PAGE_TOKEN" } },
  backends: [
    {
      name: "main",
      provider: "thingsboard",
      mqtt_connection: {
        host: "a",
        port: 1883,
        username: "device-token",
        password: { file: "/etc/ivy/password" },
      },
      rpc: { allow: ["ping"] },
      configures: true,
    },
    { provider: "mqtt", configures: false, mqtt_connection: { host: "b", port: 1883 } },
  ],
  procedures: { random_walk: { enabled: true, seconds: 10 } },
};
const current = {
  raw: CURRENT as unknown,
  revision: 4,
  softwareVersion: "1.2.3",
  rules: { backends, procedures: {} },
  hasCredentials: (_backend: string) => false,
};

type Config = typeof CURRENT & Record<string, unknown>;

function decide(revision: number, change: (config: Config) => unknown, rejected: number[] = []) {
  const config = structuredClone(CURRENT) as Config;
  const result = change(config);
  return decideUpdate(
    current,
    { revision, config: result === undefined ? config : result },
    new Set(rejected),
  );
}

function rejects(name: string, reason: string, change: (config: Config) => unknown): void {
  Deno.test(`a configuration from afar is rejected: ${name}`, () => {
    assertEquals(decide(5, change), { kind: "reject", reason });
  });
}

Deno.test("a newer configuration for this version is to be used, with its revision", () => {
  const decision = decide(5, (config) => void (config.procedures.random_walk.seconds = 20));
  assertEquals(decision, {
    kind: "reconfigure",
    config: {
      ...CURRENT,
      general: { ...CURRENT.general, config_revision: 5 },
      procedures: { random_walk: { enabled: true, seconds: 20 } },
    },
  });
});

for (const revision of [4, 3, 0]) {
  Deno.test(`revision ${revision} is not newer than 4 and is ignored, whatever is in it`, () => {
    assertEquals(decide(revision, () => "nonsense"), {
      kind: "ignore",
      reason: "the node runs with revision 4 already",
    });
  });
}

Deno.test("a revision that was rejected before is ignored", () => {
  assertEquals(decide(6, () => {}, [5, 6]), { kind: "ignore", reason: "it has been rejected before" });
});

Deno.test("a configuration for another version is an upgrade, and may hold what this version does not know", () => {
  const decision = decideUpdate(current, {
    revision: 9,
    config: {
      ...CURRENT,
      general: { config_revision: 9, software_version: "2.0.0-rc.1" },
      something: { new: true },
    },
  }, new Set());
  assertEquals([decision.kind, (decision as { version: string }).version], ["upgrade", "2.0.0-rc.1"]);
});

for (const value of [null, 5, "text", [], true]) {
  rejects(`${JSON.stringify(value)} instead of an object`, "a configuration must be an object", () => value);
}
rejects("no general", "general must be an object", () => ({ procedures: {} }));
for (const version of [undefined, 1, "", "latest", "1.2", "1.2.3; rm -rf /", "../1.2.3"]) {
  rejects(
    `${JSON.stringify(version)} as version`,
    "general.software_version must be a version such as 1.2.3",
    () => ({ general: { software_version: version } }),
  );
}

Deno.test("the sign for a secret keeps the present value; backends are matched by name, not by place", () => {
  const decision = decide(5, (config) => {
    config.updater.access_token = "•••";
    config.backends[0]!.mqtt_connection.username = "•••";
    config.backends.reverse();
    (config.status_page as { token: unknown }).token = "•••";
  });
  assertEquals(decision.kind, "reconfigure", JSON.stringify(decision));
  const { config } = decision as unknown as { config: typeof CURRENT };
  assertEquals(config.updater, CURRENT.updater);
  assertEquals(config.backends[1]!.mqtt_connection, CURRENT.backends[0]!.mqtt_connection);
  assertEquals(config.status_page, CURRENT.status_page);
});

rejects(
  "the sign for a secret where there is none",
  '"•••" stands for the present value, but there is none at backends[1].mqtt_connection.password',
  (config) =>
    void (config.backends[1]!.mqtt_connection = { host: "b", port: 1883, password: "•••" } as never),
);

const FORBIDDEN: [name: string, keys: string, change: (config: Config) => unknown][] = [
  [
    "the list itself",
    "general.local_only",
    (config) => ({ ...config, general: { ...config.general, local_only: [] } }),
  ],
  ["the updater's token", "updater", (config) => void (config.updater.access_token = "evil")],
  [
    "a new key of the updater",
    "updater",
    (config) => void Object.assign(config.updater, { allow_unsigned: true }),
  ],
  ["the updater removed", "updater", (config) => void (config.updater = null as never)],
  ["the updater's key deleted", "updater", ({ updater: _, ...config }) => config],
  ["the status page", "status_page", (config) => void (config.status_page.port = 80)],
  ["rpc.allow", "backends[main].rpc", (config) => void config.backends[0]!.rpc!.allow.push("reboot")],
  ["rpc of a backend that had none", "backends[mqtt].rpc", (config) => {
    config.backends[1]!.rpc = { allow: ["reboot"] };
  }],
  ["rpc of a new backend", "backends[other].rpc", (config) => {
    config.backends.push(
      { name: "other", provider: "thingsboard", configures: false, rpc: { allow: ["ping"] } } as never,
    );
  }],
  [
    "rpc moved to another name",
    "backends[second].rpc, backends[second].configures",
    (config) => void (config.backends[0]!.name = "second"),
  ],
  [
    "rpc behind a name that is there twice",
    "backends[main again, at 1].rpc, backends[main again, at 1].configures",
    (config) => {
      config.backends.splice(1, 0, { ...config.backends[0]!, rpc: { allow: ["reboot"] } } as never);
    },
  ],
  [
    "who may configure",
    "backends[mqtt].configures",
    (config) => void (config.backends[1]!.configures = true),
  ],
  ["where secrets may go", "general.trusted_destinations", (config) => (
    { ...config, general: { ...config.general, trusted_destinations: ["evil.example"] } }
  )],
];

for (const [name, keys, change] of FORBIDDEN) {
  rejects(name, `only a person on the node may change ${keys}`, change);
}

const ABSENT: [name: string, own: object, received: object, forbidden: string][] = [
  ["no page, and its key left out", { status_page: null }, {}, "status_page"],
  ["the default page, and none", {}, { status_page: null }, "status_page"],
  ["the default page, said or left out", { status_page: {} }, {}, ""],
  ["updates by hand, said or left out", { updater: null }, {}, ""],
  ["updates by hand, and its key left out in another version", { updater: null }, {
    general: { software_version: "9.0.0" },
  }, "updater"],
  [
    "logs for ever, and their key left out",
    {
      general: { local_only: ["storage.log_retention_days"] },
      storage: { log_retention_days: null },
    },
    { general: { local_only: ["storage.log_retention_days"] } },
    "storage.log_retention_days",
  ],
  [
    "logs for 90 days, said or left out",
    {
      general: { local_only: ["storage.log_retention_days"] },
      storage: { log_retention_days: 90 },
    },
    { general: { local_only: ["storage.log_retention_days"] }, storage: {} },
    "",
  ],
  ["a setting of a procedure that is null, and left out", {
    general: { local_only: ["procedures.pump.limit"] },
    procedures: { pump: { enabled: true, limit: null } },
  }, {
    general: { local_only: ["procedures.pump.limit"] },
    procedures: { pump: { enabled: true } },
  }, "procedures.pump.limit"],
];

for (const [name, own, received, forbidden] of ABSENT) {
  Deno.test(`what is left out means its default, which is rarely null: ${name}`, () =>
    assertEquals(forbiddenChanges(own, received).join(), forbidden));
}

Deno.test("a backend with rpc may be removed remotely, one without may be added, but not configure", () => {
  const change = (configures: boolean) => (config: Config) => {
    config.backends = [config.backends[1]!, { name: "new", provider: "mqtt", configures } as never];
  };
  assertEquals(decide(5, change(false)).kind, "reconfigure");
  assertEquals(decide(5, change(true)), {
    kind: "reject",
    reason: "only a person on the node may change backends[new].configures",
  });
});

Deno.test("several backends must say which of their servers may configure the node", () => {
  assertEquals(
    decide(5, (config) => void delete (config.backends[0] as { configures?: boolean }).configures),
    {
      kind: "reject",
      reason: "backends[main].configures: expected true or false, since there are several backends " +
        "(may its server configure this node?)",
    },
  );
});

const REFERENCES: [name: string, places: string, change: (config: Config) => unknown][] = [
  ["a new file", "procedures.random_walk.key", (config) => {
    Object.assign(config.procedures.random_walk, { key: { file: "/etc/shadow" } });
  }],
  ["a known file in another place", "procedures.random_walk.key", (config) => {
    Object.assign(config.procedures.random_walk, { key: { file: "/etc/ivy/password" } });
  }],
  [
    "variables in a list, of which one is known",
    "procedures.random_walk.keys[0], procedures.random_walk.keys[1]",
    (
      config,
    ) => {
      Object.assign(config.procedures.random_walk, { keys: [{ env: "PAGE_TOKEN" }, { env: "AWS_SECRET" }] });
    },
  ],
  ["a known file under a name that is there twice", "backends[mqtt again, at 2].mqtt_connection.password", (
    config,
  ) => {
    const connection = { host: "b", port: 1883, password: { file: "/etc/ivy/password" } };
    config.backends.push({ provider: "mqtt", configures: false, mqtt_connection: connection } as never);
  }],
  ["a variable in place of a file", "backends[main].mqtt_connection.password", (config) => {
    config.backends[0]!.mqtt_connection.password = { env: "PAGE_TOKEN" } as never;
  }],
];

for (const [name, places, change] of REFERENCES) {
  Deno.test(`a reference belongs to its place: ${name} is refused, unless a person allows it`, () => {
    const decision = decide(5, change);
    assertEquals(decision.kind, "reject");
    const { reason, canBeAllowed } = decision as { reason: string; canBeAllowed?: true };
    assertEquals(
      [reason, canBeAllowed],
      [
        `only a person on the node may change ${places}; or a person on the node allows it: ivy config accept 5`,
        true,
      ],
    );
    const config = structuredClone(CURRENT) as Config;
    change(config);
    assertEquals(
      decideUpdate(current, { revision: 5, config, isAllowed: true }, new Set()).kind,
      "reconfigure",
    );
  });
}

Deno.test("for another version, which may read references otherwise, what looks like one counts as well", () => {
  for (const key of [{ file: "/etc/shadow", x: 1 }, { FILE: "/etc/shadow" }, { env: "TOKEN", file: "/x" }]) {
    const change = (version: string) => (config: Config) => {
      config.general.software_version = version;
      Object.assign(config.procedures.random_walk, { key });
    };
    assertEquals(
      decide(5, change("1.2.3")).kind,
      "reconfigure",
      "this version says itself what is wrong with it",
    );
    assertEquals(decide(5, change("1.2.2")).kind, "reject", JSON.stringify(key));
  }
});

Deno.test("forbidden changes are also found in configurations for another version", () => {
  const decision = decide(5, (config) => {
    config.general.software_version = "9.9.9";
    config.updater.access_token = "evil";
  });
  assertEquals(decision, { kind: "reject", reason: "only a person on the node may change updater" });
});

Deno.test("a node's own list stands in for the default one, but never frees the updater", () => {
  const raw = { ...CURRENT, general: { ...CURRENT.general, local_only: ["procedures.*.enabled"] } };
  const decideOwn = (change: (config: typeof raw) => void) => {
    const config = structuredClone(raw);
    change(config);
    return decideUpdate({ ...current, raw }, { revision: 5, config }, new Set());
  };
  assertEquals(decideOwn((config) => Object.assign(config, { token: { env: "NEW" } })).kind, "reconfigure");
  assertEquals(decideOwn((config) => void (config.updater.access_token = "other")).kind, "reject");
  assertEquals(decideOwn((config) => void (config.procedures.random_walk.enabled = false)), {
    kind: "reject",
    reason: "only a person on the node may change procedures.random_walk.enabled",
  });
  assertEquals(decideOwn((config) => void config.general.local_only.pop()).kind, "reject");
});

Deno.test("keys with special meaning in JavaScript are plain keys", () => {
  const config = JSON.parse(
    '{"general":{"software_version":"1.2.3"},"__proto__":{"a":1},"constructor":"•••"}',
  );
  const decision = decideUpdate({ ...current, raw: { general: {} } }, { revision: 5, config }, new Set());
  assertEquals(decision.kind, "reject");
});
