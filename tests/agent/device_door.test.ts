// Runs in: tests.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DeviceDoor, OPENS_ASIDE } from "../../src/agent/device_door.ts";
import type { DeviceGrants } from "../../src/shared/registry.ts";
import { Scratch } from "../support/scratch.ts";
import { needs } from "../support/needs.ts";
import { TerminalPair } from "../support/terminal_pair.ts";
import { until } from "../support/until.ts";

type Operation = "read" | "list" | "write";

const LIMIT_MS = 300;
const doorOf = (grants: DeviceGrants) => new DeviceDoor({ procedure: "pump", grants, limitMs: LIMIT_MS });

const askAt = (door: DeviceDoor, operation: Operation, path: string, text?: string) =>
  door.answer({
    type: "device_request",
    requestId: 7,
    operation,
    path,
    ...(text === undefined ? {} : { text }),
  });

const ask = (operation: Operation, path: string, patterns: string[], text?: string) =>
  askAt(doorOf({ read: patterns, write: patterns }), operation, path, text);

Deno.test("files that the registry line lists are read, listed and written", async () => {
  const uptime = await ask("read", "/proc/uptime", ["/proc/uptime"]);
  assertEquals([uptime.type, uptime.requestId, uptime.error], ["device_answer", 7, undefined]);
  assert(Number(uptime.text!.split(" ")[0]) > 0);
  const names = (await ask("list", "/proc/sys/kernel", ["/proc/sys/**"])).names!;
  assert(names.includes("hostname"));
  assertEquals(names, names.toSorted());
  assertEquals(await ask("write", "/dev/null", ["/dev/null"], "text"), {
    type: "device_answer",
    requestId: 7,
  });
});

Deno.test("what is not there: a folder has no names, a file is an error", async () => {
  assertEquals((await ask("list", "/sys/class/no_such", ["/sys/class/*"])).names, []);
  const { error } = await ask("read", "/sys/class/no_such", ["/sys/class/*"]);
  assertStringIncludes(error!, "cannot read /sys/class/no_such: No such file or directory");
  const written = await ask("write", "/dev/shm/ivy_test_no_such", ["/dev/shm/*"], "x");
  assertStringIncludes(written.error!, "No such file or directory");
});

/** Paths that must stay shut, though the pattern seems to open them. */
const SHUT: { path: string; patterns: string[]; why: string }[] = [
  {
    path: "/proc/uptime",
    patterns: [],
    why: 'of "devices" in the line "pump" of procedures/registry.ts',
  },
  { path: "/proc/uptime", patterns: ["/proc/loadavg", "/proc/up"], why: "it is not granted" },
  { path: "/proc/sys/kernel/hostname", patterns: ["/proc/*"], why: "it is not granted" },
  {
    path: "/sys/class/../../etc/passwd",
    patterns: ["/sys/**"],
    why: "plain paths below /proc, /sys or /dev",
  },
  { path: "/proc/./uptime", patterns: ["/proc/**"], why: "plain paths" },
  { path: "/proc//uptime", patterns: ["/proc/**"], why: "plain paths" },
  { path: "proc/uptime", patterns: ["**"], why: "plain paths" },
  { path: "/etc/passwd", patterns: ["/**"], why: "plain paths" },
  { path: "/process", patterns: ["/**"], why: "plain paths" },
  { path: "/proc/self/root/etc/passwd", patterns: ["/proc/**"], why: "it leads to /etc/passwd" },
  { path: "/proc/self/cwd", patterns: ["/proc/**"], why: "it leads to /" },
];

for (const { path, patterns, why } of SHUT) {
  Deno.test(`the device door stays shut for ${path} with [${patterns}]`, async () => {
    for (const operation of ["read", "list", "write"] as const) {
      const { error, text, names } = await ask(operation, path, patterns);
      assertStringIncludes(error!, why);
      assertEquals([text, names], [undefined, undefined]);
    }
  });
}

Deno.test("reading and writing are granted apart, and who may read may list", async () => {
  const reader = doorOf({ read: ["/dev/null", "/proc/sys/kernel"] });
  assertEquals((await askAt(reader, "read", "/dev/null")).text, "");
  assert((await askAt(reader, "list", "/proc/sys/kernel")).names!.length > 0);
  assertEquals(
    (await askAt(reader, "write", "/dev/null", "x")).error,
    'cannot write /dev/null: it is not granted; add it to "write" of "devices" in the line "pump" of ' +
      "procedures/registry.ts",
  );
  const writer = doorOf({ write: ["/dev/null"] });
  assertEquals((await askAt(writer, "write", "/dev/null", "x")).error, undefined);
  for (const operation of ["read", "list"] as const) {
    assertMatch((await askAt(writer, operation, "/dev/null")).error!, /not granted; add it to "read" of/);
  }
  for (const operation of ["read", "list", "write"] as const) {
    const { error } = await new DeviceDoor({ procedure: "pump", grants: undefined }).answer({
      type: "device_request",
      requestId: 1,
      operation,
      path: "/dev/null",
    });
    assertMatch(error!, /it is not granted/);
  }
});

