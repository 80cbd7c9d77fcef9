// Runs in: tests.
import { join } from "@std/path";
import { AgentProcess } from "./agent_process.ts";
import { environmentOf } from "./environment.ts";
import type { Program } from "./program.ts";
import type { ProjectCopy } from "./project_copy.ts";

/** What somebody who follows the documents has: the project, a home with the program in it, and a shell. */
export class ReaderShell implements AsyncDisposable {
  #copy: ProjectCopy;
  #home: string;
  #ivy: string;

  constructor(copy: ProjectCopy, ivy: Program) {
    this.#copy = copy;
    this.#home = join(copy.folder, "home");
    Deno.mkdirSync(join(this.#home, "bin"), { recursive: true });
    Deno.symlinkSync(Deno.execPath(), join(this.#home, "bin/deno"));
    this.#ivy = join(this.#home, "bin/ivy");
    if (ivy.length === 1) Deno.copyFileSync(ivy[0], this.#ivy);
    else writeProgram(this.#ivy, `exec ${ivy.join(" ")} "$@"`);
    Deno.copyFileSync(this.#ivy, join(copy.folder, "ivy")); // as scp does
  }

  async run(command: string): Promise<{ success: boolean; text: string }> {
    const { success, stdout, stderr } = await new Deno.Command("sh", {
      args: ["-c", command],
      cwd: this.#copy.folder,
      env: this.#environment,
      stdin: "null",
    }).output();
    this.#provideLauncher();
    const decoder = new TextDecoder();
    return { success, text: decoder.decode(stdout) + decoder.decode(stderr) };
  }

  /** Runs a command that goes on until it has printed something, and ends it as Ctrl-C does. */
  async runUntil(command: string, printed: RegExp): Promise<void> {
    const words = ["setsid", "sh", "-c", `cd ${this.#copy.folder} && exec ${command}`] as const;
    await using process = new AgentProcess(words, [], this.#environment, false);
    await process.output.until(printed);
    await this.run(`kill -s INT -- -${process.pid}`);
    await process.ended();
  }

  /** Only a compiled program puts a launcher into a node. */
  #provideLauncher(): void {
    const node = join(this.#home, "node");
    if (!exists(node) || exists(join(node, "ivy"))) return;
    writeProgram(join(node, "ivy"), `exec ${this.#ivy} "$@" --root ${node}`);
  }

  get #environment(): Record<string, string> {
    const path = `${join(this.#home, "bin")}:${Deno.env.get("PATH")}`;
    const denoDir = Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME") ?? "/root", ".cache/deno");
    return {
      ...environmentOf({ covered: false }),
      HOME: this.#home,
      PATH: path,
      DENO_DIR: denoDir,
      NO_COLOR: "1",
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (exists(join(this.#home, "node/ivy"))) await this.run("~/node/ivy stop");
  }
}

function writeProgram(path: string, line: string): void {
  Deno.writeTextFileSync(path, `#!/bin/sh\n${line}\n`, { mode: 0o755 });
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
