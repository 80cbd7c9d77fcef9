// Runs in: tests.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { setUpLogging } from "../../src/agent/logging.ts";
import type { Config } from "../../src/shared/config.ts";
import { LEVELS } from "../../src/shared/message.ts";
import type { LogEntry } from "../../src/shared/protocol.ts";
import { until } from "../support/until.ts";

async function logOf(
  thresholds: Config["logging_verbosity"],
  use: (logging: ReturnType<typeof setUpLogging>) => void,
): Promise<{ files: Record<string, string>; messages: LogEntry[] }> {
  const directory = join(Deno.makeTempDirSync(), "logs");
  const messages: LogEntry[] = [];
  const logging = setUpLogging({
    thresholds,
    directory,
    colour: false,
    sendMessage: (entry) => messages.push(entry),
  });
  use(logging);
  await logging.close();
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
  const files = Object.fromEntries(names.map((name) => [name, Deno.readTextFileSync(join(directory, name))]));
  Deno.removeSync(directory, { recursive: true });
  return { files, messages };
}

const entry = (
  level: LogEntry["level"],
  timeMs = Date.UTC(2026, 10, 22),
  more: Partial<LogEntry> = {},
): LogEntry => ({
  level,
  origin: "pump",
  subject: `a ${level}`,
  details: "",
  timeMs,
  ...more,
});

Deno.test("each sink has its own threshold, and null turns it off", async () => {
  const thresholds = { file_archive: "INFO", console_prints: null, message_sending: "EXCEPTION" } as const;
  const { files, messages } = await logOf(
    thresholds,
    ({ write }) => LEVELS.forEach((level) => write(entry(level))),
  );
  const lines = Object.values(files).join("").trimEnd().split("\n");
  assertEquals(lines.map((line) => line.split(" ")[1]), ["INFO", "WARNING", "ERROR", "EXCEPTION"]);
  assertEquals(messages.map(({ level }) => level), ["EXCEPTION"]);
  const off = { file_archive: null, console_prints: null, message_sending: null };
  const nothing = await logOf(off, ({ write }) => LEVELS.forEach((level) => write(entry(level))));
  assertEquals([nothing.files, nothing.messages], [{}, []]);
});

Deno.test("there is one file per UTC day, also when a late line belongs to the day before", async () => {
  const midnight = Date.UTC(2026, 10, 23);
  const thresholds = { file_archive: "DEBUG", console_prints: null, message_sending: null } as const;
  const { files } = await logOf(thresholds, ({ write }) => {
    write(entry("INFO", midnight - 1));
    write(entry("INFO", midnight));
    write(entry("ERROR", midnight - 1));
  });
  assertEquals(Object.keys(files), ["2026-11-22.log", "2026-11-23.log"]);
  assertEquals(files["2026-11-22.log"]!.split("\n").length, 3);
});

Deno.test("what a server makes main say is bounded, and no other component's lines are held back for it", async () => {
  const thresholds = { file_archive: "DEBUG", console_prints: null, message_sending: "WARNING" } as const;
  const { files, messages } = await logOf(thresholds, (logging) => {
    for (let i = 0; i < 10_000; i++) logging.logger("updater").warning(`ignored configuration ${i}`);
    logging.logger("agent").warning("something else");
  });
  const lines = Object.values(files).join("").trimEnd().split("\n");
  assert(lines.length < 300, `${lines.length}`);
  assertEquals([lines.at(-1)?.endsWith("something else"), messages.length], [true, lines.length]);
});

Deno.test("half a surrogate pair in what a server gives out can be hidden like any other text", async () => {
  const { messages } = await logOf({ ...FILE_ONLY, message_sending: "INFO" }, ({ hide, write }) => {
    hide(["to\ud800ken"]);
    write(entry("INFO", undefined, { subject: "the token is to\ud800ken" }));
  });
  assertEquals(messages[0]?.subject, "the token is •••");
});

const FILE_ONLY = { file_archive: "DEBUG", console_prints: null, message_sending: null } as const;

const REMOVALS: [name: string, remove: (file: string, folder: string) => void][] = [
  ["the file was removed", (file) => Deno.removeSync(file)],
  ["the file was renamed", (file) => Deno.renameSync(file, `${file}.1`)],
  ["the file was replaced", (file) => {
    Deno.writeTextFileSync(`${file}.new`, "another's\n");
    Deno.renameSync(`${file}.new`, file);
  }],
  ["the folder was removed", (_file, folder) => Deno.removeSync(folder, { recursive: true })],
  ["the folder was renamed", (_file, folder) => Deno.renameSync(folder, `${folder}.old`)],
];

for (const [name, remove] of REMOVALS) {
  Deno.test(`${name} while the agent runs: it is made again, says so, and takes all further lines`, async () => {
    const folder = Deno.makeTempDirSync();
    const directory = join(folder, "logs");
    const logging = setUpLogging({ thresholds: FILE_ONLY, directory, colour: false, sendMessage: () => {} });
    const file = join(directory, "2026-11-22.log");
    const lines = () => Deno.readTextFileSync(file).split("\n").filter((line) => line !== "");
    logging.write(entry("INFO"));
    remove(file, directory);
    logging.write(entry("WARNING"));
    logging.write(entry("ERROR"));
    await until("all lines", () => lines().length >= 3);
    const [made, ...others] = lines().slice(-3);
    assertStringIncludes(made!, `${file} was removed or replaced while Ivy ran; it is made again`);
    assertEquals(others.map((line) => line.split(" ")[1]), ["WARNING", "ERROR"]);
    Deno.removeSync(file);
    assertEquals(logging.renew(), [file], "also when nobody logs anything");
    assertEquals(logging.renew(), []);
    await logging.close();
    Deno.removeSync(folder, { recursive: true });
  });
}

Deno.test("secrets are hidden in every sink, in each of their spellings, the longest first", async () => {
  const thresholds = { file_archive: "DEBUG", console_prints: null, message_sending: "DEBUG" } as const;
  const secrets = ["pass", 'pass"word\n2\\', "a b", "ab"];
  const { files, messages } = await logOf(thresholds, ({ write, hide, redact }) => {
    hide(secrets);
    const subject = `${secrets[1]} ${JSON.stringify(secrets)} ${secrets.map(encodeURIComponent)} cab`;
    write(entry("INFO", 0, { subject, details: `mqtt://me:${secrets[0]}@host` }));
    write(entry("INFO", 0, { details: Deno.inspect({ login: secrets[1] }) }));
    assertEquals(redact("my pass is secret"), "my ••• is secret");
  });
  const text = JSON.stringify([files, messages]);
  for (const trace of ["pass", "word", "%22"]) assert(!text.includes(trace), `${trace} in ${text}`);
  assert(text.includes("cab"), "too short to be hidden without hiding ordinary words");
});
