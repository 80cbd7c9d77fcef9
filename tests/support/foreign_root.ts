// Runs in: tests.
import { dirname, join } from "@std/path";
import { runCommand } from "../../src/build/command.ts";
import { TestNode } from "./node.ts";

/** A user of every machine who owns nothing. */
export const STRANGER_UID = 65_534;

/** What root alone may read, in every file of root's that a link could lead to. */
export const ROOTS_SECRET = "what-root-alone-may-read";

/** Whatever it is taken for, a configuration, a log or messages, something of it would be shown. */
const TEMPTING = {
  [ROOTS_SECRET]: 1,
  id: 1,
  timestamp: 1_767_312_000,
  origin: "x",
  message_body: { variant: "data", data: { [ROOTS_SECRET]: 1 } },
};

/** A node whose folder belongs to somebody who is not root, beside a folder of root's. Needs root. */
export class ForeignRoot implements AsyncDisposable {
  readonly node = new TestNode();
  readonly root = this.node.root;
  readonly paths = this.node.paths;
  /** Root's own, beside the node: all may enter it, nobody else may write there. */
  readonly roots = join(dirname(this.root), "roots");
  readonly file = join(this.roots, "file");
  #untouched = "";

  constructor() {
    Deno.chmodSync(dirname(this.root), 0o755);
    for (const folder of [this.roots, join(this.roots, "folder"), this.root]) Deno.mkdirSync(folder);
    Deno.writeTextFileSync(this.file, `${JSON.stringify(TEMPTING)}\n`, { mode: 0o600 });
  }

  /** The owner puts a link there, to something of root's. */
  plant(path: string, target: string): void {
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.symlinkSync(join(this.roots, target), path);
  }

  /** All in the node's folder becomes its owner's; from here on what is root's must stay as it is. */
  async giveAway(): Promise<void> {
    const { success } = await runCommand(["chown", "-R", "-h", `${STRANGER_UID}:${STRANGER_UID}`, this.root]);
    if (!success) throw new Error(`${this.root} could not be given away`);
    this.#untouched = look(this.roots);
  }

  get isUntouched(): boolean {
    return look(this.roots) === this.#untouched;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node[Symbol.asyncDispose]();
  }
}

/** Names, owners, modes and contents of all that is there. */
function look(path: string): string {
  const { isDirectory, mode, uid, gid } = Deno.lstatSync(path);
  const inside = isDirectory
    ? [...Deno.readDirSync(path)].map(({ name }) => name).sort().map((name) => look(join(path, name)))
    : [Deno.readTextFileSync(path)];
  return [path, mode, uid, gid, ...inside].join("\n");
}
