// Runs in: tests.
import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { CommandError, EXIT } from "../../src/agent/errors.ts";
import { formatEntry } from "../../src/agent/log_format.ts";
import logs from "../../src/cli/logs.ts";
import type { Level } from "../../src/shared/message.ts";
import { utcDay } from "../../src/shared/time.ts";
import { fakeContext, FakeOutput } from "../support/fake_output.ts";

const HOUR = 3_600_000;
const NOON = Date.UTC(2026, 10, 22, 12);

/** A root with log files. */
class LogFolder implements Disposable {
  readonly root = Deno.makeTempDirSync();
  readonly #logs = join(this.root, "data", "logs");

  constructor() {
    Deno.mkdirSync(this.#logs, { recursive: true });
  }

  add(timeMs: number, subject: string, level: Level = "INFO", origin = "pump", details = ""): string {
    const path = join(this.#logs, `${utcDay(timeMs)}.log`);
    Deno.writeTextFileSync(path, formatEntry({ timeMs, subject, level, origin, details }), { append: true });
    return path;
  }

  /** Subjects and details of what is shown. */
  async show(flags: Record<string, string | boolean> = {}): Promise<string[]> {
    const out = new FakeOutput();
    assertEquals(await logs(fakeContext(out, { root: this.root, flags })), EXIT.done);
    return out.lines.map((line) => line.replace(/^\S+Z \w+ +\w+ {2}/, ""));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }
}

Deno.test("without a wish the newest day is shown, entries with their details", async () => {
  using folder = new LogFolder();
  folder.add(NOON - 24 * HOUR, "yesterday");
  folder.add(NOON, "broken", "EXCEPTION", "pump", "Error: a\n    at b");
  folder.add(NOON + 1, "mended");
  assertEquals(await folder.show(), ["broken", "    Error: a", "        at b", "mended"]);
});

Deno.test("entries are chosen by level, component and day, details with them", async () => {
  using folder = new LogFolder();
  folder.add(NOON - 24 * HOUR, "yesterday");
  folder.add(NOON, "chatter", "DEBUG", "pump", "more chatter");
  folder.add(NOON, "hot", "WARNING", "pump", "85 °C");
  folder.add(NOON, "burning", "EXCEPTION", "oven");
  assertEquals(await folder.show({ level: "WARNING" }), ["hot", "    85 °C", "burning"]);
  assertEquals(await folder.show({ level: "error" }), ["burning"]);
  assertEquals(await folder.show({ origin: "oven" }), ["burning"]);
  assertEquals(await folder.show({ origin: "ove" }), []);
  assertEquals(await folder.show({ date: utcDay(NOON - 24 * HOUR) }), ["yesterday"]);
});

Deno.test("entries are chosen by time, over as many days as it takes", async () => {
  using folder = new LogFolder();
  const now = Date.now();
  for (const hours of [100, 49, 47, 3, 1]) folder.add(now - hours * HOUR, `${hours} h ago`);
  assertEquals(await folder.show({ since: "2h" }), ["1 h ago"]);
  assertEquals(await folder.show({ since: "200m" }), ["3 h ago", "1 h ago"]);
  assertEquals(await folder.show({ since: "2d" }), ["47 h ago", "3 h ago", "1 h ago"]);
  assertEquals((await folder.show({ since: "90d" })).length, 5);
  assertEquals(await folder.show({ since: new Date(now - 50 * HOUR).toISOString().slice(0, 16) }), [
    "49 h ago",
    "47 h ago",
    "3 h ago",
    "1 h ago",
  ]);
});

Deno.test("rotated, compressed and plain parts of a day are one log", async () => {
  using folder = new LogFolder();
  const file = folder.add(NOON, "oldest");
  Deno.renameSync(file, `${file}.2`);
  new Deno.Command("gzip", { args: [`${file}.2`] }).outputSync();
  folder.add(NOON + 1, "hot", "WARNING", "pump", "85 °C");
  Deno.renameSync(file, `${file}.1`);
  folder.add(NOON + 2, "newest");
  assertEquals(await folder.show(), ["oldest", "hot", "    85 °C", "newest"]);
  assertEquals(await folder.show({ level: "WARNING" }), ["hot", "    85 °C"]);
  assertEquals(await folder.show({ since: new Date(NOON + 2).toISOString() }), ["newest"]);
});

Deno.test("what cannot be shown is told", async () => {
  using folder = new LogFolder();
  const show = (flags: Record<string, string>) => folder.show(flags);
  await assertRejects(() => show({}), CommandError, "there is no log in");
  folder.add(NOON, "one");
  await assertRejects(
    () => show({ date: "2026-11-23" }),
    CommandError,
    'no log of "2026-11-23"; there are 2026-11-22',
  );
  await assertRejects(() => show({ level: "info!" }), CommandError, '(did you mean "INFO"?)');
  await assertRejects(
    () => show({ since: "2 hours" }),
    CommandError,
    "--since 2 hours: expected 90s, 30m, 2h, 7d",
  );
});

Deno.test("following goes on over midnight, and loses no line between the files", async () => {
  using folder = new LogFolder();
  const midnight = Date.UTC(2026, 10, 23);
  folder.add(midnight - 2, "before");
  const out = new FakeOutput();
  const steps: (() => void)[] = [
    () => folder.add(midnight - 1, "late ä", "INFO", "pump", "with\ndetails"),
    () => {},
    () => {},
    () => folder.add(midnight - 1, "the last of the day"),
    () => {
      folder.add(midnight - 1, "really the last");
      folder.add(midnight, "the first");
    },
    () => {},
    () => folder.add(midnight + 1, "the second"),
    () => out.isClosed = true,
  ];
  out.onPrint = () => steps.shift()!();
  await logs(fakeContext(out, { root: folder.root, flags: { follow: true } }));
  assertEquals(out.lines.map((line) => line.replace(/^\S+Z INFO +pump {2}/, "")), [
    "before",
    "late ä",
    "    with",
    "    details",
    "the last of the day",
    "really the last",
    "the first",
    "the second",
  ]);
});
