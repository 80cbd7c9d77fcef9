// Runs in: tests.
import { dirname, join } from "@std/path";

const call = "import.meta.resolve";

const REPORT = `
  const probe = (read: () => unknown) => { try { return read(); } catch (error) { return (error as Error).name; } };
  postMessage([NAME, probe(() => Deno.loadavg().length), probe(() => Deno.readTextFileSync("/etc/hostname"))]);`;

/** A program in miniature that uses everything of Deno that Ivy does: its files, by path. */
const FILES: Record<string, string> = {
  "deno.json": JSON.stringify({
    version: "1.0.0",
    unstable: ["worker-options", "kv", "raw-imports", "broadcast-channel", "vsock"],
  }),
  "main.ts": `
    import registry from "./procedures/registry.ts";
    import backends from "./src/backends/registry.ts";
    import { version } from "./src/shared/version.ts";
    import page from "./src/web/page.html" with { type: "text" };
    const print = (value: unknown) => console.log(JSON.stringify(value));
    print([version, page, Deno.build.standalone]);
    for (const [name, { module, permissions }] of [...Object.entries(registry), ...Object.entries(backends)]) {
      const worker = new Worker(module, { type: "module", name, deno: { permissions } } as WorkerOptions);
      print(await new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data)));
      worker.terminate();
    }
    const kv = await Deno.openKv(":memory:");
    await kv.set(["a"], 5);
    print([(await kv.get(["a"])).value, typeof BroadcastChannel]);
    kv.close();
    const late = await import(${call}("./src/late.ts"));
    print(late.default);`,
  "procedures/registry.ts":
    `export default { a: { module: ${call}("./a.ts"), permissions: { sys: ["loadavg"] } } };`,
  "procedures/a.ts": `import { NAMES } from "../src/shared/names.ts";\nconst NAME = NAMES[0];${REPORT}`,
  "src/backends/registry.ts": `export default { b: { module: ${call}("./a.ts"), permissions: "none" } };`,
  "src/backends/a.ts": `import { NAMES } from "../shared/names.ts";\nconst NAME = NAMES[1];${REPORT}`,
  "src/shared/names.ts": `export const NAMES = ["procedure", "backend"];`,
  "src/shared/version.ts":
    `import denoJson from "../../deno.json" with { type: "json" };\nexport const version: string = denoJson.version;`,
  "src/web/page.html": "<p>page</p>",
  "src/late.ts": `export default "late";`,
};

/** What the program prints, line by line, as `deno run` and as a compiled binary. */
export function expectedOutput(options: { version: string; standalone: boolean }): string {
  const lines = [
    [options.version, "<p>page</p>", options.standalone],
    ["procedure", 3, "NotCapable"],
    ["backend", "NotCapable", "NotCapable"],
    [5, "function"],
    "late",
  ];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

/** Writes the program into a temporary folder, which is removed when the test ends. */
export async function writeFixture(
  files: Record<string, string> = {},
): Promise<AsyncDisposable & { folder: string }> {
  const folder = await Deno.makeTempDir({ prefix: "ivy-fixture-" });
  for (const [path, text] of Object.entries({ ...FILES, ...files })) {
    await Deno.mkdir(dirname(join(folder, path)), { recursive: true });
    await Deno.writeTextFile(join(folder, path), text);
  }
  return { folder, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}
