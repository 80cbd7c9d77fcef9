// Runs in: tests.
import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { CommandError } from "../../src/agent/errors.ts";
import { shippedParts } from "../../src/agent/parts.ts";
import { pathsOf } from "../../src/agent/paths.ts";
import { takeRunLock } from "../../src/agent/run_lock.ts";
import { accessStore } from "../../src/agent/store_access.ts";

/** Paths of a root that has a data folder, removed after use. */
async function withRoot(use: (paths: ReturnType<typeof pathsOf>) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "ivy-access-" });
  const paths = pathsOf(root);
  await Deno.mkdir(paths.data);
  try {
    await use(paths);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("a command finds the store of a node that does not run, and lets go of it", () =>
  withRoot(async (paths) => {
    for (let round = 1; round <= 2; round++) {
      const store = await accessStore(paths, shippedParts);
      assertEquals((await store.request({ kind: "statistics" })).lastId, 0);
      await store.close();
    }
  }));

Deno.test("a store that an agent is just opening or closing is left alone", () =>
  withRoot(async (paths) => {
    const taken = await takeRunLock(paths);
    await assertRejects(
      () => accessStore(paths, shippedParts),
      CommandError,
      `an agent on ${paths.root} is just starting or ending; try again in a moment`,
    );
    if ("lock" in taken) taken.lock.release();
  }));

Deno.test("where there is no node, a command says how to make one", () =>
  withRoot(async ({ root }) => {
    const none = join(root, "none");
    await assertRejects(
      () => accessStore(pathsOf(none), shippedParts),
      CommandError,
      `there is no node at ${none}; create one with: ivy init --root ${none}`,
    );
  }));
