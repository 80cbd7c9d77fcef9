// Runs in: tests, a process of its own.
import { replaceFile } from "../../src/agent/files.ts";

// Replaces a configuration over and over, each time with another revision, until it is killed.
const [path] = Deno.args as [string];
const filler = "x".repeat(50_000);
for (let revision = 1;; revision++) {
  replaceFile(path, JSON.stringify({ general: { config_revision: revision }, filler }), 0o600);
  if (revision === 1) Deno.stdout.writeSync(new TextEncoder().encode("writing\n"));
}
