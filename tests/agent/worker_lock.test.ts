// Runs in: tests.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { type LockMeans, lockMeans } from "../../src/agent/lock_means.ts";
import { NAME_FILES } from "../../src/agent/name_files.ts";
import { chooseLock, lockedModule } from "../../src/agent/worker_lock.ts";
import { libcBase, openLibc } from "../../src/shared/libc.ts";
import type { LockOrder, LockToMain } from "../../src/shared/protocol.ts";
import type { WorkerPermissions } from "../../src/shared/registry.ts";

const ALL: LockMeans = { hasSeccomp: true, landlockVersion: 7, namePaths: [1, 2] };
const RASPBERRY: LockMeans = { ...ALL, landlockVersion: 0 };
const NOTHING: LockMeans = { hasSeccomp: false, landlockVersion: 0, namePaths: undefined };
const folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "ivy-lock-" }));
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const file = join(folder, "file");
Deno.writeTextFileSync(file, "text");
Deno.symlinkSync("/etc/hostname", join(folder, "link"));

const CHOICES: {
  name: string;
  permissions: WorkerPermissions;
  means: LockMeans | undefined;
  lock: RegExp;
}[] = [
  { name: "from source", permissions: {}, means: undefined, lock: /^deno: runs from source$/ },
  { name: "no permission", permissions: {}, means: ALL, lock: /^seccomp: opens no file$/ },
  {
    name: "an address",
    permissions: { net: ["10.0.0.1:80", "[::1]:8080"] },
    means: ALL,
    lock: /^seccomp: opens no/,
  },
  {
    name: "a name",
    permissions: { net: ["broker.example:1883"] },
    means: ALL,
    lock: /^seccomp: .*only what names/,
  },
  {
    name: "a name, and a C library that keeps its paths nobody knows where",
    permissions: { net: ["broker.example:1883"] },
    means: { ...ALL, namePaths: undefined },
    lock: /^landlock: reads no file, and what names are resolved with$/,
  },
  {
    name: "the same on a Raspberry Pi",
    permissions: { net: true },
    means: { ...RASPBERRY, namePaths: undefined },
    lock: /^none: this machine has no lock for a worker that resolves names$/,
  },
  {
    name: "facts",
    permissions: { sys: ["loadavg", "statfs"], env: ["X"] },
    means: ALL,
    lock: /^seccomp: opens no/,
  },
  {
    name: "facts in files",
    permissions: { sys: ["cpus"] },
    means: ALL,
    lock: /^none: .*system for cpus, which Deno/,
  },
  { name: "all facts", permissions: { sys: true }, means: ALL, lock: /^none: .*everything/ },
  {
    name: "a folder",
    permissions: { read: [folder] },
    means: ALL,
    lock: RegExp(`^landlock: .*below ${folder}$`),
  },
  {
    name: "a file",
    permissions: { read: [file] },
    means: ALL,
    lock: RegExp(`^landlock: .*below ${folder}$`),
  },
  {
    name: "what is not there yet",
    permissions: { write: [join(folder, "not", "yet")] },
    means: ALL,
    lock: RegExp(`^landlock: .*below ${folder}$`),
  },
  {
    name: "a link",
    permissions: { read: [join(folder, "link")] },
    means: ALL,
    lock: RegExp(`^landlock: .*below /etc and ${folder}$|below ${folder} and /etc$`),
  },
  {
    name: "a folder, on a Raspberry Pi",
    permissions: { read: [folder] },
    means: RASPBERRY,
    lock: /^none: .* may read files$/,
  },
  {
    name: "a folder, and a Landlock that would keep files from being moved",
    permissions: { read: [folder] },
    means: { ...ALL, landlockVersion: 1 },
    lock: /^none: .* may read files$/,
  },
  { name: "nothing to lock with", permissions: {}, means: NOTHING, lock: /^none: .* may read no file$/ },
  { name: "all files", permissions: { read: true }, means: ALL, lock: /^none: it may read every file$/ },
  {
    name: "the root folder",
    permissions: { read: ["/"] },
    means: ALL,
    lock: /^none: it may read every file$/,
  },
  { name: "programs", permissions: { run: ["/bin/true"] }, means: ALL, lock: /^none: it may start programs/ },
  {
    name: "libraries",
    permissions: { ffi: ["x.so"] },
    means: ALL,
    lock: /^none: it may load native libraries/,
  },
  { name: "denied by name", permissions: { run: false, ffi: [], sys: [] }, means: ALL, lock: /^seccomp/ },
];

