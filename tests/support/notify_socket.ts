// Runs in: tests.
import { join } from "@std/path";
import { GrowingText } from "./growing_text.ts";
import { findProgram } from "./needs.ts";
import { until } from "./until.ts";

/** A real datagram socket that stands in for systemd's; it keeps what it is told, in order. */
export class NotifySocket implements AsyncDisposable {
  /** For `$NOTIFY_SOCKET`. */
  readonly address: string;
  readonly told: GrowingText;
  #folder = Deno.makeTempDirSync({ prefix: "ivy-notify-" });
  #child: Deno.ChildProcess;

  private constructor(isAbstract: boolean) {
    const name = isAbstract ? `ivy-test-${crypto.randomUUID()}` : join(this.#folder, "notify");
    this.address = isAbstract ? `@${name}` : name;
    this.#child = new Deno.Command(findProgram("socat")!, {
      args: ["-u", isAbstract ? `ABSTRACT-RECV:${name}` : `UNIX-RECV:${name}`, "STDOUT"],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.told = new GrowingText(this.#child.stdout);
  }

  static async open({ isAbstract = false } = {}): Promise<NotifySocket> {
    const socket = new NotifySocket(isAbstract);
    const name = socket.address;
    await until("socat listens", () => Deno.readTextFileSync("/proc/net/unix").includes(` ${name}\n`));
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await Promise.all([this.#child.status, this.told.ended]);
    await Deno.remove(this.#folder, { recursive: true });
  }
}
