// Runs in: tests.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { CommandError } from "../../src/agent/errors.ts";
import { lockIsFree, type RunLock, runningPid, takeRunLock } from "../../src/agent/run_lock.ts";

/** Runs a test as it is, and as on Deno before 2.9, which can only wait for a lock. */
function both(name: string, fn: () => Promise<void>): void {
  Deno.test(name, fn);
  Deno.test(`${name} (Deno before 2.9)`, async () => {
    const { tryLock } = Deno.FsFile.prototype as unknown as { tryLock: unknown };
    const asBefore = (value: unknown) =>
      Object.defineProperty(Deno.FsFile.prototype, "tryLock", { value, configurable: true, writable: true });
    asBefore(undefined);
    try {
      await fn();
    } finally {
      asBefore(tryLock);
    }
  });
}

async function withFile(use: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(join(folder, "run.lock"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function take(path: string): Promise<RunLock> {
  const taken = await takeRunLock(path);
  if (!("lock" in taken)) throw new Error(`${taken.holder} holds the lock`);
  return taken.lock;
}

both("one holds the lock, the other learns the PID, and a release makes way", async () => {
  await withFile(async (path) => {
    assertEquals(await runningPid(path), undefined);
    const lock = await take(path);
    assertEquals(Deno.readTextFileSync(path), `${Deno.pid}\n`);
    assertEquals(await takeRunLock(path), { holder: Deno.pid });
    assertEquals(await runningPid(path), Deno.pid);
    assertEquals(await lockIsFree(path, 20), false);
    const free = lockIsFree(path, 10_000);
    lock.release();
    assertEquals(await free, true);
    assertEquals(await runningPid(path), undefined);
    (await take(path)).release();
  });
});

both("of many at once, one gets it, and all others learn its PID", async () => {
  await withFile(async (path) => {
    const all = await Promise.all(Array.from({ length: 10 }, () => takeRunLock(path)));
    const locks = all.flatMap((taken) => "lock" in taken ? [taken.lock] : []);
    assertEquals(locks.length, 1);
    assertEquals(all.filter((taken) => "holder" in taken && taken.holder === Deno.pid).length, 9);
    locks[0]!.release();
  });
});

both("many who look at once do not take each other for the holder", async () => {
  await withFile(async (path) => {
    (await take(path)).release();
    const looks = await Promise.all(Array.from({ length: 20 }, () => runningPid(path)));
    assertEquals(looks.filter((pid) => pid !== undefined), []);
  });
});

both("a PID that a crash left, longer than ours, is written over", async () => {
  await withFile(async (path) => {
    Deno.writeTextFileSync(path, "99999999999999999999\nand more\n");
    assertEquals(await runningPid(path), undefined);
    const lock = await take(path);
    assertEquals(Deno.readTextFileSync(path), `${Deno.pid}\n`);
    lock.release();
  });
});

both("a PID that a crash left is not taken for the holder's: it may be a stranger's by now", async () => {
  await withFile(async (path) => {
    const lock = await take(path);
    for (const stale of ["1\n", "", "4194304\n", "no number"]) {
      Deno.writeTextFileSync(path, stale);
      assertEquals(await runningPid(path), Deno.pid);
    }
    lock.release();
  });
});

both("a lock that cannot be written is told with its place and advice", async () => {
  await withFile(async (path) => {
    const error = await assertRejects(() => takeRunLock(join(path, "below")), CommandError);
    assert(error.message.startsWith(`cannot take the lock ${path}/below: `), error.message);
    assertEquals(await lockIsFree(join(path, "below"), 0), true);
  });
});