for (const { name, permissions, means, lock: expected } of CHOICES) {
  Deno.test(`the lock of a worker that is granted: ${name}`, () => {
    const { order, lock } = chooseLock(permissions, means);
    assertMatch(`${lock.kind}: ${lock.detail}`, expected);
    const isLocked = lock.kind === "seccomp" || lock.kind === "landlock";
    const holdsSignals = means?.hasSeccomp !== false && !/programs|libraries/.test(lock.detail);
    assertEquals(order?.kind, isLocked ? lock.kind : holdsSignals ? "signals" : undefined);
  });
}

/**
 * What a locked worker says, each `knock` an expression of its own; Deno denies it nothing.
 *
 * @param before a module that its module imports
 */
async function lockedWorker(order: LockOrder, knocks: string[], before = ""): Promise<string[]> {
  const tries = knocks.map((knock) =>
    `try { said.push(String(await (${knock}))); } catch (error) { said.push(error.name + ": " + error.message); }`
  );
  const code = `import ${JSON.stringify(dataUrl(before))}; const said = []; ${
    tries.join("\n")
  } postMessage(said);`;
  const permissions = { read: true, write: true, net: true, sys: true, run: true, ffi: true };
  const worker = new Worker(
    lockedModule(dataUrl(code), order),
    { type: "module", deno: { permissions } } as WorkerOptions,
  );
  const heard: unknown[] = [];
  await new Promise<void>((resolve, reject) => {
    worker.onerror = (event) => (event.preventDefault(), reject(new Error(event.message)));
    worker.onmessage = ({ data }) => heard.push(data) > 1 && resolve();
  });
  worker.terminate();
  assertEquals(heard[0] as LockToMain, { type: "locked", failure: null });
  return heard[1] as string[];
}

function dataUrl(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

const means = lockMeans();
const read = (path: string) => `Deno.readTextFileSync(${JSON.stringify(path)}).length > 0`;
const EACCES = /Permission denied \(os error 13\)/;

Deno.test({
  name: "a thread with a filter opens no file and no library, and does all else",
  ignore: !means.hasSeccomp,
  async fn() {
    const umask = Deno.umask();
    const [first, second, umasked, library, spawned, timer, random, nested] = await lockedWorker(
      { kind: "seccomp", allowedPaths: [] },
      [
        read("/etc/hostname"),
        `Deno.writeTextFileSync(${JSON.stringify(join(folder, "new"))}, "")`,
        "Deno.umask(0o077)",
        'Deno.dlopen("libc.so.6", {})',
        'new Deno.Command("true").outputSync().code',
        "new Promise((resolve) => setTimeout(resolve, 1))",
        "crypto.randomUUID().length",
        `new Promise((resolve) => new Worker(${
          JSON.stringify(
            dataUrl(
              `try { ${read("/etc/hostname")}; postMessage("read"); } catch (e) { postMessage(e.message); }`,
            ),
          )
        }, { type: "module" }).onmessage = ({ data }) => resolve(data))`,
      ],
    );
    assertMatch(first!, EACCES);
    assertMatch(second!, EACCES);
    assertEquals([umasked, Deno.umask()], ["0", umask], "the mask of new files is the whole process'");
    assertMatch(library!, /NotCapable/);
    assertMatch(spawned!, /PermissionDenied|os error 13/, "a program needs its libraries");
    assertEquals([timer, random], ["undefined", "36"]);
    assertMatch(nested!, EACCES, "what it starts is locked as well");
    assertEquals(Deno.readTextFileSync("/etc/hostname").length > 0, true, "main is not");
  },
});

Deno.test({
  name: "a locked thread cannot end or stop the process by a signal",
  ignore: !means.hasSeccomp,
  async fn() {
    const folder = Deno.makeTempDirSync();
    const kills = ["SIGKILL", "SIGTERM", "SIGSTOP", "SIGINT"].map((signal) =>
      `Deno.kill(Deno.pid, "${signal}")`
    );
    const orders: LockOrder[] = [{ kind: "signals" }, { kind: "seccomp", allowedPaths: [] }];
    if (means.landlockVersion > 1) orders.push({ kind: "landlock", folders: [folder], files: [] });
    for (const order of orders) {
      const said = await lockedWorker(order, [...kills, `globalThis.process.kill(Deno.pid, "SIGKILL")`]);
      for (const answer of said) assertMatch(answer, /PermissionDenied|EPERM|not permitted/, order.kind);
    }
    Deno.removeSync(folder);
  },
});

Deno.test({
  name: "a thread with a filter resolves names, /etc/hosts included",
  ignore: !means.hasSeccomp || means.namePaths === undefined,
  async fn() {
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      () => new Response("heard"),
    );
    const url = `http://localhost:${server.addr.port}`;
    const said = await lockedWorker({ kind: "seccomp", allowedPaths: means.namePaths! }, [
      `(await fetch("${url}")).text()`,
      `Deno.connect({ hostname: "localhost", port: ${server.addr.port} }).then((link) => link.close())`,
      `(await import("node:dns/promises")).lookup("localhost").then(({ address }) => address)`,
      read("/etc/hosts"),
    ]);
    assertEquals(said.slice(0, 2), ["heard", "undefined"]);
    assertMatch(said[2]!, /^(127\.0\.0\.1|::1)$/);
    assertMatch(said[3]!, EACCES, "nobody else may read what the C library may");
  },
});

