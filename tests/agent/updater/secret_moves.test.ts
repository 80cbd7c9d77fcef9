// Runs in: tests.
import { assertEquals } from "@std/assert";
import { decideUpdate } from "../../../src/agent/updater/decide.ts";
import { backends } from "../../../src/backends/registry.ts";
import type { ProcedureRegistry } from "../../../src/shared/registry.ts";

const procedures: ProcedureRegistry = {
  camera: {
    module: "",
    permissions: ({ host, folder }) => ({ net: [`${host}:443`], read: [`${folder}`] }),
    destination: ["host"],
  },
  silent: { module: "", permissions: () => ({}) },
};

/** A node with a secret of every kind. */
const NODE = {
  general: { config_revision: 4, software_version: "1.2.3" } as Record<string, unknown>,
  status_page: { host: "127.0.0.1", port: 8420, token: { env: "PAGE_TOKEN" } },
  backends: [
    {
      name: "main",
      provider: "thingsboard",
      configures: true,
      mqtt_connection: { host: "a.example", port: 8883, tls: {} as unknown, username: "device-token" },
      rpc: { allow: ["restart"] } as Record<string, unknown>,
    },
    {
      name: "second",
      provider: "mqtt",
      configures: false,
      mqtt_connection: { host: "b.example", port: 1883, username: "u", password: { file: "/etc/ivy/p" } },
    },
    {
      name: "web",
      provider: "http",
      configures: false,
      url: "https://c.example/in?api_key=abc",
      configuration_url: "https://c.example/config",
      access_token: "bearer-token",
    },
  ] as Record<string, unknown>[],
  procedures: {
    camera: { enabled: true, host: "cam.example", folder: "/photos", quality: 3, pin: "1234" },
    silent: { enabled: true, target_url: "https://d.example/", seconds: 5, api_key: "k" },
    unknown: { enabled: true, upload: { server: "e.example", password: "p" }, seconds: 5 },
  } as Record<string, Record<string, unknown>>,
};
type Node = typeof NODE;

interface Given {
  trusted?: string[];
  withCredentials?: string[];
  isAllowed?: boolean;
}

/** What becomes of what an operator who has seen signs for secrets sends. */
function decide(
  change: (config: Node) => unknown,
  { trusted, withCredentials = [], isAllowed = false }: Given = {},
) {
  const raw = structuredClone(NODE);
  if (trusted !== undefined) raw.general["trusted_destinations"] = trusted;
  const config = structuredClone(raw);
  config.status_page.token = "•••" as never;
  (config.backends[0]!["mqtt_connection"] as Record<string, unknown>)["username"] = "•••";
  (config.backends[1]!["mqtt_connection"] as Record<string, unknown>)["password"] = "•••";
  Object.assign(config.backends[2]!, { url: "https://c.example/in?api_key=•••", access_token: "•••" });
  config.procedures["camera"]!["pin"] = "•••";
  config.procedures["silent"]!["api_key"] = "•••";
  (config.procedures["unknown"]!["upload"] as Record<string, unknown>)["password"] = "•••";
  const result = change(config) ?? config;
  return decideUpdate(
    {
      raw,
      revision: 4,
      softwareVersion: "1.2.3",
      rules: { backends, procedures },
      hasCredentials: (name) => withCredentials.includes(name),
    },
    { revision: 5, config: result, isAllowed },
    new Set(),
  );
}

const connection = (config: Node, index = 0) =>
  config.backends[index]!["mqtt_connection"] as Record<string, unknown>;
const camera = (config: Node) => config.procedures["camera"]!;

Deno.test("what an operator sends back without a change keeps every secret, also in an address", () => {
  const decision = decide(() => {});
  assertEquals(decision, {
    kind: "reconfigure",
    config: { ...NODE, general: { ...NODE.general, config_revision: 5 } },
  });
});

Deno.test("settings that decide nothing may change beside kept secrets", () => {
  const decision = decide((config) => {
    connection(config)["keep_alive_seconds"] = 10;
    config.backends[2]!["max_batch_messages"] = 5;
    camera(config)["quality"] = 5;
    config.procedures["silent"]!["seconds"] = 6;
    config.procedures["unknown"]!["seconds"] = 6;
    config.backends.reverse();
  });
  assertEquals(decision.kind, "reconfigure", JSON.stringify(decision));
});

