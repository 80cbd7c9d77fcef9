// Runs in: tests.
import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { bundle } from "../../src/build/bundle.ts";
import { type CommandResult, runCommand } from "../../src/build/command.ts";
import { ignoreMissing } from "../../src/build/files.ts";
import { sentenceOf } from "../../src/shared/errors.ts";
import { arm64Deno } from "../support/arm64.ts";
import { GrowingText } from "../support/growing_text.ts";
import { needs, orSkip } from "../support/needs.ts";
import { untilFiles } from "../support/until_files.ts";

const MAIN = fromFileUrl(new URL("../../main.ts", import.meta.url));
const CONFIG = fromFileUrl(new URL("../../deno.json", import.meta.url));
const NAME_PATHS = fromFileUrl(new URL("../support/name_paths_program.ts", import.meta.url));

/** Each start of the emulated Deno takes 4 s on a fast machine. */
const DEADLINE_MS = 300_000;

const ownSuiteCoversIt = Deno.build.arch === "aarch64" || Deno.env.get("IVY_BINARY") !== undefined;
const deno = needs("qemu-aarch64-static") === undefined ? await orSkip(arm64Deno()) : undefined;

if (!ownSuiteCoversIt) {
  Deno.test("on the Raspberry Pi's processor Ivy starts, stores messages, answers and stops", {
    ignore: deno === undefined,
  }, smoke);
}

if (!ownSuiteCoversIt) {
  Deno.test(
    "there, the C library opens what it resolves names with by the constants that a filter lets pass",
    {
      ignore: deno === undefined || needs("strace") !== undefined,
    },
    namePaths,
  );
}

/** No emulator knows filters: what they would see, the addresses of paths, is seen by strace. */
async function namePaths(): Promise<void> {
  const calls = await Deno.makeTempFile({ prefix: "ivy-arm64-" });
  try {
    const strace = [
      "strace",
      "--follow-forks",
      "--trace=openat",
      "--raw=openat",
      `--output=${calls}`,
    ] as const;
    const run = ["run", "--quiet", "--no-lock", "--no-check", "--config", CONFIG, "--allow-all", NAME_PATHS];
    const stdout = succeeded(await runCommand([...strace, ...deno!, ...run]));
    const opened = await Deno.readTextFile(calls);
    const isOpened = stdout.split(" ").map((address) => opened.includes(`openat(0xffffff9c, ${address}, `));
    assertEquals(isOpened, [true, true, true, false, true], "gai.conf is for names with several addresses");
  } finally {
    await Deno.remove(calls);
  }
}

async function smoke(): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "ivy-arm64-" });
  try {
    const program = await bundle({ entry: MAIN, workFolder: join(folder, "work") });
    const main = join(program.folder, program.main);
    const root = join(folder, "root");
    const command = (name: string, ...args: string[]): [string, ...string[]] => {
      return [...deno!, "run", "--quiet", "--no-lock", "--allow-all", main, name, "--root", root, ...args];
    };
    succeeded(await runCommand(command("init")));
    const [ivy, ...args] = command("run");
    await using running = new Deno.Command(ivy, { args, stdin: "null", stdout: "null", stderr: "piped" })
      .spawn();
    const log = new GrowingText(running.stderr);

    const line = await untilFiles(root, () => firstMeasurement(root), {
      deadlineMs: DEADLINE_MS,
      what: "a stored measurement",
    }).catch((error) => {
      throw new Error(`${sentenceOf(error)}; it logged:\n${log.text}`);
    });
    assertMatch(
      line,
      /^\{"id":\d+,"timestamp":\d+(\.\d+)?,"message_body":\{"variant":"data","data":\{.+\}\}\}$/,
    );
    const status = succeeded(await runCommand(command("status", "--json")));
    assertEquals(typeof JSON.parse(status), "object");
    succeeded(await runCommand(command("stop")));
    assertEquals((await running.status).code, 0, log.text);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function firstMeasurement(root: string): Promise<string | undefined> {
  const path = join(root, "data/messages", `${new Date().toISOString().slice(0, 10)}.jsonl`);
  const lines = (await Deno.readTextFile(path).catch(ignoreMissing))?.split("\n").slice(0, -1);
  return lines?.find((line) => line.includes(`"variant":"data"`));
}

function succeeded({ success, stdout, stderr }: CommandResult): string {
  assertEquals(success, true, stderr);
  return stdout;
}
