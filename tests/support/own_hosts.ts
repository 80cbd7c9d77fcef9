// Runs in: tests.
import { join } from "@std/path";
import type { Program } from "./program.ts";
import { skipBecause } from "./needs.ts";

/** What programs see as `/etc/hosts`: the names that a test gives addresses to, which may change while they run. */
export interface OwnHosts extends Disposable {
  set(addresses: Record<string, string[]>): void;
  /** The same program, in a mount namespace of its own. */
  with(program: Program): Program;
}

/** Tests with a hosts file of their own need root. @returns why they are skipped, or nothing */
export function needsOwnHosts(): string | undefined {
  try {
    const { success } = new Deno.Command("unshare", { args: ["-m", "true"], stderr: "null" }).outputSync();
    if (success) return undefined;
  } catch { /* no such program */ }
  return skipBecause("a mount namespace is denied here: run the tests as root (unshare is in util-linux)");
}

export function ownHosts(): OwnHosts {
  const folder = Deno.makeTempDirSync({ prefix: "ivy-hosts-" });
  Deno.chmodSync(folder, 0o755);
  const file = join(folder, "hosts");
  const own: OwnHosts = {
    set(addresses) {
      const lines = Object.entries(addresses).flatMap(([name, all]) => all.map((one) => `${one} ${name}\n`));
      Deno.writeTextFileSync(file, `127.0.0.1 localhost\n${lines.join("")}`); // in place: what is mounted is this file
    },
    with: (program) => [
      "unshare",
      "-m",
      "sh",
      "-c",
      'mount --bind "$0" /etc/hosts && exec "$@"',
      file,
      ...program,
    ],
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
  own.set({});
  return own;
}
