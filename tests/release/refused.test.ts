// Runs in: tests.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { UnavailableError } from "../../src/agent/updater/release_worker.ts";
import { hashBlocks } from "../../src/build/release.ts";
import { formatSums, parseSums, SIGNATURES_NAME, SUMS_NAME } from "../../src/shared/release.ts";
import { BINARY, BLOCK, refusal, ReleaseLab } from "../support/release_lab.ts";
import { seededBytes } from "../support/seeded_bytes.ts";
import { mayMount, SmallDisk } from "../support/small_disk.ts";

const BAD: [
  name: string,
  mayMend: boolean,
  reason: string,
  spoil: (lab: ReleaseLab) => void | Promise<void>,
][] = [
  [
    "no such release",
    true,
    "answers with status 404",
    (lab) => Deno.removeSync(lab.path("4.5.6"), { recursive: true }),
  ],
  [
    "not signed",
    true,
    "SHA256SUMS.sig answers with status 404",
    (lab) => Deno.removeSync(lab.path(`4.5.6/${SIGNATURES_NAME}`)),
  ],
  ["a list that was changed after signing", false, "0 of the keys that may sign", (lab) => {
    const file = lab.path(`4.5.6/${SUMS_NAME}`);
    Deno.writeTextFileSync(file, Deno.readTextFileSync(file).replace("serial 7", "serial 8"));
  }],
  [
    "another version under this name",
    false,
    "version 4.5.6 is wanted, but the release is 4.5.7",
    async (lab) => {
      const file = lab.path(`4.5.6/${SUMS_NAME}`);
      Deno.writeTextFileSync(file, Deno.readTextFileSync(file).replace("4.5.6", "4.5.7"));
      await lab.sign();
    },
  ],
  [
    "truncated",
    true,
    "the connection broke",
    (lab) => Deno.truncateSync(lab.path(`4.5.6/${BINARY}.gz`), 1000),
  ],
  ["a flipped bit", false, "is not the file that was signed", (lab) => {
    const file = lab.path(`4.5.6/${BINARY}.gz`);
    const bytes = Deno.readFileSync(file);
    bytes[500]! ^= 4;
    Deno.writeFileSync(file, bytes);
  }],
  [
    "something longer",
    false,
    "is longer than the",
    (lab) => Deno.writeFileSync(lab.path(`4.5.6/${BINARY}.gz`), seededBytes(90 * BLOCK)),
  ],
];

for (const [what, packed] of [["no gzip", "hello"], ["more than was signed", null]] as const) {
  Deno.test(`refused: a compressed file that holds ${what}, rightly signed`, async () => {
    await using lab = await ReleaseLab.open(new Uint8Array(BLOCK).fill(1));
    const gz = lab.path(`4.5.6/${BINARY}.gz`);
    const bytes = packed === null
      ? await gzip(new Uint8Array(9 * BLOCK).fill(2))
      : new TextEncoder().encode(packed);
    Deno.writeFileSync(gz, bytes);
    const list = lab.path(`4.5.6/${SUMS_NAME}`);
    const release = parseSums(Deno.readTextFileSync(list));
    const file = release.files.find(({ name }) => name === `${BINARY}.gz`)!;
    Object.assign(file, { sizeBytes: bytes.length, sha256: (await hashBlocks(gz)).whole });
    Deno.writeTextFileSync(list, formatSums(release));
    await lab.sign();
    const error = await refusal(lab);
    assertStringIncludes(error.message, "cannot be unpacked");
    assertEquals(error.mayMend, false);
  });
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

for (const [name, mayMend, reason, spoil] of BAD) {
  Deno.test(`refused: ${name}`, async () => {
    await using lab = await ReleaseLab.open(seededBytes(12 * BLOCK));
    await spoil(lab);
    const error = await refusal(lab);
    assertStringIncludes(error.message, reason);
    assertEquals(error.mayMend, mayMend, error.message);
    assertEquals([...Deno.readDirSync(lab.staging)].some((entry) => entry.name === "ivy"), false);
  });
}

Deno.test("refused: a web page instead of a file, as a hotel's network sends", async () => {
  await using lab = await ReleaseLab.open(seededBytes(BLOCK), {
    answer: () =>
      new Response("<html>Please log in", { headers: { "content-type": "text/html; charset=utf-8" } }),
  });
  const error = await refusal(lab);
  assertStringIncludes(error.message, "a web page instead of a file");
  assertEquals(error.mayMend, true);
});

Deno.test("given up for now: a body that drips without an end", async () => {
  let timer: ReturnType<typeof setInterval>;
  await using lab = await ReleaseLab.open(seededBytes(12 * BLOCK), {
    answer: (_request, path) =>
      !path.endsWith(".gz") ? undefined : new Response(
        new ReadableStream({
          start: (controller) => void (timer = setInterval(() => controller.enqueue(new Uint8Array(1)), 20)),
          cancel: () => clearInterval(timer),
        }),
      ),
  });
  const startMs = performance.now();
  const error = await refusal(lab, { pace: { stallMs: 200, maxKbitS: null, retryMs: 1, attempts: 2 } });
  assertEquals([error.message, error.mayMend], ["the server sends almost nothing", true]);
  assert(performance.now() - startMs < 3000);
});

Deno.test({
  name: "given up for now: the disk is full during the download, or when it is unpacked",
  ignore: !mayMount(),
  async fn() {
    const bytes = seededBytes(40 * BLOCK);
    await using lab = await ReleaseLab.open(bytes);
    using disk = new SmallDisk(60 * BLOCK);
    disk.fill();
    const error = await refusal(lab, { staging: disk.path });
    assertEquals([error.message.split(",")[0], error.mayMend], ["the disk is full", true]);
    disk.empty();
    await using worker = lab.worker(disk.path);
    await worker.find(lab.order({ staging: disk.path }));
    const again = await assertRejects(() => worker.fetch(() => {}), UnavailableError);
    assertEquals(again.mayMend, true, again.message); // there is room for one copy, not for two
  },
});
