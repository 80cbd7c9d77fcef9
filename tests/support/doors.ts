// Runs in: any worker thread.
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { execFileSync } from "node:child_process";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { Worker as NodeWorker } from "node:worker_threads";

const REMOTE_MODULE: string = "http://127.0.0.1:8999/module.ts";
/** A door that opens later than this is shut, in milliseconds. */
const KNOCK_LIMIT_MS = 5000;

/** What lies at a node for workers to find, by the name of its file. */
const TREASURES: Record<string, string> = {
  "secret.txt": "secret",
  "secret.json": `{"secret":"secret"}`,
  "secret.js": `export default "secret";`,
  "secret.ts": `export default "secret" as string;`,
  "secret.cjs": `module.exports = "secret";`,
  "worker.js": `postMessage("secret");`,
  "node_worker.js": `require("node:worker_threads").parentPort.postMessage("secret");`,
};

/** Where {@link plantTreasures} puts them, and workers look for them. */
const folderOf = (root: string): string => `${root}/treasures`;

/** Puts files into a node's root that no worker may read. */
export function plantTreasures(root: string): void {
  Deno.mkdirSync(folderOf(root), { recursive: true });
  for (const [name, text] of Object.entries(TREASURES)) {
    Deno.writeTextFileSync(`${folderOf(root)}/${name}`, text);
  }
  const bytes = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]; // an empty WebAssembly module
  Deno.writeFileSync(`${folderOf(root)}/secret.wasm`, new Uint8Array(bytes));
  new DatabaseSync(`${folderOf(root)}/secret.sqlite3`).exec("CREATE TABLE secret (secret)");
}

/**
 * Knocks at every door that Deno guards, and at those of a module loader that does not. `opened` or `denied` for each,
 * and for what else comes back, the error.
 *
 * @param data `<root>/data`
 */
export async function tryDoors(data: string): Promise<Record<string, string>> {
  const root = data.replace(/\/[^/]*$/, "");
  const doors: Record<string, () => unknown> = {
    read_control: () => [...Deno.readDirSync(`${data}/../control`)],
    read_lock: () => Deno.readTextFileSync(`${data}/../control/run.lock`),
    read_data: () => [...Deno.readDirSync(data)],
    read_config: () => [...Deno.readDirSync(`${data}/..`)],
    read_elsewhere: () => Deno.readTextFileSync("/etc/hostname"),
    read_proc: () => Deno.readTextFileSync("/proc/self/environ"),
    write_lock: () => Deno.openSync(`${data}/../control/run.lock`, { append: true }).close(),
    write_control: () => Deno.writeTextFileSync(`${data}/../control/probation`, ""),
    write_launcher: () => Deno.openSync(`${data}/../ivy`, { append: true, create: true }).close(),
    write_data: () => Deno.writeTextFileSync(`${data}/door.tmp`, ""),
    write_config: () => Deno.writeTextFileSync(`${data}/../door.tmp`, ""),
    write_elsewhere: () => Deno.makeTempFileSync(),
    net_listen: () => Deno.listen({ port: 0, hostname: "127.0.0.1" }).close(),
    net_connect: async () => (await Deno.connect({ port: 8999, hostname: "127.0.0.1" })).close(),
    net_fetch: () => fetch("http://127.0.0.1:8999/"),
    net_vsock: () => Deno.listen({ transport: "vsock", cid: -1, port: 1 } as never),
    signal: () => Deno.kill(Deno.pid, "SIGURG"),
    signal_of_node: () => process.kill(process.pid, "SIGURG"),
    env_one: () => Deno.env.get("HOME"),
    env_all: () => Deno.env.toObject(),
    run: () => new Deno.Command("true").outputSync(),
    sys_hostname: () => Deno.hostname(),
    sys_loadavg: () => Deno.loadavg(),
    sys_memory: () => Deno.systemMemoryInfo(),
    sys_interfaces: () => Deno.networkInterfaces(),
    ffi: () => Deno.dlopen("libc.so.6", {}),
    import_remote: () => import(REMOTE_MODULE),
    worker_with_more: () => workerMayRead(),
    ask_for_read: () => mustBeGranted("read"),
    ask_for_ffi: () => mustBeGranted("ffi"),
    ...loaders(folderOf(root)),
    ...nodesWays(folderOf(root)),
  };
  const results: Record<string, string> = {};
  for (const [name, knock] of Object.entries(doors)) results[name] = await resultOf(knock);
  return results;
}