Deno.test("what cannot be resolved is not opened: a file of main's own, by its number", async () => {
  const file = Deno.makeTempFileSync();
  Deno.writeTextFileSync(file, "a secret");
  using _open = Deno.openSync(file);
  const names = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => `/proc/self/fd/${name}`);
  const own = names.find((path) => leadsTo(path) === file)!;
  assertMatch((await ask("read", own, ["/proc/**"])).error!, /it leads to/);
  Deno.removeSync(file); // now the link leads to a name that is not there
  assertMatch((await ask("read", own, ["/proc/**"])).error!, /No such file/);
});

Deno.test({
  name: "terminals stay shut, whatever leads to them",
  ignore: needs("socat") !== undefined,
  fn: async () => {
    await using scratch = new Scratch("ivy-by-id-");
    await using pair = await TerminalPair.open(scratch.path);
    const patterns = ["/dev/**"];
    const line = Deno.realPathSync(pair.near);
    const known = ["/dev/ptmx", "/dev/tty", "/dev/console", "/dev/ttyS0"].filter(isThere);
    for (const path of [pair.near, line, ...known]) {
      for (const operation of ["read", "list", "write"] as const) {
        const { error } = await ask(operation, path, patterns, "x");
        assertMatch(error!, /^cannot \w+ \/dev\/.*: it is a serial line or another terminal.*ser2net/);
      }
    }
    assertEquals((await ask("read", "/dev/null", patterns)).text, "", "what is no terminal opens");
  },
});

Deno.test("a device that has no end gives its start", async () => {
  const zero = await ask("read", "/dev/zero", ["/dev/zero"]);
  assertEquals(zero.text!.length, 65_536);
});

Deno.test({
  name: "a device that does not answer holds nobody up, and never more than one thread",
  ignore: !OPENS_ASIDE,
  fn: async () => {
    await using scratch = new Scratch("ivy-pipes-");
    const pipe = makePipe(scratch.path, "silent");
    const door = doorOf({ read: ["/dev/shm/**", "/proc/uptime"] });
    assertEquals((await askAt(door, "read", pipe)).error, `cannot read ${pipe}: it took longer than 0.3 s`);
    const startMs = performance.now();
    for (let i = 0; i < 20; i++) {
      assertEquals(
        (await askAt(door, "read", pipe)).error,
        `cannot read ${pipe}: an earlier request for it has not ended; the device does not answer`,
      );
    }
    assert(performance.now() - startMs < LIMIT_MS, "it is refused at once");
    assertEquals((await askAt(door, "read", "/proc/uptime")).error, undefined, "the others go on");
    letGo(pipe);
    await until("it is opened again", async () => {
      const { error } = await askAt(door, "read", pipe);
      if (error?.includes("took longer")) letGo(pipe);
      return error?.includes("took longer") === true;
    });
  },
});

Deno.test({
  name: "of many that do not answer four are waited for; what is quick waits for its turn",
  ignore: !OPENS_ASIDE,
  fn: async () => {
    await using scratch = new Scratch("ivy-pipes-");
    const door = doorOf({ read: ["/dev/shm/**", "/proc/*"] });
    const quick = await Promise.all(Array.from({ length: 40 }, () => askAt(door, "read", "/proc/uptime")));
    assertEquals(quick.filter(({ error }) => error !== undefined), []);
    const pipes = Array.from({ length: 6 }, (_, index) => makePipe(scratch.path, `silent ${index}`));
    const answers = await Promise.all(pipes.map((pipe) => askAt(door, "read", pipe)));
    const errors = answers.map(({ error }) => error!.replace(/^.*?: /, ""));
    const refusal = "4 earlier requests of this procedure have not ended; wait for their answers";
    assertEquals(errors, [
      ...Array(4).fill("it took longer than 0.3 s"),
      ...Array(2).fill(refusal),
    ]);
    const { error } = await askAt(door, "read", "/proc/uptime");
    assertEquals(error, `cannot read /proc/uptime: ${refusal}`);
    pipes.slice(0, 4).forEach(letGo);
    await until(
      "places are free",
      async () => (await askAt(door, "read", "/proc/uptime")).error === undefined,
    );
  },
});

if (!OPENS_ASIDE) {
  Deno.test("a named pipe stays shut where opening it would hold the agent up", async () => {
    await using scratch = new Scratch("ivy-pipes-");
    const pipe = makePipe(scratch.path, "silent");
    const { error } = await askAt(doorOf({ read: ["/dev/shm/**"] }), "read", pipe);
    assertMatch(error!, /it is a named pipe/);
  });
}

function makePipe(folder: string, name: string): string {
  const pipe = `${folder}/${name}`;
  new Deno.Command("mkfifo", { args: [pipe] }).outputSync();
  return pipe;
}

/** Ends the waiting of whoever opens it. */
function letGo(pipe: string): void {
  Deno.openSync(pipe, { read: true, write: true }).close();
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isCharDevice ?? false;
  } catch {
    return false;
  }
}

function leadsTo(link: string): string | undefined {
  try {
    return Deno.readLinkSync(link);
  } catch {
    return undefined; // closed meanwhile
  }
}
