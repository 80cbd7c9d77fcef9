// Runs in: tests, a process of its own that must not break off.
import { StateFile } from "../../src/agent/state_file.ts";
import { testFields } from "./state_fields.ts";
import { StateLife } from "./state_node.ts";

/**
 * Damages a state file in so many ways, and starts on each. Prints how many starts were clean and how many had to begin
 * a new file. Deno KV ends the process when it meets a damaged page.
 *
 * Usage: state_fuzz_program.ts FILE ROUNDS
 */
const [path, rounds] = Deno.args as [string, string];
const PARTS = ["", "-wal", "-shm"];
const random = createRandom(1);

const { closed, killed } = await makeFiles();
const counts = { clean: 0, renewed: 0 };
const strange = new Set<string>();
for (let round = 0; round < Number(rounds); round++) {
  for (const part of PARTS) await Deno.remove(path + part).catch(() => {});
  const [database, wal] = damage(round, closed.slice(), killed.map((bytes) => bytes.slice()));
  Deno.writeFileSync(path, database!);
  if (wal !== undefined) Deno.writeFileSync(`${path}-wal`, wal);
  await using life = await StateLife.start(path, testFields, 1);
  await life.replica.update((draft) => void draft.total++);
  if (life.said.some((line) => line.includes("is damaged"))) counts.renewed++;
  else if (!life.said.some((line) => line.startsWith("ERROR"))) counts.clean++;
  else life.said.forEach((line) => strange.add(line));
}
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({ ...counts, strange: [...strange] })));

/** The file after an orderly end; and file and log as a kill leaves them. */
async function makeFiles(): Promise<{ closed: Uint8Array; killed: Uint8Array[] }> {
  const file = await StateFile.open(path);
  for (let write = 0; write < 30; write++) {
    await file.write({ total: `${write}`, note: JSON.stringify("x".repeat(write * 300)) }, write, "1.2.3");
  }
  const killed = [Deno.readFileSync(path), Deno.readFileSync(`${path}-wal`)];
  file.close();
  return { closed: Deno.readFileSync(path), killed };
}

function damage(round: number, closed: Uint8Array, killed: Uint8Array[]): Uint8Array[] {
  const place = (bytes: Uint8Array) => Math.floor(random() * bytes.length);
  const page = Math.floor(place(closed) / 4096) * 4096;
  switch (round % 5) {
    case 0:
      return [closed.slice(0, place(closed))];
    case 1:
      return [closed.fill(0, page, page + 4096)];
    case 2:
      return [closed.map((byte, at) => at >= page && at < page + 4096 ? random() * 256 : byte)];
    case 3:
      for (let flip = 0; flip < 20; flip++) closed[place(closed)] = place(closed);
      return [closed];
    default:
      return [killed[0]!, killed[1]!.slice(0, place(killed[1]!))];
  }
}

/** The same numbers from 0 to 1 in each run (mulberry32), so that a run that passes once passes always. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
