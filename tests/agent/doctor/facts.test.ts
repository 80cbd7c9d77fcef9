// Runs in: tests.
import { assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { join } from "@std/path";
import { clockFacts } from "../../../src/agent/doctor/clock.ts";
import { diskFacts } from "../../../src/agent/doctor/disk.ts";
import type { Surroundings } from "../../../src/agent/doctor/finding.ts";
import { machineFacts } from "../../../src/agent/doctor/machine.ts";
import { mountOf } from "../../../src/agent/doctor/mount.ts";
import { rootFacts } from "../../../src/agent/doctor/root.ts";
import { serviceFacts } from "../../../src/agent/doctor/service.ts";
import { askedByRoot, realSurroundings } from "../../../src/agent/doctor/surroundings.ts";
import { findBadKeys } from "../../../src/agent/doctor/updates.ts";
import { pathsOf } from "../../../src/agent/paths.ts";
import { thisMachine } from "../../../src/agent/service/machine.ts";
import type { UpdaterSettings } from "../../../src/shared/config.ts";
import { createKeys } from "../../../src/shared/signatures.ts";

/** A machine of which these files and these answers of programs are known. */
function fakeSurroundings(
  files: Record<string, string>,
  answers: Record<string, string> = {},
): Surroundings {
  return {
    read: (path) => files[path],
    ask: (command) => {
      const line = command.join(" ");
      return Promise.resolve(Object.entries(answers).find(([start]) => line.startsWith(start))?.[1]);
    },
  };
}

const MOUNTS = `22 1 179:2 / / rw,noatime shared:1 - ext4 /dev/root rw
30 22 0:25 / /tmp rw - tmpfs tmpfs rw
31 22 8:1 / /media/usb\\040stick ro,nosuid - vfat /dev/sda1 ro
`;

Deno.test("a folder's mount is the innermost that it lies in", () => {
  assertEquals(mountOf("/home/pi/node", MOUNTS), {
    point: "/",
    type: "ext4",
    isReadOnly: false,
    device: "179:2",
  });
  assertObjectMatch(mountOf("/media/usb stick/node", MOUNTS)!, { type: "vfat", isReadOnly: true });
  assertObjectMatch(mountOf("/tmp", MOUNTS)!, { type: "tmpfs" });
  assertObjectMatch(mountOf("/tmpfoo", MOUNTS)!, { type: "ext4" });
  assertEquals(mountOf("/", ""), undefined);
});

Deno.test("the clock: timedatectl, else chrony, else nobody can say", async () => {
  const asked = async (answers: Record<string, string>) =>
    (await clockFacts(fakeSurroundings({}, answers), 0)).isSynchronized;
  assertEquals(await asked({ timedatectl: "yes\n", chronyc: "Leap status     : Not synchronised" }), true);
  assertEquals(await asked({ timedatectl: "no\n" }), false);
  assertEquals(await asked({ chronyc: "Leap status     : Normal\n" }), true);
  assertEquals(await asked({ chronyc: "Leap status     : Not synchronised\n" }), false);
  assertEquals(await asked({}), null);
  const zone = { "readlink /etc/localtime": "/usr/share/zoneinfo/Europe/Berlin\n" };
  assertEquals((await clockFacts(fakeSurroundings({}, zone), 0)).timeZone, "Europe/Berlin");
  assertEquals(
    (await clockFacts(fakeSurroundings({ "/etc/timezone": "Asia/Tokyo\n" }), 0)).timeZone,
    "Asia/Tokyo",
  );
  assertEquals((await clockFacts(fakeSurroundings({}), 0)).timeZone, "UTC");
});

Deno.test("a Raspberry Pi tells its temperature and its power", async () => {
  const answers = {
    "vcgencmd get_throttled": "throttled=0x50005\n",
    "vcgencmd measure_temp": "temp=61.8'C\n",
    "getconf PAGESIZE": "16384\n",
  };
  const pi = await machineFacts(fakeSurroundings({}, answers));
  assertObjectMatch(pi, { throttled: 0x50005, temperature: 61.8, pageSize: 16_384 });
  const other = await machineFacts(fakeSurroundings({ "/sys/class/thermal/thermal_zone0/temp": "42100\n" }));
  assertObjectMatch(other, { throttled: null, temperature: 42.1, pageSize: null });
  assertEquals(other.memory.total > other.memory.available, true);
});

Deno.test("the size of pages: what getconf says, else what the kernel shows, else nobody knows", async () => {
  const smaps = "00400000-00452000 r-xp\nSize:    328 kB\nKernelPageSize:       16 kB\nMMUPageSize: 16 kB\n";
  const sizeOf = async (files: Record<string, string>, answers: Record<string, string> = {}) =>
    (await machineFacts(fakeSurroundings(files, answers))).pageSize;
  assertEquals(await sizeOf({ "/proc/self/smaps": smaps }), 16_384);
  assertEquals(await sizeOf({ "/proc/self/smaps": smaps }, { "getconf PAGESIZE": "4096\n" }), 4096);
  assertEquals(
    await sizeOf({ "/proc/self/smaps": smaps }, { "getconf PAGESIZE": "usage: getconf\n" }),
    16_384,
  );
  assertEquals(await sizeOf({}), null);
  assertEquals((await machineFacts(realSurroundings(thisMachine({})))).pageSize! % 4096, 0);
});

Deno.test("a Raspberry Pi that does not tell its power is one all the same", async () => {
  const pi = await machineFacts(
    fakeSurroundings({ "/proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0" }),
  );
  assertObjectMatch(pi, { isRaspberryPi: true, throttled: null });
});

const SD = {
  "/proc/self/mountinfo": MOUNTS,
  "/sys/devices/mmcblk0/mmcblk0p2/partition": "2\n",
  "/sys/devices/mmcblk0/size": "62333952\n",
  "/sys/fs/ext4/mmcblk0p2/lifetime_write_kbytes": "1048576\n",
};
const LINK = { "readlink -f /sys/dev/block/179:2": "/sys/devices/mmcblk0/mmcblk0p2\n" };

Deno.test("the age of a medium: what was written to it, or what it says of itself", async () => {
  const place = { folder: "/", storage: {} };
  const card = await diskFacts(fakeSurroundings(SD, LINK), place);
  assertEquals(card.wear, { written: 1_073_741_824, size: 31_914_983_424, used: null });
  const emmc = { ...SD, "/sys/devices/mmcblk0/device/life_time": "0x03 0x01\n" };
  assertEquals((await diskFacts(fakeSurroundings(emmc, LINK), place)).wear?.used, 0.3);
  const virtual = { "readlink -f": "/sys/devices/virtual/block/loop0\n" };
  assertEquals((await diskFacts(fakeSurroundings(SD, virtual), place)).wear, null);
  assertEquals((await diskFacts(fakeSurroundings({}), place)).wear, null);
});

Deno.test("the kernel's log: errors of disks only, from dmesg or the journal", async () => {
  const place = { folder: "/", storage: {} };
  const log =
    "usb 1-1: device descriptor read error\nmmc0: card error -110\nEXT4-fs error (device mmcblk0p2)\n";
  const errors = ["mmc0: card error -110", "EXT4-fs error (device mmcblk0p2)"];
  assertEquals((await diskFacts(fakeSurroundings({}, { dmesg: log }), place)).kernelErrors, errors);
  assertEquals((await diskFacts(fakeSurroundings({}, { journalctl: log }), place)).kernelErrors, errors);
  const facts = await diskFacts(fakeSurroundings({}), place);
  assertEquals(facts.kernelErrors, null);
  assertEquals(facts.size > facts.free && facts.free > 0, true);
});

Deno.test("the root: what others can read, and what belongs to others", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "ivy-doctor-" });
  const paths = pathsOf(folder);
  const surroundings = realSurroundings(thisMachine({}));
  assertObjectMatch(await rootFacts(surroundings, pathsOf(join(folder, "none"))), {
    exists: false,
    owner: null,
  });
  Deno.mkdirSync(paths.data);
  Deno.mkdirSync(join(paths.versionFolder, "config"), { recursive: true });
  Deno.writeTextFileSync(paths.configFile, "{}", { mode: 0o644 });
  assertObjectMatch(await rootFacts(surroundings, paths), {
    exists: true,
    isWritable: true,
    foreign: null,
    open: [paths.configFile],
  });
  Deno.chmodSync(paths.configFile, 0o600);
  assertEquals((await rootFacts(surroundings, paths)).open, []);
  const found = fakeSurroundings({}, { find: `${folder}/data/theirs\n` });
  assertEquals((await rootFacts(found, paths)).foreign, `${folder}/data/theirs`);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("the service: unit, whether it is enabled, and a crontab", async () => {
  const place = { unitFolder: "/units", hasSystemd: true };
  const files = { "/units/ivy.service": "a unit" };
  assertObjectMatch(await serviceFacts(fakeSurroundings(files, { systemctl: "enabled" }), place, "/n"), {
    unit: "a unit",
    isEnabled: true,
    isInCrontab: false,
  });
  const crontab = (text: string) => serviceFacts(fakeSurroundings({}, { "crontab -l": text }), place, "/n");
  assertObjectMatch(await crontab("@reboot '/n/ivy' start\n"), { unit: null, isInCrontab: true });
  assertObjectMatch(await crontab("# @reboot '/n/ivy' start\n"), { isInCrontab: false });
});

