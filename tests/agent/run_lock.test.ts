// Runs in: tests.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { CommandError } from "../../src/agent/errors.ts";
import { type Paths, pathsOf } from "../../src/agent/paths.ts";
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

async function withNode(use: (paths: Paths) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const paths = pathsOf(join(folder, "root"));
  for (const part of [paths.root, paths.data, paths.control]) await Deno.mkdir(part);
  try {
    await use(paths);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function take(paths: Paths): Promise<RunLock> {
  const taken = await takeRunLock(paths);
  if (!("lock" in taken)) throw new Error(`${taken.holder} holds the lock`);
  await taken.lock.tellPid();
  return taken.lock;
}

both("one holds the lock, the other learns the PID, and a release makes way", async () => {
  await withNode(async (paths) => {
    assertEquals(await runningPid(paths), undefined);
    const lock = await take(paths);
    assertEquals(Deno.readTextFileSync(paths.lockFile), `${Deno.pid}\n`);
    assertEquals(await takeRunLock(paths), { holder: Deno.pid });
    assertEquals(await runningPid(paths), Deno.pid);
    assertEquals(await lockIsFree(paths, 20), false);
    const free = lockIsFree(paths, 10_000);
    lock.release();
    assertEquals(await free, true);
    assertEquals(await runningPid(paths), undefined);
    (await take(paths)).release();
  });
});

both("of many at once, one gets it, and all others learn its PID", async () => {
  await withNode(async (paths) => {
    const all = await Promise.all(Array.from({ length: 10 }, () => takeRunLock(paths)));
    const locks = all.flatMap((taken) => "lock" in taken ? [taken.lock] : []);
    assertEquals(locks.length, 1);
    assertEquals(all.filter((taken) => "holder" in taken && taken.holder === Deno.pid).length, 9);
    locks[0]!.release();
  });
});

both("many who look at once do not take each other for the holder", async () => {
  await withNode(async (paths) => {
    (await take(paths)).release();
    const looks = await Promise.all(Array.from({ length: 20 }, () => runningPid(paths)));
    assertEquals(looks.filter((pid) => pid !== undefined), []);
  });
});

both("a PID that a crash left, longer than ours, is written over", async () => {
  await withNode(async (paths) => {
    Deno.writeTextFileSync(paths.lockFile, "99999999999999999999\nand more\n");
    assertEquals(await runningPid(paths), undefined);
    const lock = await take(paths);
    assertEquals(Deno.readTextFileSync(paths.lockFile), `${Deno.pid}\n`);
    lock.release();
  });
});

both("a PID that a crash left is not taken for the holder's: it may be a stranger's by now", async () => {
  await withNode(async (paths) => {
    const lock = await take(paths);
    for (const stale of ["1\n", "", "4194304\n", "no number"]) {
      Deno.writeTextFileSync(paths.lockFile, stale);
      assertEquals(await runningPid(paths), Deno.pid);
    }
    lock.release();
  });
});

const DISTURBANCES: [name: string, disturb: (paths: Paths) => void][] = [
  ["the file with the PID was removed", ({ lockFile }) => Deno.removeSync(lockFile)],
  ["the file with the PID was replaced", ({ lockFile }) => {
    Deno.writeTextFileSync(`${lockFile}.new`, "1\n");
    Deno.renameSync(`${lockFile}.new`, lockFile);
  }],
  ["control/ was removed", ({ control }) => Deno.removeSync(control, { recursive: true })],
  ["control/ was renamed", ({ control }) => Deno.renameSync(control, `${control}.old`)],
  ["data/ was renamed", ({ data }) => Deno.renameSync(data, `${data}.old`)],
  ["everything below the root was removed", ({ root }) => {
    for (const { name } of [...Deno.readDirSync(root)]) {
      Deno.removeSync(join(root, name), { recursive: true });
    }
  }],
];

for (const [name, disturb] of DISTURBANCES) {
  both(`the lock holds although ${name}, and the PID is told again`, async () => {
    await withNode(async (paths) => {
      const lock = await take(paths);
      disturb(paths);
      assertEquals(await takeRunLock(paths), { holder: Deno.pid });
      assertEquals([await runningPid(paths), await lockIsFree(paths, 20)], [Deno.pid, false]);
      await lock.tellPid();
      assertEquals(await lock.tellPid(), []);
      assertEquals(Deno.readTextFileSync(paths.lockFile), `${Deno.pid}\n`);
      assertEquals(await takeRunLock(paths), { holder: Deno.pid });
      lock.release();
      assertEquals(await runningPid(paths), undefined);
    });
  });
}

both("a root that was renamed is held under its new name, and its holder knows that it is gone", async () => {
  await withNode(async (paths) => {
    const lock = await take(paths);
    assertEquals(lock.holdsRoot, true);
    const elsewhere = pathsOf(`${paths.root}.new`);
    Deno.renameSync(paths.root, elsewhere.root);
    assertEquals(lock.holdsRoot, false);
    assertEquals(await takeRunLock(elsewhere), { holder: Deno.pid });
    assertEquals(await runningPid(elsewhere), Deno.pid);
    Deno.mkdirSync(paths.root);
    assertEquals(lock.holdsRoot, false, "another folder of the same name is not the one that is held");
    lock.release();
  });
});

both("an agent of version 0.1 is seen by its lock in the data folder, and kept out by it", async () => {
  await withNode(async (paths) => {
    const earlier = join(paths.data, "run.lock");
    Deno.writeTextFileSync(earlier, "");
    const script = 'exec 9<>"$0"; flock 9; echo held; read -r _';
    const child = new Deno.Command("bash", { args: ["-c", script, earlier], stdin: "piped", stdout: "piped" })
      .spawn();
    await child.stdout.getReader().read();
    const pid = await runningPid(paths);
    assert(pid !== undefined);
    assertEquals(await takeRunLock(paths), { holder: pid });
    assertEquals(await lockIsFree(paths, 20), false);
    await child.stdin.close();
    await child.status;
    const lock = await take(paths);
    assertEquals(Deno.readTextFileSync(earlier), `${Deno.pid}\n`);
    const flock = await new Deno.Command("flock", { args: ["--nonblock", earlier, "true"] }).output();
    assertEquals(flock.code, 1, "version 0.1 would have got the lock");
    lock.release();
  });
});

both(
  "what a store may have put into the place of 0.1's lock is no lock, and nothing is written to it",
  async () => {
    await withNode(async (paths) => {
      const [earlier, victim] = [join(paths.data, "run.lock"), join(paths.root, "victim")];
      Deno.writeTextFileSync(victim, "precious");
      Deno.symlinkSync(victim, earlier);
      (await take(paths)).release();
      Deno.removeSync(earlier);
      Deno.mkdirSync(earlier);
      (await take(paths)).release();
      assertEquals(Deno.readTextFileSync(victim), "precious");
      Deno.removeSync(paths.lockFile);
      Deno.symlinkSync(victim, paths.lockFile);
      await assertRejects(() => take(paths), Error, `${paths.lockFile} is a link: remove it`);
      assertEquals(Deno.readTextFileSync(victim), "precious");
    });
  },
);

both("a lock that cannot be had is told with its place and advice", async () => {
  await withNode(async ({ root }) => {
    const none = pathsOf(join(root, "below"));
    const error = await assertRejects(() => takeRunLock(none), CommandError);
    assert(error.message.startsWith(`cannot take the lock ${root}/below: `), error.message);
    assertEquals(await lockIsFree(none, 0), true);
  });
});
