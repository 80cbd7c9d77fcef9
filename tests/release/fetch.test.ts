// Runs in: tests.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { hashBlocks } from "../../src/build/release.ts";
import { SUMS_NAME } from "../../src/shared/release.ts";
import { BINARY, BLOCK, refusal, ReleaseLab } from "../support/release_lab.ts";
import { seededBytes } from "../support/seeded_bytes.ts";

Deno.test("a first install travels compressed, and its bytes are the signed ones", async () => {
  const bytes = new Uint8Array(40 * BLOCK + 17).fill(65);
  await using lab = await ReleaseLab.open(bytes);
  const { how, release, wireBytes } = await lab.fetch();
  assertEquals([how, release.version, release.serial], ["compressed", "4.5.6", 7]);
  assert(wireBytes < bytes.length / 50, `${wireBytes}`);
  lab.assertFetched(bytes);
  assertEquals(Deno.readTextFileSync(join(lab.staging, "acceptance.js")), "// none");
});

Deno.test("only the blocks that the running binary lacks travel, wherever the others moved", async () => {
  const base = seededBytes(100 * BLOCK + 500);
  const bytes = new Uint8Array(base.length + BLOCK);
  bytes.set(base.subarray(0, 50 * BLOCK));
  bytes.set(seededBytes(BLOCK, 2), 50 * BLOCK);
  bytes.set(base.subarray(50 * BLOCK), 51 * BLOCK);
  bytes[bytes.length - 1]! ^= 1;
  await using lab = await ReleaseLab.open(bytes);
  Deno.writeFileSync(join(lab.staging, "base"), base);
  assertEquals((await lab.fetch()).how, "delta");
  lab.assertFetched(bytes);
  assertEquals(lab.sent(`4.5.6/${BINARY}`), BLOCK + 500);
});

Deno.test("a few bytes more at the beginning of what was embedded move all blocks, and none travels for it", async () => {
  const base = seededBytes(60 * BLOCK);
  const bytes = new Uint8Array(base.length + 7);
  bytes.set(base.subarray(0, 50 * BLOCK));
  bytes.set(seededBytes(7, 3), 50 * BLOCK);
  bytes.set(base.subarray(50 * BLOCK), 50 * BLOCK + 7);
  await using lab = await ReleaseLab.open(bytes);
  Deno.writeFileSync(join(lab.staging, "base"), base);
  assertEquals((await lab.fetch()).how, "delta");
  lab.assertFetched(bytes);
  assertEquals(lab.sent(`4.5.6/${BINARY}`), BLOCK + 7);
});

Deno.test("a delta goes on after broken connections and a restart, and sends no block twice", async () => {
  const base = seededBytes(60 * BLOCK);
  const bytes = base.slice();
  for (let block = 3; block < 18; block++) bytes.set(seededBytes(BLOCK, block), block * BLOCK);
  let cuts = 0;
  await using lab = await ReleaseLab.open(bytes, {
    cutAfter: (path) => path.endsWith(BINARY) && cuts++ < 4 ? 2 * BLOCK + 5000 : undefined,
  });
  Deno.writeFileSync(join(lab.staging, "base"), base);
  await refusal(lab, { pace: { stallMs: 2000, maxKbitS: null, retryMs: 1, attempts: 0 } });
  assertEquals((await lab.fetch()).how, "delta");
  lab.assertFetched(bytes);
  const sent = lab.sent(`4.5.6/${BINARY}`);
  assert(sent <= 15 * BLOCK + 4 * BLOCK, `${sent / BLOCK} blocks`);
});

Deno.test("where the server sends no parts or the blocks lie, the whole file comes", async () => {
  const bytes = seededBytes(20 * BLOCK);
  const base = bytes.slice();
  base[5 * BLOCK]! ^= 1;
  for (const ranges of [false, true]) {
    await using lab = await ReleaseLab.open(bytes, { ranges });
    Deno.writeFileSync(join(lab.staging, "base"), ranges ? seededBytes(20 * BLOCK, 9) : base);
    assertEquals((await lab.fetch()).how, "compressed");
    lab.assertFetched(bytes);
  }
});

