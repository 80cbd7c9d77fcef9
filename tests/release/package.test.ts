// Runs in: tests.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { ReleaseWorker, UnavailableError } from "../../src/agent/updater/release_worker.ts";
import { runCommand } from "../../src/build/command.ts";
import { makeRelease } from "../../src/build/release.ts";
import { writePackages } from "../../src/cli/release_package.ts";
import { packageName } from "../../src/shared/package_file.ts";
import type {
  BackendToFetcher,
  FetcherToBackend,
  PackageOffer,
  ReleaseOrder,
} from "../../src/shared/protocol.ts";
import { namesFor, parseSums, SIGNATURES_NAME, SUMS_NAME } from "../../src/shared/release.ts";
import { createKeys, signBytes } from "../../src/shared/signatures.ts";
import { seededBytes } from "../support/seeded_bytes.ts";

const TARGET = "x86_64-unknown-linux-gnu";
const PART = 16_384;
const keys = await createKeys();
const PROGRAM = seededBytes(500_000);

/** How a server answers: the bytes from an offset on, nothing at all, or a refusal. */
type Answer = (offset: number, count: number) => Uint8Array | undefined | string;

/** A package as `ivy release sign` writes it, and a node's staging folder. */
class Lab implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "ivy-package-" });
  readonly staging = join(this.folder, "staging");
  bytes = new Uint8Array();
  /** Offsets that were asked for. */
  readonly wanted: number[] = [];
  answer: Answer = (offset) => this.bytes.subarray(offset, offset + PART);

  static async open(privatePem = keys.privatePem): Promise<Lab> {
    const lab = new Lab();
    Deno.mkdirSync(lab.staging);
    const binary = join(lab.folder, "binary");
    Deno.writeFileSync(binary, PROGRAM);
    const output = join(lab.folder, "release");
    const binaries = { [TARGET]: binary };
    await makeRelease({ binaries, output, version: "4.5.6", serial: 7, acceptance: "// none" });
    const sums = join(output, SUMS_NAME);
    const line = await signBytes(Deno.readFileSync(sums), privatePem);
    Deno.writeTextFileSync(join(output, SIGNATURES_NAME), `${line}\n`);
    await writePackages(output, parseSums(Deno.readTextFileSync(sums)));
    lab.bytes = Deno.readFileSync(join(output, packageName(TARGET)));
    return lab;
  }

  async offer(change: Partial<PackageOffer> = {}): Promise<PackageOffer> {
    const digest = await crypto.subtle.digest("SHA-256", this.bytes);
    const checksum = new Uint8Array(digest).toHex();
    const { length: sizeBytes } = this.bytes;
    return { title: "ivy", version: "4.5.6", sizeBytes, checksum, algorithm: "SHA256", ...change };
  }

  async fetch(
    change: Partial<PackageOffer> = {},
  ): Promise<{ how: string; isDownloaded: boolean; wireBytes: number }> {
    const order: ReleaseOrder = {
      source: { kind: "package", offer: await this.offer(change) },
      token: null,
      version: "4.5.6",
      trust: { publicKeys: [keys.publicKey], threshold: 1, allowUnsigned: false },
      target: TARGET,
      staging: this.staging,
      pace: { stallMs: 200, maxKbitS: null, retryMs: 1, attempts: 2 },
    };
    const module = import.meta.resolve("../../src/release/worker.ts");
    await using worker = new ReleaseWorker({
      module,
      staging: this.staging,
      isOffline: true,
      onLog: () => {},
    });
    using port = this.#serve();
    await worker.find(order, port.other);
    let isDownloaded = false;
    const { how, wireBytes } = await worker.fetch(() => {}, () => isDownloaded = true);
    return { how, isDownloaded, wireBytes };
  }

  #serve(): Disposable & { other: MessagePort } {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data: { offset } }: MessageEvent<FetcherToBackend>) => {
      this.wanted.push(offset);
      const answer = this.answer(offset, this.wanted.length);
      if (answer === undefined) return;
      const message: BackendToFetcher = typeof answer === "string"
        ? { type: "refused", reason: answer }
        : { type: "part", offset, bytes: new Uint8Array(answer) };
      port1.postMessage(message);
    };
    return { other: port2, [Symbol.dispose]: () => port1.close() };
  }

  async refusal(change: Partial<PackageOffer> = {}): Promise<{ reason: string; mayMend: boolean }> {
    const { message, mayMend } = await assertRejects(() => this.fetch(change), UnavailableError);
    assertEquals([...Deno.readDirSync(this.staging)].some(({ name }) => name === "ivy"), false);
    return { reason: message, mayMend };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("a package: the list is verified first, then the rest comes, part by part, without any network", async () => {
  await using lab = await Lab.open();
  assertEquals(await lab.fetch(), { how: "package", isDownloaded: true, wireBytes: lab.bytes.length });
  assertEquals(Deno.readFileSync(join(lab.staging, "ivy")), PROGRAM);
  assertEquals(Deno.readTextFileSync(join(lab.staging, "acceptance.js")), "// none");
  assertEquals(lab.wanted, Array.from(lab.wanted, (_, index) => index * PART));
});

Deno.test("a package goes on where it was cut off, in this process and in the next", async () => {
  await using lab = await Lab.open();
  const whole = lab.answer;
  lab.answer = (offset, count) => count > 20 ? undefined : count % 5 === 0 ? undefined : whole(offset, count);
  const { reason, mayMend } = await lab.refusal();
  assertEquals([reason, mayMend], ["the server does not send the package", true]);
  const [had] = lab.wanted.slice(-1);
  assert(had! > 0);
  lab.answer = whole;
  lab.wanted.length = 0;
  const { wireBytes } = await lab.fetch();
  assertEquals([lab.wanted[0], wireBytes], [had, lab.bytes.length - had!]);
  assertEquals(Deno.readFileSync(join(lab.staging, "ivy")), PROGRAM);
});

Deno.test("what a power cut has emptied is fetched anew", async () => {
  await using lab = await Lab.open();
  const { checksum } = await lab.offer();
  const part = lab.bytes.slice(0, 300_000);
  part.fill(0, 200_000);
  Deno.writeFileSync(join(lab.staging, `package.${checksum.slice(0, 16)}.part`), part);
  await lab.fetch();
  assertEquals(Deno.readFileSync(join(lab.staging, "ivy")), PROGRAM);
});

Deno.test("a package that a person has made with tar will do as well", async () => {
  await using lab = await Lab.open();
  const release = join(lab.folder, "release");
  const file = join(lab.folder, "own.tar");
  const names = [SUMS_NAME, SIGNATURES_NAME, "acceptance.js", namesFor(TARGET).binary];
  const made = await runCommand(["tar", "--create", "--file", file, "--directory", release, ...names]);
  assert(made.success, made.stderr);
  lab.bytes = Deno.readFileSync(file);
  assertEquals((await lab.fetch()).how, "package");
  assertEquals(Deno.readFileSync(join(lab.staging, "ivy")), PROGRAM);
});

const BAD: [
  name: string,
  reason: string,
  mayMend: boolean,
  spoil: (lab: Lab) => Partial<PackageOffer> | void,
][] = [
  ["the server says no", "the server refuses the package: PAYLOAD_TOO_LARGE", true, (lab) => {
    lab.answer = () => "PAYLOAD_TOO_LARGE";
  }],
  ["another file", "the package is no release, because it is no tar archive", false, (lab) => {
    lab.bytes = seededBytes(300_000, 9);
  }],
  ["zeros", "it has no SHA256SUMS", false, (lab) => lab.bytes.fill(0)],
  ["a list that was changed after signing", "0 of the keys that may sign", false, (lab) => {
    const at = new TextDecoder("latin1").decode(lab.bytes).indexOf("# serial 7") + "# serial ".length;
    lab.bytes[at] = "8".charCodeAt(0);
  }],
  ["a program that was changed after signing", "is not the file that was signed", false, (lab) => {
    lab.bytes[lab.bytes.length - 5000]! ^= 1;
  }],
  ["what was not announced", "its SHA256 differs", false, () => ({ checksum: "ab".repeat(32) })],
  ["less than was announced", "does not have the", true, (lab) => ({ sizeBytes: lab.bytes.length + 5 })],
];

for (const [name, expected, expectedMayMend, spoil] of BAD) {
  Deno.test(`a package is refused: ${name}`, async () => {
    await using lab = await Lab.open();
    const { reason, mayMend } = await lab.refusal(spoil(lab) ?? {});
    assertStringIncludes(reason, expected);
    assertEquals(mayMend, expectedMayMend, reason);
  });
}

Deno.test("a package that a stranger has signed is refused before it is fetched", async () => {
  await using lab = await Lab.open((await createKeys()).privatePem);
  assertStringIncludes((await lab.refusal()).reason, "0 of the keys that may sign");
  assertEquals(lab.wanted.length, 1);
});
