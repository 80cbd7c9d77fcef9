// Runs in: tests.
import { join } from "@std/path";
import template from "../../config/config.template.json" with { type: "text" };
import type { LoadedConfig } from "../../src/agent/configuration.ts";
import { pathsOf } from "../../src/agent/paths.ts";
import { describeBinary, type InstalledVersion, recordVersion } from "../../src/agent/installed_versions.ts";
import type { Outcome } from "../../src/agent/updater/reconfigure.ts";
import { updateRoutes } from "../../src/agent/updater/update_routes.ts";
import { Updater } from "../../src/agent/updater/updater.ts";
import { makeRelease } from "../../src/build/release.ts";
import { Packages } from "../../src/agent/updater/packages.ts";
import { configSchema } from "../../src/shared/config.ts";
import { createLogger } from "../../src/shared/logger.ts";
import { SIGNATURES_NAME, SUMS_NAME } from "../../src/shared/release.ts";
import { createKeys, signBytes } from "../../src/shared/signatures.ts";
import { version as running } from "../../src/shared/version.ts";
import { ReleaseServer, type ReleaseServerOptions } from "./release_server.ts";

export const NEW = "4.5.6";
/** Who may sign. */
export const keys = await createKeys();

/** A program that is whatever version it is asked about, and proves itself unless `then` says otherwise. */
export function script(then = "exit 0"): string {
  const facts = JSON.stringify({ software_version: NEW, target: Deno.build.target });
  return `#!/bin/sh\ncase $1 in info) echo '${facts}'; exit ;; esac\n${then}\n`;
}

/** An updater on a root of its own, whose releases are shell scripts. */
export class UpdaterLab implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "ivy-updater-" });
  readonly paths;
  readonly log: string[] = [];
  readonly restarts: string[] = [];
  readonly server: ReleaseServer;
  updater: Updater;

  constructor(
    change: (updater: Record<string, unknown>) => Record<string, unknown> | null = (same) => same,
    root?: string,
    packages?: Packages,
    { releaseModule = import.meta.resolve("../../src/release/worker.ts"), ...server }:
      & { releaseModule?: string }
      & Omit<ReleaseServerOptions, "folder"> = {},
  ) {
    this.server = new ReleaseServer({ folder: join(this.folder, "web"), ...server });
    this.paths = pathsOf(root ?? join(this.folder, "root"));
    const raw = JSON.parse(template);
    raw.general.software_version = running;
    raw.updater = change({
      provider: "http",
      base_url: this.server.url,
      public_keys: [keys.publicKey],
      access_token: { env: "TOKEN" },
      probation_seconds: 5,
    });
    Deno.mkdirSync(this.paths.versionFolder, { recursive: true });
    Deno.mkdirSync(this.paths.data, { recursive: true });
    Deno.mkdirSync(this.paths.control, { recursive: true });
    const binary = join(this.paths.versionFolder, "ivy");
    Deno.writeTextFileSync(binary, "the running binary");
    Deno.symlinkSync(running, this.paths.current);
    this.updater = new Updater({
      paths: this.paths,
      binary,
      loaded: () => ({ raw, config: configSchema.parse(raw), file: this.paths.configFile }) as LoadedConfig,
      vitals: {
        failures: () => ({}),
        health: () => ({ procedures: ["walk"], backends: [] }),
        fault: () => undefined,
      },
      logger: createLogger("updater", ({ subject }) => void this.log.push(subject)),
      onLog: () => {},
      releaseModule,
      environment: { PATH: "/usr/bin:/bin", TOKEN: "secret-token" },
      restart: (reason) => void this.restarts.push(reason),
      pace: { stallMs: 1000, retryMs: 1, attempts: 1 },
      ...(packages === undefined ? {} : { packages }),
    });
  }

  async publish(
    text: string,
    serial = 7,
    { signers = [keys.privatePem], ...more }: {
      signers?: string[];
      product?: string;
      date?: string;
      acceptance?: string;
    } = {},
  ): Promise<void> {
    const binary = join(this.folder, "made");
    Deno.writeTextFileSync(binary, text);
    const output = join(this.folder, "web", NEW);
    const binaries = { [Deno.build.target]: binary };
    await makeRelease({ binaries, output, version: NEW, serial, acceptance: "// none", ...more });
    await this.sign(...signers);
  }

  /** Signs the list that is published now, by these keys alone. */
  async sign(...signers: string[]): Promise<void> {
    const output = join(this.folder, "web", NEW);
    const sums = Deno.readFileSync(join(output, SUMS_NAME));
    const lines = await Promise.all(signers.map((pem) => signBytes(sums, pem)));
    Deno.writeTextFileSync(join(output, SIGNATURES_NAME), lines.map((line) => `${line}\n`).join(""));
  }

  /** Lays the release that is published now out as the version before, as an update from it has left it. */
  async layOutPrevious(came: InstalledVersion["came"] = "release"): Promise<void> {
    const folder = join(this.paths.root, NEW);
    Deno.mkdirSync(folder);
    const binary = join(folder, "ivy");
    Deno.copyFileSync(join(this.folder, "made"), binary);
    Deno.chmodSync(binary, 0o755);
    for (const name of [SUMS_NAME, SIGNATURES_NAME]) {
      Deno.copyFileSync(join(this.folder, "web", NEW, name), join(folder, name));
    }
    Deno.writeTextFileSync(join(this.paths.versionFolder, "previous"), `${NEW}\n`);
    recordVersion(this.paths, NEW, await describeBinary(binary, came));
  }

  /** What becomes of a server's order to run {@link NEW}. */
  async order(): Promise<Outcome> {
    return await this.updater.upgrade({ version: NEW, config: {}, revision: 5 });
  }

  /** What the control API answers, line by line. */
  async ask(version: string | null, folder: string | null = null): Promise<Record<string, unknown>[]> {
    const body = JSON.stringify({ version, folder });
    const route = updateRoutes(this.updater)["POST /v1/update"]!;
    const response = await route(new Request("http://ivy/", { method: "POST", body })) as Response;
    return (await response.text()).trim().split("\n").map((line) => JSON.parse(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.updater.stop();
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}
