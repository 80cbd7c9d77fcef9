// Runs in: main thread.
import { MAX_SOCKET_PATH_BYTES } from "../layout.ts";
import { exists, journalsAreInData, type Paths } from "../paths.ts";
import { fault, type Finding, fine, type Surroundings, warn, WITH_SUDO } from "./finding.ts";

export interface RootFacts {
  root: string;
  exists: boolean;
  socketPathBytes: number;
  /** Whose the root is. */
  owner: number | null;
  /** Who looks. */
  me: number | null;
  /** A file below the root that belongs to somebody else; null when there is none, undefined when it cannot be seen. */
  foreign: string | null | undefined;
  /** Files with secrets that others may read. */
  open: string[];
  /** Whether the owner may write to the folders that the agent writes to. */
  isWritable: boolean;
}

export async function rootFacts({ ask }: Surroundings, paths: Paths): Promise<RootFacts> {
  const { root, socket, data, control } = paths;
  const isThere = exists(root);
  const owner = isThere ? Deno.statSync(root).uid : null;
  const foreign = isThere && owner !== null
    ? await ask(["find", root, "!", "-uid", String(owner), "-print", "-quit"])
    : "";
  return {
    root,
    exists: isThere && exists(data),
    socketPathBytes: new TextEncoder().encode(socket).length,
    owner,
    me: Deno.uid(),
    foreign: foreign === undefined ? undefined : foreign.trim() || null,
    open: [
      ...(journalsAreInData(root) ? [] : [control]),
      paths.configFile,
      paths.lastGoodConfigFile,
      paths.previousConfigFile,
      socket,
    ].filter(isOpen),
    isWritable: [root, data].every((folder) =>
      exists(folder) && ((Deno.statSync(folder).mode ?? 0) & 0o200) !== 0
    ),
  };
}

export function judgeRoot(facts: RootFacts): Finding[] {
  const { root, socketPathBytes } = facts;
  const length = socketPathBytes > MAX_SOCKET_PATH_BYTES
    ? fault(
      "socket path",
      `${socketPathBytes} bytes, and the kernel takes ${MAX_SOCKET_PATH_BYTES}`,
      "choose a shorter --root",
    )
    : fine("socket path", `${socketPathBytes} of ${MAX_SOCKET_PATH_BYTES} bytes`);
  if (!facts.exists) {
    return [fault("root", `there is no node in ${root}`, `make one: ivy init --root ${root}`), length];
  }
  return [judgeOwner(facts), judgeSecrecy(facts.open), length];
}

function judgeOwner({ root, owner, me, foreign, isWritable }: RootFacts): Finding {
  if (foreign === undefined) {
    return warn("root", `not all of ${root} can be seen, so nobody knows whose it is`, WITH_SUDO);
  }
  if (foreign !== null) {
    const own = `remove it, or if it belongs there: sudo chown -h --reference='${root}' '${foreign}'`;
    return fault("root", `${foreign} does not belong to whom ${root} belongs to`, own);
  }
  if (!isWritable) {
    return fault("root", `its owner may not write to ${root}`, `chmod u+w ${root} ${root}/data`);
  }
  if (me === owner || me === 0) return fine("root", `${root} belongs to one user, who may write to it`);
  return warn("root", `${root} belongs to another user, so not everything can be seen`, WITH_SUDO);
}

function judgeSecrecy(open: string[]): Finding {
  if (open.length === 0) return fine("secrets", "only the owner can read the configuration");
  return fault("secrets", `others can read ${open.join(", ")}`, `chmod 600 ${open.join(" ")}`);
}

function isOpen(path: string): boolean {
  try {
    return ((Deno.lstatSync(path).mode ?? 0) & 0o077) !== 0;
  } catch (error) {
    const { NotFound, NotADirectory, PermissionDenied } = Deno.errors; // not there, or others cannot see it at all
    if ([NotFound, NotADirectory, PermissionDenied].some((kind) => error instanceof kind)) return false;
    throw error;
  }
}
