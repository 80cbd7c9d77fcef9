// Runs in: tests, main thread.
import { lookup } from "node:dns/promises";
import { lockMeans } from "../../src/agent/lock_means.ts";
import { libcBase, openLibc } from "../../src/shared/libc.ts";

/** Prints where the paths lie that names are resolved with, as hexadecimal addresses, then resolves a name. */
const libc = openLibc();
const addresses = lockMeans().namePaths!.map((offset) =>
  `0x${(libcBase(libc)! + BigInt(offset)).toString(16)}`
);
libc.close();
Deno.stdout.writeSync(new TextEncoder().encode(addresses.join(" ")));
await lookup("localhost");
