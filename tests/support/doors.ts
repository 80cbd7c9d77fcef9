// Runs in: any worker thread.

const REMOTE_MODULE: string = "http://127.0.0.1:8999/module.ts";

/**
 * Knocks at every door that Deno guards. `opened` or `denied` for each, and for what else comes back, the error.
 *
 * @param lockFile `<root>/data/run.lock`
 */
export async function tryDoors(lockFile: string): Promise<Record<string, string>> {
  const data = lockFile.replace(/\/[^/]*$/, "");
  const doors: Record<string, () => unknown> = {
    read_lock: () => Deno.readTextFileSync(lockFile),
    read_data: () => [...Deno.readDirSync(data)],
    read_config: () => [...Deno.readDirSync(`${data}/..`)],
    read_elsewhere: () => Deno.readTextFileSync("/etc/hostname"),
    read_proc: () => Deno.readTextFileSync("/proc/self/environ"),
    write_lock: () => Deno.openSync(lockFile, { append: true }).close(),
    write_data: () => Deno.writeTextFileSync(`${data}/door.tmp`, ""),
    write_config: () => Deno.writeTextFileSync(`${data}/../door.tmp`, ""),
    write_elsewhere: () => Deno.makeTempFileSync(),
    net_listen: () => Deno.listen({ port: 0, hostname: "127.0.0.1" }).close(),
    net_connect: async () => (await Deno.connect({ port: 8999, hostname: "127.0.0.1" })).close(),
    net_fetch: () => fetch("http://127.0.0.1:8999/"),
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
  };
  const results = Object.entries(doors).map(async ([name, knock]) => [name, await resultOf(knock)]);
  return Object.fromEntries(await Promise.all(results));
}

/** What a denied door says; a compiled program has no remote modules at all. */
const DENIED = /NotCapable|Requires \w+ access|escalate permissions|Module not found: http/i;

async function resultOf(knock: () => unknown): Promise<string> {
  try {
    await knock();
    return "opened";
  } catch (error) {
    const { name, message } = error as Error;
    return DENIED.test(name + message) ? "denied" : `${name}: ${message}`;
  }
}

/** A worker may not give its children more than it has. */
function workerMayRead(): Promise<void> {
  const source = "postMessage(Deno.permissions.querySync({ name: 'read' }).state)";
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module", deno: { permissions: { read: true } } } as WorkerOptions);
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => data === "granted" ? resolve() : reject(new Error(String(data)));
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
  });
}
