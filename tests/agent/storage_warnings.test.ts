// Runs in: tests.
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { storageWarnings } from "../../src/agent/storage_warnings.ts";
import { configSchema } from "../../src/shared/config.ts";

const DEFAULTS = configSchema.shape.storage.parse({});

Deno.test("limits are judged by the disk on which the data will lie, though nothing is there yet", () => {
  const data = join(Deno.makeTempDirSync(), "later", "data");
  assertEquals(storageWarnings(DEFAULTS, { data }), []);
  const [warning] = storageWarnings({ ...DEFAULTS, min_free_mb: 1_000_000 }, { data });
  assertMatch(warning!, /storage\.min_free_mb is 1000000, and the disk has /);
  Deno.removeSync(join(data, "../.."));
});

Deno.test("a disk that does not tell its size is said, with the reason", () => {
  const broken = () => {
    throw new Error("Input/output error");
  };
  const [warning] = storageWarnings(DEFAULTS, { data: "/nowhere/data" }, broken);
  assertMatch(warning!, /the size of the disk with \/ cannot be read, .*: Input\/output error/);
});
