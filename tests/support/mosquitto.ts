// Runs in: tests.
import { join } from "@std/path";
import { freePort } from "./free_port.ts";
import { findProgram } from "./needs.ts";
import { until } from "./until.ts";

/** A real Mosquitto on a free port of the loopback. */
export interface Mosquitto extends AsyncDisposable {
  readonly port: number;
  /** What it has logged since it was last started. */
  log(): string;
  /** Ends it: by default at once, as a power cut would. */
  kill(signal?: Deno.Signal): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
  /** Stops it without ending it, and lets it go on: SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
}

export interface MosquittoOptions {
  /** Lines for the configuration file, after the listener's. */
  lines?: string[];
  /** Files to put beside the configuration, by name; `{folder}` in a line is where they are. */
  files?: Record<string, string>;
  /** It logs no connection and no message: for measurements. */
  isQuiet?: boolean;
}

/** Starts a broker; it ends when the test's scope does. */
export async function startMosquitto(
  { lines = [], files = {}, isQuiet = false }: MosquittoOptions = {},
): Promise<Mosquitto> {
  const program = findProgram("mosquitto");
  if (program === undefined) throw new Error("mosquitto is missing");
  const folder = await Deno.makeTempDir({ prefix: "ivy-mosquitto-" });
  await Deno.chmod(folder, 0o755); // as root it changes to a user of its own
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(join(folder, name), text, { mode: 0o644 });
  }
  const port = freePort();
  const configFile = join(folder, "mosquitto.conf");
  const own = [`listener ${port} 127.0.0.1`, ...lines];
  if (!lines.some((line) => line.startsWith("allow_anonymous"))) own.push("allow_anonymous true");
  await Deno.writeTextFile(configFile, `${own.join("\n").replaceAll("{folder}", folder)}\n`, { mode: 0o644 });

  let child: Deno.ChildProcess | undefined;
  let log = "";
  let reading: Promise<void> = Promise.resolve();
  const broker: Mosquitto = {
    port,
    log: () => log,
    async start() {
      log = "";
      const started = new Deno.Command(program, {
        args: [...(isQuiet ? [] : ["-v"]), "-c", configFile],
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      child = started;
      const read = async (stream: ReadableStream<Uint8Array>) => {
        for await (const text of stream.pipeThrough(new TextDecoderStream())) log += text;
      };
      reading = Promise.all([read(started.stdout), read(started.stderr)]).then(() => {});
      let hasEnded = false;
      void started.status.then(() => hasEnded = true);
      await until(() => `mosquitto is up:\n${log}`, () => {
        if (hasEnded) throw new Error(`mosquitto ended:\n${log}`);
        return / running\n/.test(log);
      });
    },
    async kill(signal = "SIGKILL") {
      child?.kill(signal);
      await child?.status;
      await reading;
      child = undefined;
    },
    pause: () => child?.kill("SIGSTOP"),
    resume: () => child?.kill("SIGCONT"),
    async [Symbol.asyncDispose]() {
      await broker.kill();
      await Deno.remove(folder, { recursive: true });
    },
  };
  await broker.start();
  return broker;
}
