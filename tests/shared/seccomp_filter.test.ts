// Runs in: tests.
import { assertEquals } from "@std/assert";
import { ALLOW, CALL_NUMBERS, FAIL_WITH, fileFilter } from "../../src/shared/seccomp_filter.ts";
import { needs } from "../support/needs.ts";

const PATH = 0x7f12_3456_789an;
const DENIED = FAIL_WITH | 13; // EACCES
const UNKNOWN = FAIL_WITH | 38; // ENOSYS

interface Call {
  audit: number;
  number: number;
  /** Its second argument. */
  path?: bigint;
}

/** What the kernel would answer: runs the filter as linux/filter.h describes its instructions. */
function answerOf(filter: Uint8Array<ArrayBuffer>, { audit, number, path = 0n }: Call): number {
  const seen = new DataView(new ArrayBuffer(64)); // struct seccomp_data
  seen.setUint32(0, number, true);
  seen.setUint32(4, audit, true);
  seen.setBigUint64(24, path, true);
  const program = new DataView(filter.buffer);
  let accumulator = 0;
  for (let at = 0; at < filter.length; at += 8) {
    const [code, value] = [program.getUint16(at, true), program.getUint32(at + 4, true)];
    const jump = (holds: boolean) => 8 * program.getUint8(at + (holds ? 2 : 3));
    if (code === 0x20) accumulator = seen.getUint32(value, true);
    else if (code === 0x15) at += jump(accumulator === value);
    else if (code === 0x35) at += jump(accumulator >= value);
    else if (code === 0x06) return value;
    else throw new Error(`unknown instruction ${code}`);
  }
  throw new Error("the filter ends without an answer");
}

/** By the names in the kernel's tables. */
const NUMBERS = {
  x86_64: {
    open: 2,
    creat: 85,
    openat: 257,
    open_by_handle_at: 304,
    umask: 95,
    read: 0,
    clone: 56,
    statx: 332,
    kill: 62,
    tkill: 200,
    tgkill: 234,
    rt_sigqueueinfo: 129,
    rt_tgsigqueueinfo: 297,
    pidfd_send_signal: 424,
  },
  aarch64: {
    openat: 56,
    open_by_handle_at: 265,
    umask: 166,
    read: 63,
    clone: 220,
    statx: 291,
    kill: 129,
    tkill: 130,
    tgkill: 131,
    rt_sigqueueinfo: 138,
    rt_tgsigqueueinfo: 240,
    pidfd_send_signal: 424,
  },
} as const;
const ANSWERS: Record<string, number> = {
  open: DENIED,
  creat: DENIED,
  openat: DENIED,
  open_by_handle_at: DENIED,
  umask: FAIL_WITH, // it does nothing and says so to nobody
  ...Object.fromEntries(
    ["kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal"]
      .map((name) => [name, FAIL_WITH | 1]), // EPERM
  ),
};

for (const processor of ["x86_64", "aarch64"] as const) {
  const { audit } = CALL_NUMBERS[processor];

  Deno.test(`on ${processor} the filter keeps a thread from opening files, and from nothing else`, () => {
    const filter = fileFilter(processor)!;
    for (const [name, number] of Object.entries(NUMBERS[processor])) {
      assertEquals(answerOf(filter, { audit, number, path: PATH }), ANSWERS[name] ?? ALLOW, name);
    }
    for (const number of [425, 437]) assertEquals(answerOf(filter, { audit, number }), UNKNOWN, `${number}`);
    assertEquals(answerOf(filter, { audit, number: 0x4000_0101 }), UNKNOWN, "x32 has calls of its own");
    assertEquals(answerOf(filter, { audit: 0x4000_0003, number: 5 }), UNKNOWN, "so has a 32-bit program");
  });

  Deno.test(`on ${processor} the filter lets paths pass that lie where they may`, () => {
    const filter = fileFilter(processor, [1n, PATH, 2n])!;
    const number = CALL_NUMBERS[processor].openat;
    const cases: [bigint, number][] = [
      [PATH, ALLOW],
      [2n, ALLOW],
      [PATH + 1n, DENIED],
      [PATH + (1n << 32n), DENIED],
      [PATH & 0xffff_ffffn, DENIED],
    ];
    for (const [path, answer] of cases) {
      assertEquals(answerOf(filter, { audit, number, path }), answer, path.toString(16));
    }
  });

  Deno.test({
    name: `on ${processor} libseccomp knows the calls under the same numbers`,
    ignore: needs("scmp_sys_resolver") !== undefined,
    fn() {
      for (
        const [name, number] of Object.entries({ ...NUMBERS[processor], io_uring_setup: 425, openat2: 437 })
      ) {
        const command = new Deno.Command("scmp_sys_resolver", { args: ["-a", processor, name] });
        assertEquals(Number(new TextDecoder().decode(command.outputSync().stdout)), number, name);
      }
    },
  });
}

Deno.test("there is no filter for a processor whose numbers nobody has looked up", () => {
  assertEquals(fileFilter("riscv64"), undefined);
});
