// Runs in: main thread.

/** Tells the service manager (systemd) about this process; protocol: sd_notify(3). */
export interface Notifier {
  /** How long the manager waits for a sign of life before it ends the process, in milliseconds; undefined = for ever. */
  readonly watchdogMs: number | undefined;
  /** Sends assignments such as `READY=1`; what cannot be sent at once is not sent. @returns whether it was. */
  send(...assignments: string[]): boolean;
}

/** The variables by which the manager says where and how often it wants to hear. */
const VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] as const;

/** Numbers of Linux, the same on x64 and arm64. */
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0o2000002;
const MSG_DONTWAIT_NOSIGNAL = 0x4040;
const LONGEST_PATH_BYTES = 107;

/**
 * Connects to the manager that has started this process, and removes its variables from the environment, so that no
 * worker and no program that is started later speaks in the agent's name.
 *
 * @param environment As it was when the process started.
 * @returns undefined when no manager wants to hear.
 * @throws when the address is none, or the system's library cannot be called.
 */
export function connectNotifier(environment: Record<string, string>, pid = Deno.pid): Notifier | undefined {
  for (const name of VARIABLES) Deno.env.delete(name);
  const { NOTIFY_SOCKET: path = "", WATCHDOG_USEC: usec, WATCHDOG_PID: watchedPid } = environment;
  if (path === "") return undefined;
  const isWatched = Number(usec) > 0 && (watchedPid === undefined || Number(watchedPid) === pid);
  const sendTo = openSocket(socketAddress(path));
  return {
    watchdogMs: isWatched ? Number(usec) / 1000 : undefined,
    send: (...assignments) => sendTo(new TextEncoder().encode(`${assignments.join("\n")}\n`)),
  };
}

/**
 * A `struct sockaddr_un`: a path, or a name in the abstract namespace, which is written with `@` and starts with NUL.
 *
 * @throws when it is neither.
 */
export function socketAddress(path: string): Uint8Array<ArrayBuffer> {
  const isAbstract = path.startsWith("@");
  const name = new TextEncoder().encode(isAbstract ? `\0${path.slice(1)}` : path);
  if (!isAbstract && !path.startsWith("/") || name.length > LONGEST_PATH_BYTES) {
    throw new Error(
      `$NOTIFY_SOCKET is ${path}: expected a path or @name of at most ${LONGEST_PATH_BYTES} bytes`,
    );
  }
  const end = isAbstract ? 0 : 1; // a path ends with NUL, an abstract name with the address
  const address = new Uint8Array(2 + name.length + end);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, 2);
  return address;
}

/** Deno's own datagrams reach no abstract name before 2.9 and leave a file behind, hence the system's library. */
function openSocket(address: Uint8Array<ArrayBuffer>): (bytes: Uint8Array<ArrayBuffer>) => boolean {
  const { symbols } = Deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  });
  const socket = symbols.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (socket < 0) throw new Error("no socket for $NOTIFY_SOCKET can be opened");
  return (bytes) => {
    const { length } = bytes;
    const sent = symbols.sendto(
      socket,
      bytes,
      BigInt(length),
      MSG_DONTWAIT_NOSIGNAL,
      address,
      address.length,
    );
    return Number(sent) === length;
  };
}
