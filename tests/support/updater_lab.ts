// Runs in: tests.
import { join } from "@std/path";
import template from "../../config/config.template.json" with { type: "text" };
import type { LoadedConfig } from "../../src/agent/configuration.ts";
import { pathsOf } from "../../src/agent/paths.ts";
import { updateRoutes } from "../../src/agent/updater/update_routes.ts";
import { Updater } from "../../src/agent/updater/updater.ts";
import { makeRelease } from "../../src/build/release.ts";
import { Packages } from "../../src/agent/updater/packages.ts";
import { configSchema } from "../../src/shared/config.ts";
import { createLogger } from "../../src/shared/logger.ts";
import { SIGNATURES_NAME, SUMS_NAME } from "../../src/shared/release.ts";
import { createKeys, signBytes } from "../../src/shared/signatures.ts";
import { version as running } from "../../src/shared/version.ts";
import { ReleaseServer } from "./release_server.ts";

export const NEW = "4.5.6";
const keys = await createKeys();

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
  readonly server = new ReleaseServer({ folder: join(this.folder, "web") });
  updater: Updater;

  constructor(
    change: (updater: Record<string, unknown>) => Record<string, unknown> | null = (same) => same,
    root?: string,
    packages?: Packages,
  ) {
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
      vitals: { failures: () => ({}), health: () => ({ procedures: ["walk"], backends: [] }) },
      logger: createLogger("updater", ({ subject }) => void this.log.push(subject)),
      onLog: () => {},
      releaseModule: import.meta.resolve("../../src/release/worker.ts"),
      environment: { PATH: "/usr/bin:/bin", TOKEN: "secret-token" },
      restart: (reason) => void this.restarts.push(reason),
      pace: { stallMs: 1000, retryMs: 1, attempts: 1 },
      ...(packages === undefined ? {} : { packages }),
    });
  }

  async publish(text: string, serial = 7): Promise<void> {
    const binary = join(this.folder, "made");
    Deno.writeTextFileSync(binary, text);
    const output = join(this.folder, "web", NEW);
    const binaries = { [Deno.build.target]: binary };
    await makeRelease({ binaries, output, version: NEW, serial, acceptance: "// none" });
    const line = await signBytes(Deno.readFileSync(join(output, SUMS_NAME)), keys.privatePem);
    Deno.writeTextFileSync(join(output, SIGNATURES_NAME), `${line}\n`);
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
