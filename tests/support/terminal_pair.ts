// Runs in: tests.
import { join } from "@std/path";
import { findProgram } from "./needs.ts";
import { until } from "./until.ts";

/** Two pseudo-terminals that are joined as by a cable, made by socat. Closing it is like unplugging an adapter. */
export class TerminalPair implements AsyncDisposable {
  /** A link to the end that is tested, which treats a 0x03 as every terminal does at first: it interrupts. */
  readonly near: string;
  /** A link to the end that plays the sensor. */
  readonly far: string;
  #socat: Deno.ChildProcess;
  #isOpen = true;

  private constructor(folder: string) {
    this.near = join(folder, "near");
    this.far = join(folder, "far");
    this.#socat = new Deno.Command(findProgram("socat")!, {
      args: [`pty,echo=0,link=${this.near}`, `pty,raw,echo=0,link=${this.far}`],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  /** @param folder Where the links are put. */
  static async open(folder: string): Promise<TerminalPair> {
    const pair = new TerminalPair(folder);
    await until("there are two terminals", () => isThere(pair.near) && isThere(pair.far));
    return pair;
  }

  /** The sensor sends something. */
  async send(bytes: Uint8Array): Promise<void> {
    const code = [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
    const { success } = await new Deno.Command("sh", { args: ["-c", `printf '${code}' >"$0"`, this.far] })
      .output(); // a program of its own: this one may be a session leader, too
    if (!success) throw new Error(`${this.far} takes nothing`);
  }

  /** Both ends are gone. */
  async unplug(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#socat.kill("SIGTERM");
    await this.#socat.status;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unplug();
  }
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isCharDevice ?? false;
  } catch {
    return false;
  }
}
