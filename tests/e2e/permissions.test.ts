// Runs in: tests.
import { assertEquals, assertMatch } from "@std/assert";
import { lockMeans } from "../../src/agent/lock_means.ts";
import { plantTreasures } from "../support/doors.ts";
import { GrowingText } from "../support/growing_text.ts";
import { needs, skipBecause } from "../support/needs.ts";
import { TestNode } from "../support/node.ts";
import { doorsProgram, isCompiled, misbehavingIvy } from "../support/program.ts";

const program = await misbehavingIvy();

/** What only a lock shuts, a binary leaves open where the kernel has none. */
const ignore = isCompiled && !hasLocks() &&
  skipBecause("this kernel lacks seccomp filters or Landlock: a binary's doors were tried on no other") !==
    "";

/** What is neither granted nor denied by a permission is left out: all else must be denied. */
const OPENED: Record<string, string[]> = {
  "doors_of_random_walk": [],
  "doors_of_system_checks": ["sys_loadavg"],
  "doors_of_files": [],
  "store": ["read_data", "write_data"],
};

/** What locks each of them. From source nothing does: there Deno's module loader asks for permission itself. */
const LOCKS: Record<string, "seccomp" | "landlock"> = {
  "doors_of_random_walk": "seccomp",
  "doors_of_system_checks": "seccomp",
  "doors_of_files": "landlock",
  "store": "landlock",
};

/** The same for workers that a node has only at times. */
const OPENED_AT_TIMES: Record<string, string[]> = {
  "check": ["read_data", "write_data"],
  "release": ["net_listen", "net_connect", "net_fetch", "net_vsock"],
};

Deno.test("every door that a worker's line does not open is shut, tried from inside each worker", {
  ignore,
}, async (t) => {
  await using node = new TestNode({ program, env: { IVY_TEST_STORE: "doors" } });
  const { data } = node.paths;
  node.configure((config) => {
    config.procedures = {
      doors_of_random_walk: { enabled: true, data },
      doors_of_system_checks: { enabled: true, data },
      doors_of_files: { enabled: true, data, folder: `${node.root}/files` },
    };
  });
  Deno.mkdirSync(`${node.root}/files/read`, { recursive: true });
  plantTreasures(node.root);
  await using agent = await node.run().ready();
  for (const [worker, opened] of Object.entries(OPENED)) {
    await t.step(worker, async () => {
      const [, json] = await agent.log.until(new RegExp(`${worker}  doors (.*)`));
      checkDoors(json!, opened);
    });
  }
  await t.step("status and doctor say what locks each", async () => {
    const { procedures, store } = await node.status();
    for (const [name, { lock }] of Object.entries({ ...procedures, store })) {
      assertEquals(lock!.kind, isCompiled ? LOCKS[name] : "deno", name);
    }
    const { stdout } = await node.ivy("doctor");
    const walk = isCompiled ? "seccomp, opens no file" : "Deno, runs from source";
    assertMatch(stdout, new RegExp(`✓ sandbox: doors_of_random_walk: ${walk}; .*store: `));
  });
});

Deno.test("what is denied is not asked for on the terminal", {
  ignore: needs("script") !== undefined,
}, async () => {
  await using node = new TestNode({ program, procedures: { doors_of_random_walk: {} } });
  const command = [...program, "run", "--root", node.root].map((word) => `'${word}'`).join(" ");
  const terminal = new Deno.Command("script", {
    args: ["--quiet", "--flush", "--return", "--command", command, "/dev/null"],
    env: { NO_COLOR: "1", SHELL: "/bin/sh" },
    stdin: "piped", // nobody types
    stdout: "piped",
  }).spawn();
  const screen = new GrowingText(terminal.stdout);
  try {
    const [, json] = await screen.until(/doors_of_random_walk {2}doors (.*)|Allow\?/);
    checkDoors(json!, []);
  } finally {
    Deno.kill(Number.parseInt(Deno.readTextFileSync(node.paths.lockFile)), "SIGKILL"); // it would wait for an answer
    await terminal.stdin.close();
    await terminal.status;
    await screen.ended;
  }
});

Deno.test("and from inside the workers that a node has only at times", { ignore }, async (t) => {
  await using node = new TestNode();
  plantTreasures(node.root);
  Deno.mkdirSync(`${node.root}/data`);
  Deno.mkdirSync(`${node.root}/staging`);
  Deno.mkdirSync(node.paths.control);
  Deno.writeTextFileSync(node.paths.lockFile, "1");
  const [first, ...args] = await doorsProgram();
  const { stdout } = await new Deno.Command(first, { args: [...args, node.root], stdin: "null" }).output();
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  const found = Object.assign({}, ...lines.map((line) => JSON.parse(line))) as Record<string, string>;
  for (const [worker, opened] of Object.entries(OPENED_AT_TIMES)) {
    await t.step(worker, () => checkDoors(found[worker]!, opened));
  }
});

function hasLocks(): boolean {
  const { hasSeccomp, landlockVersion } = lockMeans();
  return hasSeccomp && landlockVersion > 1;
}

function checkDoors(json: string, opened: string[]): void {
  const found: Record<string, string> = JSON.parse(json);
  const expected = Object.keys(found).map((door) => [door, opened.includes(door) ? "opened" : "denied"]);
  assertEquals(found, Object.fromEntries(expected));
}
