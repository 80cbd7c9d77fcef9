// Runs in: tests.
import { assertEquals, assertMatch } from "@std/assert";
import { judgeAgent, judgeConfig } from "../../../src/agent/doctor/agent_check.ts";
import { type ClockFacts, judgeClock } from "../../../src/agent/doctor/clock.ts";
import { type DiskFacts, judgeDisk } from "../../../src/agent/doctor/disk.ts";
import type { Finding } from "../../../src/agent/doctor/finding.ts";
import { judgeLocks, type LockFacts } from "../../../src/agent/doctor/locks.ts";
import { judgeMachine, type MachineFacts } from "../../../src/agent/doctor/machine.ts";
import { judgeRoot, type RootFacts } from "../../../src/agent/doctor/root.ts";
import { judgeServer, type ServerFacts } from "../../../src/agent/doctor/servers.ts";
import { judgeService, type ServiceFacts } from "../../../src/agent/doctor/service.ts";
import { judgeUpdates, type UpdateFacts } from "../../../src/agent/doctor/updates.ts";
import { unitText } from "../../../src/agent/service/unit.ts";
import { diskLimits } from "../../../src/shared/disk_limits.ts";

const MARKS = { ok: "✓", warning: "!", fault: "✗" };

/** One line per finding, as a person sees it. */
function linesOf(findings: Finding[]): string[] {
  return findings.map(({ check, verdict, found, advice }) =>
    `${MARKS[verdict]} ${check}: ${found} → ${advice ?? ""}`
  );
}

/** What the judge says of each change of facts that are well: which check, which mark, which words. */
function judgesAre<Facts>(
  well: Facts,
  judge: (facts: Facts) => Finding[],
  cases: [change: Partial<Facts>, expected: RegExp][],
): () => void {
  return () => {
    for (const finding of judge(well)) {
      assertEquals([finding.verdict, finding.advice], ["ok", null], finding.found);
    }
    for (const [change, expected] of cases) {
      const before = new Set(linesOf(judge(well)));
      const lines = linesOf(judge({ ...well, ...change }));
      assertMatch(lines.filter((line) => !before.has(line)).join("\n"), expected);
    }
  };
}

const clock: ClockFacts = { nowMs: Date.UTC(2026, 10, 22), isSynchronized: true, timeZone: "Europe/Berlin" };
Deno.test(
  "clock and time zone",
  judgesAre(clock, judgeClock, [
    [{ nowMs: 0 }, /^✗ clock: it is 1970-01-01T00:00:00Z, which cannot be → .*set-ntp true/],
    [{ isSynchronized: false }, /^✗ clock: .*nothing keeps it right → connect it to a time server/],
    [{ isSynchronized: null }, /^! clock: .*cannot say/],
    [{ timeZone: "Mars/Olympus" }, /^✗ time zone: "Mars\/Olympus" is none → .*set-timezone UTC/],
  ]),
);

const locks: LockFacts = {
  walk: { kind: "seccomp", detail: "opens no file" },
  store: { kind: "landlock", detail: "reads only below /ivy/data" },
  pump: null,
};
Deno.test(
  "the lock of each worker's thread",
  judgesAre(locks, judgeLocks, [
    [
      { walk: { kind: "deno", detail: "runs from source" } },
      /^✓ sandbox: walk: Deno, runs from source; store: Land/,
    ],
    [
      { store: { kind: "none", detail: "it may read files" } },
      /^! sandbox: store has no lock and could read every file .*: it may read files → .*Landlock.*README/m,
    ],
    [
      { walk: { kind: "failed", detail: "prctl fails: error 1" } },
      /^✗ sandbox: walk could not be locked.* error 1/m,
    ],
  ]),
);

