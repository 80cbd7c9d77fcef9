// Runs in: tests.
import { join } from "@std/path";
import { exists } from "../../src/agent/paths.ts";
import type { Machine, ProgramEnd } from "../../src/agent/service/machine.ts";

const DONE: ProgramEnd = { success: true, stdout: "", stderr: "" };
const FAILED: ProgramEnd = { success: false, stdout: "", stderr: "no" };

/** A machine in a folder: its users, services and crontabs change as the real programs would change them. */
export class FakeMachine implements Machine, Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "ivy-machine-" });
  readonly unitFolder = join(this.folder, "units");
  readonly unitFile = join(this.unitFolder, "ivy.service");
  readonly rootsProgram = join(this.folder, "local/lib/ivy/ivy");
  readonly rootsLauncher = join(this.folder, "local/bin/ivy");
  hasSystemd = true;
  isAdministrator = true;
  users = new Map([["root", 0], ["pi", Deno.uid() ?? 1000]]);
  crontabs = new Map<string, string>();
  /** The commands that changed something, as a person would type them. */
  changes: string[] = [];
  /** The end of a program that is to fail. */
  broken = "";
  #isActive = false;
  #isEnabled = false;

  constructor() {
    Deno.mkdirSync(this.unitFolder);
    Deno.chmodSync(this.folder, 0o755);
  }

  run = (command: readonly [string, ...string[]], input?: string): Promise<ProgramEnd> => {
    const line = command.join(" ");
    if (this.broken !== "" && line.startsWith(this.broken)) {
      return Promise.resolve({ ...FAILED, stderr: `${command[0]}: it is broken\n` });
    }
    return Promise.resolve(this.#answer(command, line, input));
  };

  #answer(command: readonly string[], line: string, input: string | undefined): ProgramEnd {
    const [program, verb = "", third = ""] = command;
    if (program === "getent") return this.#account(third);
    if (program === "find") {
      return {
        ...DONE,
        stdout: this.changes.some((text) => text.startsWith("chown")) ? "" : "x",
      };
    }
    if (program === "systemctl" && verb === "is-active") return this.#isActive ? DONE : FAILED;
    if (program === "systemctl" && verb === "is-enabled") return this.#isEnabled ? DONE : FAILED;
    if (program === "crontab") return this.#crontab(command, input);
    this.changes.push(line);
    if (program === "useradd") this.users.set(command.at(-1)!, 999);
    if (program === "systemctl") this.#service(verb);
    return DONE;
  }

  #account(name: string): ProgramEnd {
    const id = this.users.get(name);
    return id === undefined ? FAILED : { ...DONE, stdout: `${name}:x:${id}:${id}::/:/bin/sh\n` };
  }

  #service(verb: string): void {
    if (verb === "enable") this.#isEnabled = exists(this.unitFile);
    if (verb === "disable") this.#isEnabled = this.#isActive = false;
    if (verb === "start") this.#isActive = exists(this.unitFile);
  }

  #crontab(command: readonly string[], input: string | undefined): ProgramEnd {
    const owner = command[1] === "-u" ? command[2]! : "me";
    const text = this.crontabs.get(owner);
    if (input === undefined) return text === undefined ? FAILED : { ...DONE, stdout: text };
    this.changes.push(command.join(" "));
    this.crontabs.set(owner, input);
    return DONE;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}
