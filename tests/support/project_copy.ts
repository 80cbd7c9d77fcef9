// Runs in: tests.
import { dirname, join } from "@std/path";
import { PROJECT } from "./documents.ts";
import type { Program } from "./program.ts";

const PARTS = ["deno.json", "deno.lock", "main.ts", "src", "procedures", "config", "tests"];

/** A copy of the project, to which a test does what a document tells its reader. */
export class ProjectCopy implements AsyncDisposable {
  readonly folder: string;

  constructor() {
    this.folder = Deno.makeTempDirSync({ prefix: "ivy-project-" });
    const args = ["-r", "--parents", ...PARTS, this.folder];
    const { success } = new Deno.Command("cp", { args, cwd: PROJECT }).outputSync();
    if (!success) throw new Error(`the project could not be copied to ${this.folder}`);
  }

  /** The command line of its Ivy. */
  get program(): Program {
    return [Deno.execPath(), "run", "--quiet", "--allow-all", join(this.folder, "main.ts")];
  }

  read(path: string): string {
    return Deno.readTextFileSync(join(this.folder, path));
  }

  write(path: string, text: string): void {
    Deno.mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    Deno.writeTextFileSync(join(this.folder, path), text);
  }

  /**
   * Adds an entry to the end of the list in a file: a registry, the fields of the state. One of the same name, which a
   * reader has added to the project before, makes room.
   */
  addTo(path: string, lines: string): void {
    const [, name] = /^(\w+):/m.exec(lines) ?? [];
    const present = new RegExp(`^  ${name}:.*\\n(?:(?: {4}|  [\\])}]).*\\n)*`, "m");
    const text = this.read(path).replace(present, "");
    const [, head] = /^([^]*?^export const .* = \{\n[^]*?)^\}(?!,)/m.exec(text) ?? [];
    if (head === undefined) throw new Error(`${path} has no list`);
    this.write(path, `${head}${lines}\n${text.slice(head.length)}`);
  }

  /** Runs this Deno in the copy. */
  async deno(...args: string[]): Promise<{ success: boolean; text: string }> {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args,
      cwd: this.folder,
      env: { NO_COLOR: "1" },
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    return { success, text: decoder.decode(stdout) + decoder.decode(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}