const machine: MachineFacts = {
  pageSize: 4096,
  isArm: true,
  memory: { total: 1e9, available: 5e8 },
  isRaspberryPi: true,
  temperature: 48.3,
  throttled: 0,
};
Deno.test(
  "kernel pages, memory, temperature and power",
  judgesAre(machine, judgeMachine, [
    [{ pageSize: null }, /^! kernel: the size of its pages cannot be read/],
    [{ throttled: null }, /^! power: vcgencmd does not tell .* → run it with sudo/],
    [{ pageSize: 16_384 }, /^✗ kernel: pages of 16 KiB.* → .*kernel=kernel8\.img/],
    [{ memory: { total: 1e9, available: 1e8 } }, /^! memory: 100 MB of 1.0 GB available/],
    [{ memory: { total: 1e9, available: 1e7 } }, /^✗ memory: 10.0 MB of 1.0 GB available → see what uses it/],
    [{ temperature: 76 }, /^! temperature: 76\.0 °C →/],
    [{ temperature: 85 }, /^✗ temperature: 85\.0 °C: the processor slows itself down → give it shade/],
    [{ throttled: 0x1 }, /^✗ power: the voltage is too low now → .*power supply/],
    [{ throttled: 0x4 }, /^✗ power: the processor is slowed down now/],
    [{ throttled: 0x50000 }, /^! power: the voltage was too low since/],
    [{ throttled: 0x40000 }, /^! power: the processor was slowed down since/],
  ]),
);

Deno.test("how much memory must be available is judged by how much there is", () => {
  const verdictOf = (total: number, available: number) =>
    judgeMachine({ ...machine, memory: { total, available } }).find(({ check }) => check === "memory")!
      .verdict;
  assertEquals(verdictOf(512e6, 150e6), "ok");
  assertEquals(verdictOf(512e6, 90e6), "warning");
  assertEquals(verdictOf(512e6, 50e6), "fault");
  assertEquals(verdictOf(256e6, 60e6), "ok");
  assertEquals(verdictOf(8e9, 210e6), "ok");
  assertEquals(verdictOf(8e9, 190e6), "warning");
});

Deno.test("a machine that is no Raspberry Pi has no line on power, one without a sensor none on temperature", () => {
  const checks = judgeMachine({ ...machine, isRaspberryPi: false, throttled: null, temperature: null }).map((
    { check },
  ) => check);
  assertEquals(checks, ["kernel", "memory"]);
  assertEquals(judgeMachine({ ...machine, isArm: false, pageSize: 16_384 })[0]!.verdict, "ok");
});

const disk: DiskFacts = {
  mount: { type: "ext4", isReadOnly: false },
  free: 20e9,
  size: 32e9,
  freeInodes: 0.9,
  limits: { minFreeBytes: 2e8, maxOutboxBytes: 1e9, warnings: [] },
  wear: { written: 64e9, size: 32e9, used: null },
  kernelErrors: [],
};
Deno.test(
  "file system, space, health and wear of the disk",
  judgesAre(disk, judgeDisk, [
    [
      { mount: { type: "vfat", isReadOnly: false } },
      /^✗ file system: vfat has no links and no modes → .*ext4/,
    ],
    [{ mount: null }, /^! file system: the kernel does not say which it is/],
    [{ mount: { type: "ext4", isReadOnly: true } }, /^✗ file system: ext4, mounted read-only → .*remount,rw/],
    [{ mount: { type: "tmpfs", isReadOnly: false } }, /^! file system: tmpfs may forget everything/],
    [
      { free: 1e8 },
      /^✗ disk space: 100 MB of 32.0 GB free, less than 200 MB, below which old data leaves the outbox/,
    ],
    [{ free: 3e8 }, /^! disk space: 300 MB of 32.0 GB free; the limit is 200 MB/],
    [
      { limits: diskLimits({ min_free_mb: 20_000 }, 32e9) },
      /^! disk limits: storage.min_free_mb is 20000, and the disk has 32.0 GB: 200 MB count instead → leave it out/,
    ],
    [{ freeInodes: 0 }, /^✗ disk space: no more files can be created/],
    [
      { kernelErrors: ["mmc0: timeout", "mmc0: error -110 "] },
      /^✗ disk health: .* 2 disk errors, the last: mmc0: error -110 → copy/,
    ],
    [{ kernelErrors: null }, /^! disk health: .*may not be read.* → run it with sudo/],
    [
      { wear: { written: 32e9 * 200, size: 32e9, used: null } },
      /^! wear: 6.4 TB written to 32.0 GB: about 67 %/,
    ],
    [
      { wear: { written: 32e9 * 301, size: 32e9, used: null } },
      /^✗ wear: .*about 100 %.* → copy the data and replace/,
    ],
    [
      { wear: { written: null, size: 32e9, used: 0.7 } },
      /^! wear: the medium says that 70 % of its life are used/,
    ],
    [{ wear: { written: null, size: 32e9, used: 1.1 } }, /^✗ wear: .*110 %/],
    [{ wear: { written: null, size: 32e9, used: null } }, /^✓ wear: this medium does not tell its age/],
  ]),
);

