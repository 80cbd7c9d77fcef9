// Runs in: tests.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { ReleaseWorker, UnavailableError } from "../../src/agent/updater/release_worker.ts";
import { makeRelease } from "../../src/build/release.ts";
import type { ReleaseOrder } from "../../src/shared/protocol.ts";
import { parseSums, SIGNATURES_NAME, SUMS_NAME } from "../../src/shared/release.ts";
import { createKeys, signBytes } from "../../src/shared/signatures.ts";
import { ReleaseServer, type ReleaseServerOptions } from "./release_server.ts";

export const BLOCK = 65_536;
export const TARGET = "x86_64-unknown-linux-gnu";
export const BINARY = `ivy-${TARGET}`;
const keys = await createKeys();

/** A release of made-up bytes on a server, and a node's staging folder. */
export class ReleaseLab implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "ivy-release-" });
  readonly staging = join(this.folder, "staging");
  readonly web = join(this.folder, "web");
  server!: ReleaseServer;

  static async open(
    bytes: Uint8Array,
    options: Omit<ReleaseServerOptions, "folder"> = {},
  ): Promise<ReleaseLab> {
    const lab = new ReleaseLab();
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
    const release = parseSums(new TextDecoder().decode(found.sums));
    return { release, ...found, ...await worker.fetch(() => {}) };
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

/** How a release is refused. */
export async function refusal(
  lab: ReleaseLab,
  change: Partial<ReleaseOrder> = {},
): Promise<UnavailableError> {
  return await assertRejects(() => lab.fetch(change), UnavailableError);
}