const MOVES: [name: string, place: string, what: string, change: (config: Node) => unknown][] = [
  [
    "host",
    "backends[main]",
    "mqtt_connection.host, permissions",
    (c) => void (connection(c)["host"] = "evil"),
  ],
  ["port", "backends[main]", "mqtt_connection.port, permissions", (c) => void (connection(c)["port"] = 1)],
  ["TLS given up", "backends[main]", "mqtt_connection.tls", (c) => void (connection(c)["tls"] = null)],
  ["TLS left out", "backends[main]", "mqtt_connection.tls", (c) => void delete connection(c)["tls"]],
  ["another authority", "backends[main]", "mqtt_connection.tls", (c) => {
    connection(c)["tls"] = { ca: "-----BEGIN CERTIFICATE-----" };
  }],
  ["provider", "backends[main]", "provider", (c) => void (c.backends[0]!["provider"] = "mqtt")],
  ["a known reference", "backends[second]", "mqtt_connection.host, permissions", (c) => {
    connection(c, 1)["host"] = "evil";
    connection(c, 1)["password"] = { file: "/etc/ivy/p" };
  }],
  ["url", "backends[web]", "url, permissions", (c) => void (c.backends[2]!["url"] = "https://evil/in")],
  [
    "url, another path",
    "backends[web]",
    "url",
    (c) => void (c.backends[2]!["url"] = "https://c.example/evil"),
  ],
  ["configuration_url", "backends[web]", "configuration_url, permissions", (c) => {
    c.backends[2]!["configuration_url"] = "https://evil/";
  }],
  ["a procedure's declared setting", "procedures.camera", "host, permissions", (c) => {
    camera(c)["host"] = "evil";
  }],
  ["a setting that a permission is built from", "procedures.camera", "permissions", (c) => {
    camera(c)["folder"] = "/etc";
  }],
  ["a setting that sounds like an address", "procedures.silent", "target_url", (c) => {
    c.procedures["silent"]!["target_url"] = "https://evil/";
  }],
  [
    "an address by any name",
    "procedures.silent",
    "x",
    (c) => void (c.procedures["silent"]!["x"] = "mqtt://evil"),
  ],
  ["a kind that nobody knows", "procedures.unknown", "upload.server", (c) => {
    (c.procedures["unknown"]!["upload"] as Record<string, unknown>)["server"] = "evil";
  }],
];

for (const [name, place, what, change] of MOVES) {
  Deno.test(`a secret belongs to its destination: ${name}`, () => {
    const own = [`${place}: its destination changes (${what}), and it brings no secrets of its own`];
    assertEquals(decide(change), {
      kind: "reject",
      reason:
        `${own}: a secret belongs to its destination, so send new ones in place of "•••" and references, or ` +
        "give a backend that has credentials another name; " +
        "or a person on the node allows it: ivy config accept 5",
      canBeAllowed: true,
    });
    assertEquals(decide(change, { isAllowed: true }).kind, "reconfigure");
    const toAnotherVersion = (config: Node) => {
      change(config);
      config.general["software_version"] = "1.2.2";
    };
    assertEquals(decide(toAnotherVersion).kind, "reject");
  });
}

Deno.test("two backends cannot swap their names to swap their servers", () => {
  const decision = decide((config) => {
    const [one, , three] = config.backends;
    config.backends = [
      { ...one!, mqtt_connection: { ...connection(config), host: "b.example", port: 1883, tls: null } },
      {
        ...config.backends[1]!,
        mqtt_connection: { ...connection(config, 1), host: "a.example", port: 8883 },
      },
      three!,
    ];
  });
  assertEquals(decision.kind, "reject");
});

const NOWHERE: [name: string, place: string, change: (config: Node) => unknown][] = [
  ["under another name", "backends[0].mqtt_connection.username", (c) => {
    Object.assign(c.backends[0]!, { name: "other", configures: false, rpc: undefined });
  }],
  ["twice under one name", "backends[1].mqtt_connection.username", (c) => {
    c.backends.splice(1, 0, { ...c.backends[0]!, mqtt_connection: { ...connection(c), host: "evil" } });
  }],
  ["in an object in place of a list", "backends.0.mqtt_connection.username", (c) => (
    { ...c, backends: { ...c.backends } }
  )],
  [
    "in a new procedure",
    "procedures.evil.pin",
    (c) => void (c.procedures["evil"] = { enabled: true, pin: "•••" }),
  ],
  ["in another address", "backends[2].url", (c) => {
    c.backends[2]!["url"] = "https://evil/in?api_key=•••";
  }],
  ["in a place where it was not", "procedures.silent.other", (c) => {
    c.procedures["silent"]!["other"] = "•••";
  }],
];