const root: RootFacts = {
  root: "/n",
  exists: true,
  socketPathBytes: 20,
  owner: 5,
  me: 5,
  foreign: null,
  open: [],
  isWritable: true,
};
Deno.test(
  "owner, secrecy and socket path of the root",
  judgesAre(root, judgeRoot, [
    [{ exists: false }, /^✗ root: there is no node in \/n → make one: ivy init --root \/n/],
    [
      { foreign: undefined },
      /^! root: not all of \/n can be seen, so nobody knows whose it is → run it with sudo/,
    ],
    [
      { foreign: "/n/data/x" },
      /^✗ root: \/n\/data\/x does not belong .* → remove it, or .*sudo chown -h --reference='\/n' '\/n\/data\/x'/,
    ],
    [{ isWritable: false }, /^✗ root: its owner may not write to \/n → chmod u\+w/],
    [{ me: 6 }, /^! root: \/n belongs to another user/],
    [
      { open: ["/n/config.json"] },
      /^✗ secrets: others can read \/n\/config\.json → chmod 600 \/n\/config\.json/,
    ],
    [
      { socketPathBytes: 109 },
      /^✗ socket path: 109 bytes, and the kernel takes 108 → choose a shorter --root/,
    ],
  ]),
);

const unit = unitText({ root: "/n", user: "ivy" });
const service: ServiceFacts = { root: "/n", hasSystemd: true, unit, isEnabled: true, isInCrontab: false };
Deno.test(
  "the service",
  judgesAre(service, (facts) => [judgeService(facts)], [
    [
      { unit: unit.replace("RestartSec=5", "RestartSec=9") },
      /^✗ service: ivy\.service is not as .* → sudo ivy install --root \/n$/,
    ],
    [
      { unit: unitText({ root: "/n", user: "pi" }).replace("=5", "=9") },
      /^✗ .* → sudo ivy install --root \/n --user pi$/,
    ],
    [{ isEnabled: false }, /^✗ service: ivy\.service is there but not enabled/],
    [{ unit: unitText({ root: "/m", user: "ivy" }) }, /^! service: .* of another node, \/m/],
    [{ unit: "[Service]" }, /^! service: .*not written by ivy install/],
    [{ unit: null }, /^! service: nothing starts it .* → sudo ivy install --root \/n/],
    [{ hasSystemd: false, unit: null }, /^! service: nothing starts it .* → ivy install --cron --root \/n/],
    [{ isInCrontab: true, unit: null }, /^✓ service: cron starts it/],
  ]),
);

const step = { isDone: true, detail: "fine", tookMs: 7 };
const broken = { isDone: false, detail: "it is broken", tookMs: 7 };
const reach = { host: "h", port: 1883, dns: step, tcp: step, tls: step };
const server: ServerFacts = { name: "b", reaches: [reach], login: { isIn: true, detail: "h:1883" } };
Deno.test(
  "the way to a server: DNS, TCP, TLS and login",
  judgesAre(server, judgeServer, [
    [
      { reaches: [{ host: "h", port: 1883, dns: broken }] },
      /^✗ b: DNS: h: it is broken \(7 ms\) → .*resolv\.conf/,
    ],
    [{ reaches: [{ ...reach, tcp: broken }] }, /^✗ b: TCP: h:1883: it is broken .* → .*nc -vz h 1883/],
    [{ reaches: [{ ...reach, tls: broken }] }, /^✗ b: TLS: h:1883: it is broken .* → check tls\.ca/],
    [
      { login: { isIn: false, detail: "not authorized" } },
      /^✗ b: login: not authorized → check user, password/,
    ],
    [
      { reaches: [{ ...reach, tcp: broken }], login: { isIn: false, detail: "refused" } },
      /✗ b: login: refused → mend the way to the server first/,
    ],
    [{ login: { isIn: null, detail: "not tried" } }, /^! b: login: not tried/],
  ]),
);