Deno.test("10 cuts and 2 restarts: at most 5 % is sent twice", async () => {
  const bytes = seededBytes(400 * BLOCK);
  let cuts = 0;
  await using lab = await ReleaseLab.open(bytes, {
    cutAfter: (path) => path.endsWith(".gz") && cuts++ < 10 ? 36 * BLOCK : undefined,
    pieceMs: 15, // slower than the receiver, so that nothing waits in buffers of the loopback
  });
  for (let restart = 0; restart < 2; restart++) {
    await using worker = lab.worker();
    await worker.find(lab.order());
    const enough = Promise.withResolvers<void>();
    void worker.fetch((wireBytes) => wireBytes > 20 * BLOCK && enough.resolve()).catch(() => {});
    await enough.promise;
  }
  assertEquals((await lab.fetch()).how, "compressed");
  lab.assertFetched(bytes);
  assertEquals(cuts > 10, true);
  const size = Deno.statSync(lab.path(`4.5.6/${BINARY}.gz`)).size;
  const sent = lab.sent(`4.5.6/${BINARY}.gz`);
  assert(sent <= size * 1.05, `${((sent / size - 1) * 100).toFixed(1)} % twice`);
});

Deno.test("a file that changed on the server since is begun anew, with If-Range and without", async () => {
  for (const validators of [true, false]) {
    const bytes = seededBytes(50 * BLOCK);
    await using lab = await ReleaseLab.open(bytes, { validators });
    const part =
      [...Deno.readTextFileSync(lab.path(`4.5.6/${SUMS_NAME}`)).matchAll(/(\w{16})\w{48} {2}(\S+)/g)]
        .find(([, , name]) => name === `${BINARY}.gz`)![1];
    Deno.writeFileSync(join(lab.staging, `ivy.gz.${part}.part`), seededBytes(10 * BLOCK, 5));
    if (validators) Deno.writeTextFileSync(join(lab.staging, `ivy.gz.${part}.part.validator`), '"old"');
    assertEquals((await lab.fetch()).how, "compressed");
    lab.assertFetched(bytes);
  }
});

Deno.test("chunked, gzip-encoded and redirected answers are understood", async () => {
  const bytes = seededBytes(10 * BLOCK);
  await using lab = await ReleaseLab.open(bytes, {
    answer: (request, path) => {
      const url = new URL(request.url);
      if (!path.startsWith("moved/")) return Response.redirect(new URL(`/moved/${path}`, url), 302);
      const file = Deno.readFileSync(lab.path(path.slice("moved/".length)));
      const isSmall = file.length < 1000;
      const body = new Blob([file]).stream() as ReadableStream<Uint8Array<ArrayBuffer>>;
      return isSmall
        ? new Response(body.pipeThrough(new CompressionStream("gzip")), {
          headers: { "content-encoding": "gzip" },
        })
        : new Response(body);
    },
  });
  assertEquals((await lab.fetch()).how, "compressed");
  lab.assertFetched(bytes);
});

Deno.test("never faster than allowed", async () => {
  await using lab = await ReleaseLab.open(seededBytes(4 * BLOCK));
  const startMs = performance.now();
  await lab.fetch({ pace: { stallMs: 2000, maxKbitS: 2000, retryMs: 1, attempts: 3 } });
  const kbitS = lab.sent(`4.5.6/${BINARY}.gz`) * 8 / (performance.now() - startMs);
  assert(kbitS <= 2050 && kbitS > 500, `${kbitS} kbit/s`);
});

Deno.test("the worker touches nothing but the staging folder", async () => {
  await using lab = await ReleaseLab.open(seededBytes(BLOCK));
  const error = await refusal(lab, { staging: lab.web, source: { kind: "local" } });
  assertStringIncludes(error.message, "Requires read access");
});

Deno.test("the blocks of a file are hashed as the node does", async () => {
  const { whole, blocks } = await hashBlocks(new URL(import.meta.url).pathname);
  assertEquals(blocks.sha256.length === 1 ? blocks.sha256[0] : whole, whole);
});
