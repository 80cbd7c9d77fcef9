// Runs in: tests.

/** Linux's number of each address family that a unit may name. */
const FAMILIES: Record<string, number> = { AF_UNIX: 1, AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16 };
const ARCHITECTURES: Record<string, number> = { x86_64: 0xc000003e, aarch64: 0xc00000b7 };
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;
/** Every flag of clone(2) that makes a namespace. */
const NEW_NAMESPACES = 0x7e020000;

const LOAD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_ANY_BIT = 0x45;
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
const REFUSE = 0x00050000;

type Instruction = [code: number, jumpIfTrue: number, jumpIfFalse: number, value: number];

/** Looks at the flags, the first argument of clone(2) and unshare(2). */
const NO_NAMESPACES: Instruction[] = [
  [LOAD, 0, 0, 16],
  [JUMP_IF_ANY_BIT, 0, 1, NEW_NAMESPACES],
  [RETURN, 0, 0, REFUSE | EPERM],
  [RETURN, 0, 0, ALLOW],
];

/**
 * What systemd makes of a unit's `SystemCallFilter=`, `RestrictAddressFamilies=` and `RestrictNamespaces=`, as the
 * kernel takes it (an array of `struct sock_filter`, see seccomp(2)).
 */
export async function filterOf(unit: string): Promise<Uint8Array<ArrayBuffer>> {
  const allowed = await allowedCalls(unit);
  const numbers = await numbersOf(["socket", "clone", "unshare", "clone3", ...allowed]);
  const families = /^RestrictAddressFamilies=(.*)$/m.exec(unit)![1]!.split(" ").map((name) =>
    FAMILIES[name]!
  );
  const call = (name: string, rules: Instruction[]): Instruction[] => [
    [JUMP_IF_EQUAL, 0, rules.length, numbers.get(name)!],
    ...rules,
  ];
  const equals = (value: number): Instruction[] => [[JUMP_IF_EQUAL, 0, 1, value], [RETURN, 0, 0, ALLOW]];
  return assemble([
    [LOAD, 0, 0, 4],
    [JUMP_IF_EQUAL, 1, 0, ARCHITECTURES[Deno.build.arch]!],
    [RETURN, 0, 0, REFUSE | EPERM],
    [LOAD, 0, 0, 0],
    ...call("socket", [[LOAD, 0, 0, 16], ...families.flatMap(equals), [RETURN, 0, 0, REFUSE | EAFNOSUPPORT]]),
    ...call("clone3", [[RETURN, 0, 0, REFUSE | ENOSYS]]), // its flags lie in memory, where no filter sees them
    ...["clone", "unshare"].flatMap((name) => call(name, NO_NAMESPACES)),
    ...allowed.filter((name) => numbers.has(name)).flatMap((name) => equals(numbers.get(name)!)),
    [RETURN, 0, 0, REFUSE | EPERM],
  ]);
}

/** The names that the unit's lines allow: an allow list, then what is taken out of it. */
async function allowedCalls(unit: string): Promise<string[]> {
  const sets = await callSets();
  const expand = (name: string): string[] => name.startsWith("@") ? sets.get(name)!.flatMap(expand) : [name];
  const names = new Set<string>();
  for (const [, minus, words] of unit.matchAll(/^SystemCallFilter=(~?)(.*)$/gm)) {
    for (const name of words!.split(" ").flatMap(expand)) {
      minus === "~" ? names.delete(name) : names.add(name);
    }
  }
  return [...names];
}

/** The sets of calls that this machine's systemd knows. */
async function callSets(): Promise<Map<string, string[]>> {
  const text = await outputOf("systemd-analyze", ["syscall-filter", "--no-pager"]);
  const blocks = text.split(/\n(?=@)/).map((block) => block.split("\n").map((line) => line.trim()));
  return new Map(blocks.map(([name, ...lines]) => [name!, lines.filter((line) => /^@?\w/.test(line))]));
}

/** The numbers that this machine's kernel has for calls; what it does not have is left out. */
async function numbersOf(names: string[]): Promise<Map<string, number>> {
  const script = 'for name; do echo "$name $(scmp_sys_resolver "$name")"; done';
  const lines = (await outputOf("sh", ["-c", script, "sh", ...names])).trim().split("\n");
  const pairs = lines.map((line) => line.split(" ")).map(([name, number]) =>
    [name!, Number(number)] as const
  );
  return new Map(pairs.filter(([, number]) => number >= 0));
}

function assemble(instructions: Instruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 * instructions.length);
  const view = new DataView(bytes.buffer);
  instructions.forEach(([code, jumpIfTrue, jumpIfFalse, value], index) => {
    view.setUint16(8 * index, code, true);
    view.setUint8(8 * index + 2, jumpIfTrue);
    view.setUint8(8 * index + 3, jumpIfFalse);
    view.setUint32(8 * index + 4, value, true);
  });
  return bytes;
}

async function outputOf(program: string, args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(program, { args, env: { LC_ALL: "C" }, stderr: "null" }).output();
  return new TextDecoder().decode(stdout);
}