for (const [name, place, change] of NOWHERE) {
  Deno.test(`the sign for a secret keeps nothing ${name}`, () => {
    const decision = decide(change);
    assertEquals(decision.kind, "reject");
    const { reason } = decision as { reason: string };
    assertEquals(reason.includes(`there is none at`) && reason.includes(place), true, reason);
  });
}

Deno.test("with secrets of its own a backend may go anywhere, and its new server may call nothing", () => {
  const decision = decide((config) => {
    Object.assign(connection(config), { host: "new.example", username: "a-new-token" });
  });
  assertEquals(decision.kind, "reconfigure", JSON.stringify(decision));
  const { config } = decision as unknown as { config: Node };
  assertEquals(config.backends[0]!["rpc"], { allow: [] });
});

Deno.test("credentials that a server has given out stay with its address, and do not wait for a new backend", () => {
  const moved = (config: Node) => {
    Object.assign(connection(config), { host: "evil", username: "inline" });
  };
  assertEquals(decide(moved, { withCredentials: ["main"] }).kind, "reject");
  assertEquals(decide(() => {}, { withCredentials: ["main"] }).kind, "reconfigure");
  const added = (config: Node) =>
    void config.backends.push({
      name: "gone",
      provider: "thingsboard",
      configures: false,
      mqtt_connection: { host: "evil", port: 1 },
    });
  assertEquals(decide(added).kind, "reconfigure");
  assertEquals(decide(added, { withCredentials: ["gone"] }).kind, "reject");
});

const TRUSTED: [trusted: string[], change: (config: Node) => unknown, kind: "reconfigure" | "reject"][] = [
  [["new.example"], (c) => void (connection(c)["host"] = "new.example"), "reconfigure"],
  [["NEW.example:8883"], (c) => void (connection(c)["host"] = "new.example"), "reconfigure"],
  [["new.example:1883"], (c) => void (connection(c)["host"] = "new.example"), "reject"],
  [["example"], (c) => void (connection(c)["host"] = "new.example"), "reject"],
  [["new.example"], (c) => void Object.assign(connection(c), { host: "new.example", tls: null }), "reject"],
  [
    ["new.example"],
    (c) => void Object.assign(connection(c, 1), { host: "new.example", tls: {} }),
    "reconfigure",
  ],
  [["a.example"], (c) => void (connection(c)["tls"] = null), "reject"],
  [["a.example"], (c) => void (c.backends[0]!["provider"] = "mqtt"), "reject"],
  [["https://n.example/in"], (c) => void (c.backends[2]!["url"] = "https://n.example/in/2"), "reconfigure"],
  [["https://n.example/in"], (c) => void (c.backends[2]!["url"] = "https://n.example/inside"), "reject"],
  [["https://n.example/in"], (c) => void (c.backends[2]!["url"] = "https://n.example/in/../out"), "reject"],
  [["https://n.example/"], (c) => void (c.backends[2]!["url"] = "http://n.example:443/"), "reject"],
  [["https://n.example"], (c) => void (c.backends[2]!["url"] = "https://n.example.evil/"), "reject"],
  [["https://n.example/"], (c) => void (connection(c)["host"] = "n.example"), "reject"],
  [["n.example"], (c) => void (c.backends[2]!["url"] = "https://n.example/x"), "reconfigure"],
  [["n.example"], (c) => void (c.backends[2]!["url"] = "http://n.example/x"), "reject"],
  [["cam2.example"], (c) => void (camera(c)["host"] = "cam2.example"), "reconfigure"],
  [
    ["cam2.example"],
    (c) => void Object.assign(camera(c), { host: "cam2.example", folder: "/etc" }),
    "reject",
  ],
];

for (const [trusted, change, kind] of TRUSTED) {
  const place = change.toString().replace(/.*(?:void|=>) /s, "");
  Deno.test(`with ${trusted} as trusted destination: ${place} → ${kind}`, () => {
    const decision = decide(change, { trusted });
    assertEquals(decision.kind, kind, JSON.stringify(decision));
  });
}