/** An `import` whose module nobody can know before it runs. */
function load(specifier: string, type?: string): Promise<unknown> {
  return import(specifier, type === undefined ? undefined : { with: { type } });
}

/** Whatever loads a file as a module. */
function loaders(folder: string): Record<string, () => unknown> {
  const url = (name: string) => `file://${folder}/${name}`;
  const through = `import secret from "${url("secret.json")}" with { type: "json" }; export default secret;`;
  return {
    import_text: () => load(url("secret.txt"), "text"),
    import_bytes: () => load(url("secret.txt"), "bytes"),
    import_json: () => load(url("secret.json"), "json"),
    import_module: () => load(url("secret.js")),
    import_typescript: () => load(url("secret.ts")),
    import_commonjs: () => load(url("secret.cjs")),
    import_webassembly: () => load(url("secret.wasm")),
    import_environment: () => load("file:///proc/self/environ", "text"),
    import_device: () => load("file:///dev/null", "text"),
    import_through_data: () => load(`data:text/javascript,${encodeURIComponent(through)}`),
    worker_from_file: () => saidBy(url("worker.js")),
    worker_that_imports: () =>
      saidBy(`data:text/javascript,${encodeURIComponent(`${through} postMessage(secret);`)}`),
    worker_that_loads: () =>
      saidBy(
        `data:text/javascript,${
          encodeURIComponent(`import("${url("secret.json")}", { with: { type: "json" } }).then(postMessage);`)
        }`,
      ),
    fetch_file: () => fetch(url("secret.txt")),
    fetch_webassembly: () => WebAssembly.compileStreaming(fetch(url("secret.wasm"))),
    kv_of_a_file: async () => (await Deno.openKv(`${folder}/door.kv`)).close(),
  };
}

/** The same by what Node has. */
function nodesWays(folder: string): Record<string, () => unknown> {
  const require = createRequire(`file://${folder}/`);
  return {
    node_read: () => readFileSync(`${folder}/secret.txt`),
    node_read_later: () => readFile(`${folder}/secret.txt`),
    node_require_json: () => require(`${folder}/secret.json`),
    node_require: () => require(`${folder}/secret.cjs`),
    node_library: () => require(`${folder}/secret.node`),
    node_open_library: () => process.dlopen({ exports: {} }, `${folder}/secret.node`),
    node_run: () => execFileSync("/bin/true", { env: {} }),
    node_worker: () =>
      new Promise((resolve, reject) => {
        const worker = new NodeWorker(`${folder}/node_worker.js`);
        worker.on("message", resolve);
        worker.on("error", reject);
      }),
    node_database: () => new DatabaseSync(`${folder}/secret.sqlite3`, { readOnly: true }),
    node_attach: () => new DatabaseSync(":memory:").exec(`ATTACH '${folder}/secret.sqlite3' AS secret`),
  };
}

/**
 * What a denied door says. A compiled program has no remote modules at all; a locked thread gets EACCES; Deno attaches no
 * second database to one in a sandbox.
 */
const DENIED =
  /NotCapable|Requires \w+ access|escalate permissions|Module not found: http|os error 13|code: 13\b|EACCES|EPERM|max 0/i;

async function resultOf(knock: () => unknown): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("nothing came of it")), KNOCK_LIMIT_MS);
  });
  try {
    await Promise.race([Promise.resolve().then(knock), late]);
    return "opened";
  } catch (error) {
    const { name, message, cause } = error as Error;
    if (/Connection refused/.test(`${message} ${cause}`)) return "opened"; // nobody lives there
    return DENIED.test(name + message) ? "denied" : `${name}: ${message}`;
  } finally {
    clearTimeout(timer);
  }
}

/** Nobody is there to be asked. */
async function mustBeGranted(name: "read" | "ffi"): Promise<void> {
  const { state } = await Deno.permissions.request({ name });
  if (state !== "granted") throw new Deno.errors.NotCapable(state);
}

/** A worker may not give its children more than it has. */
async function workerMayRead(): Promise<void> {
  const source = "postMessage(Deno.permissions.querySync({ name: 'read' }).state)";
  const said = await saidBy(`data:text/javascript,${encodeURIComponent(source)}`, { read: true });
  if (said !== "granted") throw new Error(String(said));
}

/** The first word of a worker of this worker's. */
function saidBy(url: string, permissions: unknown = "none"): Promise<unknown> {
  const worker = new Worker(url, { type: "module", deno: { permissions } } as WorkerOptions);
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
  }).finally(() => worker.terminate());
}
