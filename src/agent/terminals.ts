// Runs in: main thread.

/** The kernel's list of everything that is a terminal, see proc(5). */
const DRIVERS = "/proc/tty/drivers";

/** Device numbers that are terminals: a major one, and minor ones from `first` to `last`. */
interface TerminalNumbers {
  major: number;
  first: number;
  last: number;
}

/**
 * Whether something is a terminal, which a serial line is too: `/dev/ttyS0`, `/dev/ttyUSB0`, `/dev/pts/3`.
 *
 * Deno cannot open with `O_NOCTTY`, so a terminal that the agent opens as a service becomes the one that controls it:
 * a byte 0x03 from the line, or an adapter that is unplugged, then ends the agent.
 *
 * @throws where the kernel does not list its terminals and it therefore cannot be told.
 */
export function isTerminal(
  { isCharDevice, rdev }: Pick<Deno.FileInfo, "isCharDevice" | "rdev">,
  list = DRIVERS,
): boolean {
  if (!isCharDevice) return false;
  const { major, minor } = deviceNumbers(rdev ?? 0);
  return parseDrivers(Deno.readTextFileSync(list)).some((driver) =>
    driver.major === major && driver.first <= minor && minor <= driver.last
  );
}

/** As makedev(3) of Linux packs them: 12 bits and 20 bits, the lowest 8 of the minor number first. */
export function deviceNumbers(rdev: number): { major: number; minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}

/** Lines such as `serial  /dev/ttyS  4 64-111 serial`; names of drivers may hold blanks, so they are read from the end. */
export function parseDrivers(text: string): TerminalNumbers[] {
  return text.split("\n").filter((line) => line.trim() !== "").map((line) => {
    const [major, minors] = line.trim().split(/\s+/).slice(-3);
    const [first, last = first] = (minors ?? "").split("-");
    return { major: Number(major), first: Number(first), last: Number(last) };
  });
}
