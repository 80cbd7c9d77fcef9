// Runs in: tests.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { openDevice } from "../../src/agent/device_door.ts";

type Operation = "read" | "list" | "write";

const ask = (operation: Operation, path: string, patterns: string[], text?: string) =>
  openDevice(
    { type: "device_request", requestId: 7, operation, path, ...(text === undefined ? {} : { text }) },
    "pump",
    patterns,
    300,
  );

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
    why: 'add it to "devices" in the line "pump" of procedures/registry.ts',
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

Deno.test("a device that does not answer, or has no end, holds nobody up", async () => {
  const zero = await ask("read", "/dev/zero", ["/dev/zero"]);
  assertEquals(zero.text!.length, 65_536);
  const pipe = `/dev/shm/ivy_test_${crypto.randomUUID()}`;
  new Deno.Command("mkfifo", { args: [pipe] }).outputSync();
  try {
    const { error } = await ask("read", pipe, ["/dev/shm/*"]);
    assertEquals(error, `cannot read ${pipe}: it took longer than 0.3 s`);
    Deno.openSync(pipe, { read: true, write: true }).close(); // lets the one who waits go
  } finally {
    Deno.removeSync(pipe);
  }
});
