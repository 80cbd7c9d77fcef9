// Runs in: tests.
import { assertEquals, assertThrows } from "@std/assert";
import { deviceNumbers, isTerminal, parseDrivers } from "../../src/agent/terminals.ts";

/** As a Raspberry Pi lists them. */
const DRIVERS = `/dev/tty             /dev/tty        5       0 system:/dev/tty
/dev/console         /dev/console    5       1 system:console
/dev/ptmx            /dev/ptmx       5       2 system
ttyAMA               /dev/ttyAMA   204 64-77 serial
usbserial            /dev/ttyUSB   188 0-511 serial
a name with blanks   /dev/ttyACM   166 0-255 serial
pty_slave            /dev/pts      136 0-1048575 pty:slave
`;

Deno.test("the kernel's list of terminals, with ranges and single numbers", () => {
  assertEquals(parseDrivers(DRIVERS).slice(2), [
    { major: 5, first: 2, last: 2 },
    { major: 204, first: 64, last: 77 },
    { major: 188, first: 0, last: 511 },
    { major: 166, first: 0, last: 255 },
    { major: 136, first: 0, last: 1_048_575 },
  ]);
});

Deno.test("device numbers are unpacked as makedev(3) packs them", () => {
  assertEquals(deviceNumbers(0x0103), { major: 1, minor: 3 });
  assertEquals(deviceNumbers(0x8800 | 7), { major: 136, minor: 7 });
  assertEquals(deviceNumbers((0x12345 & 0xff) | (0xabc << 8) | ((0x12345 & ~0xff) << 12)), {
    major: 0xabc,
    minor: 0x12345,
  });
});

Deno.test("what is no character device is no terminal, /dev/null is none, /dev/ptmx is one", () => {
  assertEquals(isTerminal(Deno.statSync("/proc/uptime")), false);
  assertEquals(isTerminal(Deno.statSync("/dev/null")), false);
  assertEquals(isTerminal(Deno.statSync("/dev/ptmx")), true);
});

Deno.test("where the kernel's list cannot be read, nobody can say that a device is no terminal", () => {
  assertThrows(() => isTerminal(Deno.statSync("/dev/null"), "/proc/no/such/list"), Deno.errors.NotFound);
  assertEquals(isTerminal(Deno.statSync("/proc/uptime"), "/proc/no/such/list"), false);
});