Deno.test("keys of which no signature can be right are found", async () => {
  const { publicKey } = await createKeys();
  const settings = { public_keys: [publicKey, "c2hvcnQ=", "no base64!"] } as UpdaterSettings;
  assertEquals(await findBadKeys(settings), ["c2hvcnQ=", "no base64!"]);
});

Deno.test("the real surroundings: what is missing or fails is unknown", async () => {
  const { read, ask } = realSurroundings(thisMachine({}));
  assertMatch(read("/proc/self/mountinfo")!, / - /);
  assertEquals(read("/no/such/file"), undefined);
  assertEquals(await ask(["echo", "yes"]), "yes\n");
  assertEquals(await ask(["false"]), undefined);
  assertEquals(await ask(["no-such-program-anywhere"]), undefined);
});

Deno.test("what only root is told is asked before root's rights are given up, and answered after", async () => {
  let isRoot = true;
  const machine = fakeSurroundings({ "/etc/hostname": "roof" });
  const asking: Surroundings = {
    ...machine,
    ask: (question) => Promise.resolve(isRoot ? `root: ${question.join(" ")}` : undefined),
  };
  const more = ["systemctl", "is-enabled", "ivy"] as const;
  const later = await askedByRoot(asking, [more]);
  isRoot = false;
  assertEquals(await later.ask(more), "root: systemctl is-enabled ivy");
  assertEquals(await later.ask(["uptime"]), undefined);
  assertEquals(later.read("/etc/hostname"), "roof");
});
