// Runs in: tests.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { ReleaseWorker, UnavailableError } from "../../src/agent/updater/release_worker.ts";
import { hashBlocks, makeRelease } from "../../src/build/release.ts";
import type { ReleaseOrder, ReleaseSource } from "../../src/shared/protocol.ts";
import { formatSums, parseSums, SIGNATURES_NAME, SUMS_NAME } from "../../src/shared/release.ts";
import { createKeys, signBytes } from "../../src/shared/signatures.ts";
import { mayMount, SmallDisk } from "../support/small_disk.ts";
import { seededBytes } from "../support/seeded_bytes.ts";
import { ReleaseServer, type ReleaseServerOptions } from "../support/release_server.ts";

const BLOCK = 65_536;
const TARGET = "x86_64-unknown-linux-gnu";
const BINARY = `ivy-${TARGET}`;
const keys = await createKeys();

/** A release of made-up bytes on a server, and a node's staging folder. */
class Lab implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "ivy-release-" });
  readonly staging = join(this.folder, "staging");
  readonly web = join(this.folder, "web");
  server!: ReleaseServer;

  static async open(bytes: Uint8Array, options: Omit<ReleaseServerOptions, "folder"> = {}): Promise<Lab> {
    const lab = new Lab();
    Deno.mkdirSync(lab.staging);
    Deno.mkdirSync(lab.web);
    const binary = join(lab.folder, "binary");
    Deno.writeFileSync(binary, bytes);
    const output = lab.path("4.5.6");
    await makeRelease({
      binaries: { [TARGET]: binary },
      output,
      version: "4.5.6",
      serial: 7,
      acceptance: "// none",
    });
    await lab.sign();
    lab.server = new ReleaseServer({ folder: lab.web, ...options });
    return lab;
  }

  path(name: string): string {
    return join(this.web, name);
  }

  async sign(folder = "4.5.6"): Promise<void> {
    const signature = await signBytes(
      Deno.readFileSync(this.path(`${folder}/${SUMS_NAME}`)),
      keys.privatePem,
    );
    Deno.writeTextFileSync(this.path(`${folder}/${SIGNATURES_NAME}`), `${signature}\n`);
  }

  order(change: Partial<ReleaseOrder> = {}): ReleaseOrder {
    return {
      source: { kind: "http", baseUrl: this.server.url },
      token: null,
      version: "4.5.6",
      trust: { publicKeys: [keys.publicKey], threshold: 1, allowUnsigned: false },
      target: TARGET,
      staging: this.staging,
      pace: { stallMs: 2000, maxKbitS: null, retryMs: 1, attempts: 3 },
      ...change,
    };
  }

  async fetch(change: Partial<ReleaseOrder> = {}) {
    await using worker = this.worker(change.source?.kind === "local" ? this.staging : change.staging);
    const found = await worker.find(this.order(change));
    return { ...found, ...await worker.fetch(() => {}) };
  }

  /** @param staging all that it may touch. */
  worker(staging = this.staging): ReleaseWorker {
    const module = import.meta.resolve("../../src/release/worker.ts");
    return new ReleaseWorker({ module, staging, isOffline: false, onLog: () => {} });
  }

  assertFetched(bytes: Uint8Array): void {
    assert(Deno.readFileSync(join(this.staging, "ivy")).every((byte, i) => byte === bytes[i]), "other bytes");
    assertEquals(Deno.statSync(join(this.staging, "ivy")).size, bytes.length);
  }

  sent(name: string): number {
    return this.server.served.filter(({ path }) => path === name).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function refusal(lab: Lab, change: Partial<ReleaseOrder> = {}): Promise<UnavailableError> {
  return await assertRejects(() => lab.fetch(change), UnavailableError);
}

Deno.test("a first install travels compressed, and its bytes are the signed ones", async () => {
  const bytes = new Uint8Array(40 * BLOCK + 17).fill(65);
  await using lab = await Lab.open(bytes);
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
  await using lab = await Lab.open(bytes);
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
  await using lab = await Lab.open(bytes);
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
  await using lab = await Lab.open(bytes, {
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
    await using lab = await Lab.open(bytes, { ranges });
    Deno.writeFileSync(join(lab.staging, "base"), ranges ? seededBytes(20 * BLOCK, 9) : base);
    assertEquals((await lab.fetch()).how, "compressed");
    lab.assertFetched(bytes);
  }
});

Deno.test("10 cuts and 2 restarts: at most 5 % is sent twice", async () => {
  const bytes = seededBytes(400 * BLOCK);
  let cuts = 0;
  await using lab = await Lab.open(bytes, {
    cutAfter: (path) => path.endsWith(".gz") && cuts++ < 10 ? 36 * BLOCK : undefined,
    pieceMs: 4, // slower than the receiver, so that nothing waits in buffers of the loopback
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
    await using lab = await Lab.open(bytes, { validators });
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
  await using lab = await Lab.open(bytes, {
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

Deno.test("the token is shown to its own host only", async () => {
  const bytes = seededBytes(2 * BLOCK);
  await using storage = await Lab.open(bytes);
  await using lab = await Lab.open(bytes, {
    answer: (_request, path) =>
      path.endsWith(".gz") ? Response.redirect(`${storage.server.url}/${path}`) : undefined,
  });
  Deno.copyFileSync(lab.path(`4.5.6/${BINARY}.gz`), storage.path(`4.5.6/${BINARY}.gz`));
  await lab.fetch({ token: "very-secret" });
  assertEquals(
    new Set(lab.server.served.map(({ headers }) => headers["authorization"])),
    new Set(["Bearer very-secret"]),
  );
  assertEquals(storage.server.served.map(({ headers }) => headers["authorization"]), [undefined]);
});

const SOURCES: [name: string, source: (url: string) => ReleaseSource, token: string | null, paths: RegExp][] =
  [
    [
      "GitHub",
      (host) => ({ kind: "github", host, repository: "lab/ivy" }),
      null,
      /^lab\/ivy\/releases\/download\/v4\.5\.6\/(.*)$/,
    ],
    [
      "GitLab",
      (host) => ({ kind: "gitlab", host, repository: "lab/ivy" }),
      "t",
      /^api\/v4\/projects\/lab\/ivy\/packages\/generic\/ivy\/4\.5\.6\/(.*)$/,
    ],
  ];

for (const [name, source, token, pattern] of SOURCES) {
  Deno.test(`releases on ${name}`, async () => {
    const bytes = seededBytes(3 * BLOCK);
    await using lab = await Lab.open(bytes, {
      answer: (_request, path) => {
        const file = pattern.exec(path)?.[1];
        return file === undefined ? undefined : new Response(Deno.readFileSync(lab.path(`4.5.6/${file}`)));
      },
    });
    await lab.fetch({ source: source(lab.server.url), token });
    lab.assertFetched(bytes);
    assertEquals(
      lab.server.served.every(({ headers }) => headers["private-token"] === (token ?? undefined)),
      true,
    );
  });
}

Deno.test("a private repository on GitHub: files by the list of the release", async () => {
  const bytes = seededBytes(3 * BLOCK);
  await using lab = await Lab.open(bytes, {
    answer: (_request, path) => {
      if (path === "api/v3/repos/lab/ivy/releases/tags/v4.5.6") {
        const names = [...Deno.readDirSync(lab.path("4.5.6"))].map(({ name }) => name);
        return Response.json({
          assets: names.map((name) => ({ name, url: `${lab.server.url}/asset/${name}` })),
        });
      }
      const [, name] = /^asset\/(.*)$/.exec(path) ?? [];
      return name === undefined ? undefined : new Response(Deno.readFileSync(lab.path(`4.5.6/${name}`)));
    },
  });
  await lab.fetch({ source: { kind: "github", host: lab.server.url, repository: "lab/ivy" }, token: "t" });
  lab.assertFetched(bytes);
  assert(lab.server.served.every(({ headers }) => headers["authorization"] === "Bearer t"));
});

const BAD: [name: string, mayMend: boolean, reason: string, spoil: (lab: Lab) => void | Promise<void>][] = [
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
    await using lab = await Lab.open(new Uint8Array(BLOCK).fill(1));
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
    await using lab = await Lab.open(seededBytes(12 * BLOCK));
    await spoil(lab);
    const error = await refusal(lab);
    assertStringIncludes(error.message, reason);
    assertEquals(error.mayMend, mayMend, error.message);
    assertEquals([...Deno.readDirSync(lab.staging)].some((entry) => entry.name === "ivy"), false);
  });
}

Deno.test("refused: a web page instead of a file, as a hotel's network sends", async () => {
  await using lab = await Lab.open(seededBytes(BLOCK), {
    answer: () =>
      new Response("<html>Please log in", { headers: { "content-type": "text/html; charset=utf-8" } }),
  });
  const error = await refusal(lab);
  assertStringIncludes(error.message, "a web page instead of a file");
  assertEquals(error.mayMend, true);
});

Deno.test("given up for now: a body that drips without an end", async () => {
  let timer: ReturnType<typeof setInterval>;
  await using lab = await Lab.open(seededBytes(12 * BLOCK), {
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

Deno.test("never faster than allowed", async () => {
  await using lab = await Lab.open(seededBytes(4 * BLOCK));
  const startMs = performance.now();
  await lab.fetch({ pace: { stallMs: 2000, maxKbitS: 2000, retryMs: 1, attempts: 3 } });
  const kbitS = lab.sent(`4.5.6/${BINARY}.gz`) * 8 / (performance.now() - startMs);
  assert(kbitS <= 2050 && kbitS > 500, `${kbitS} kbit/s`);
});

Deno.test("the worker touches nothing but the staging folder", async () => {
  await using lab = await Lab.open(seededBytes(BLOCK));
  const error = await refusal(lab, { staging: lab.web, source: { kind: "local" } });
  assertStringIncludes(error.message, "Requires read access");
});

Deno.test("the blocks of a file are hashed as the node does", async () => {
  const { whole, blocks } = await hashBlocks(new URL(import.meta.url).pathname);
  assertEquals(blocks.sha256.length === 1 ? blocks.sha256[0] : whole, whole);
});

Deno.test({
  name: "given up for now: the disk is full during the download, or when it is unpacked",
  ignore: !mayMount(),
  async fn() {
    const bytes = seededBytes(40 * BLOCK);
    await using lab = await Lab.open(bytes);
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