Deno.test({
  name: "a thread with a filter trusts the certificates of the system, which main has loaded for it",
  ignore: !means.hasSeccomp,
  async fn() {
    const program = fromFileUrl(new URL("../support/locked_fetch_program.ts", import.meta.url));
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "--no-prompt", "--allow-all", program],
      env: { DENO_TLS_CA_STORE: "system" },
    }).output();
    assertMatch(new TextDecoder().decode(stdout), /Connection refused/);
  },
});

Deno.test({
  name: "a thread with Landlock reads below its folders alone, and moves files between them",
  ignore: means.landlockVersion < 2,
  async fn() {
    for (const name of ["a", "b"]) Deno.mkdirSync(join(folder, name), { recursive: true });
    const [from, to] = [join(folder, "a", "moved"), join(folder, "b", "moved")].map((path) =>
      JSON.stringify(path)
    );
    const { order } = chooseLock({ read: [folder] }, ALL);
    const said = await lockedWorker(order!, [
      read("/etc/hostname"),
      '[...Deno.readDirSync("/etc")].length',
      read(file),
      `Deno.writeTextFileSync(${from}, "x")`,
      `Deno.renameSync(${from}, ${to})`,
      `Deno.readTextFileSync(${to})`,
      'Deno.dlopen("libc.so.6", {})',
    ]);
    assertMatch(said[0]!, EACCES);
    assertMatch(said[1]!, EACCES);
    assertEquals(said.slice(2, 6), ["true", "undefined", "undefined", "x"]);
    assertMatch(said[6]!, /NotCapable/);
  },
});

Deno.test("nothing of a worker runs before its lock holds, not even what its file imports first", async () => {
  const before = `try { ${
    read("/etc/hostname")
  }; globalThis.early = "read"; } catch (error) { globalThis.early = error.message; }
    try { Deno.dlopen("libc.so.6", {}); globalThis.library = "loaded"; } catch (error) { globalThis.library = error.name; }`;
  const [early, library] = await lockedWorker(
    { kind: "seccomp", allowedPaths: [] },
    ["globalThis.early", "globalThis.library"],
    before,
  );
  assertMatch(early!, EACCES);
  assertEquals(library, "NotCapable");
});

Deno.test("the paths that the C library resolves names with lie where they were found", () => {
  const libc = openLibc();
  const base = libcBase(libc)!;
  const found = means.namePaths!.map((offset) =>
    new Deno.UnsafePointerView(Deno.UnsafePointer.create(base + BigInt(offset))!).getCString()
  );
  libc.close();
  assertEquals(found, [...NAME_FILES]);
});

Deno.test("a lock that cannot be installed is told, and native libraries are given up all the same", async () => {
  const order = { kind: "seccomp", allowedPaths: null } as unknown as LockOrder;
  const worker = new Worker(
    lockedModule(dataUrl(`postMessage(Deno.permissions.querySync({ name: "ffi" }).state)`), order),
    { type: "module", deno: { permissions: { ffi: true } } } as WorkerOptions,
  );
  const heard: unknown[] = [];
  await new Promise<void>((resolve) => worker.onmessage = ({ data }) => heard.push(data) > 1 && resolve());
  worker.terminate();
  assert((heard[0] as LockToMain).failure !== null);
  assertEquals(heard[1], "prompt");
});