const KEY = "A".repeat(43) + "=";
const settings = {
  provider: "http",
  public_keys: [KEY],
  threshold: 1,
  allow_unsigned: false,
  max_age_days: null,
} as unknown as NonNullable<UpdateFacts["settings"]>;
const updates: UpdateFacts = { settings, badKeys: [], source: { version: "1.2.3" } };
Deno.test(
  "the source of updates and its keys",
  judgesAre(updates, judgeUpdates, [
    [{ source: { error: "status 404" } }, /^✗ update source: status 404 → check updater/],
    [{ source: { unasked: "not now" } }, /^! update source: not now/],
    [
      {
        settings: { ...settings, provider: "thingsboard" },
        source: { error: "no server offers a version as a package now" },
      },
      /^✓ update source: ThingsBoard has assigned no package/,
    ],
    [
      { settings: { ...settings, max_age_days: 30 }, source: { version: "1.2.3", date: "2020-01-31" } },
      /^! update source: the newest release .* is of 2020-01-31, \d+ days ago, .*max_age_days is 30/,
    ],
    [
      { settings: { ...settings, max_age_days: null }, source: { version: "1.2.3", date: "2020-01-31" } },
      /^✓ update source: http has 1\.2\.3, rightly signed and of 2020-01-31/,
    ],
    [{ badKeys: [KEY] }, /^✗ update keys: no Ed25519 key: A+= → .*KEYFILE\.pub/],
    [{ settings: { ...settings, threshold: 2 } }, /^✗ update keys: 1 key may sign, 2 must/],
    [{ settings: { ...settings, allow_unsigned: true } }, /^! update keys: a release needs no signature/],
    [{ settings: null }, /^✓ updates: none from afar/],
  ]),
);

const agent = {
  root: "/n",
  verdict: { well: true, text: "Well: all is fine", reasons: [] },
  pid: 7,
  doubt: null,
};
Deno.test(
  "the agent",
  judgesAre(agent, (facts) => [judgeAgent(facts)], [
    [
      { verdict: { well: false, text: "Not well: walk failed", reasons: [] } },
      /^✗ agent: Not well: walk failed → .*ivy logs/,
    ],
    [{ verdict: null as never }, /^✗ agent: PID 7 runs but does not answer/],
    [
      { verdict: null as never, pid: null as never, doubt: "Permission denied" as never },
      /^! agent: it cannot be seen whether one runs: Permission denied → run it with sudo/,
    ],
    [
      { verdict: null as never, pid: null as never },
      /^! agent: it does not run → start it: ivy start --root \/n/,
    ],
  ]),
);

const config = {
  file: "/c",
  faults: [] as string[],
  warnings: [] as string[],
  other: undefined,
  launcher: "/n/ivy",
};
Deno.test(
  "the configuration",
  judgesAre(config, (facts) => [judgeConfig(facts)], [
    [
      { faults: ["a: wrong", "b: missing"] },
      /^✗ configuration: a: wrong; b: missing → mend \/c, then: ivy config validate/,
    ],
    [
      { faults: ["it is missing"], other: "0.0.9" as never },
      /^! configuration: it is for Ivy 0\.0\.9, which is active here; this is \S+ → ask .*: \/n\/ivy doctor/,
    ],
    [{ warnings: ["a: unsaid"] }, /^! configuration: a: unsaid → put it right in \/c/],
  ]),
);
