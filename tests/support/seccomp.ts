// Runs in: tests.
import {
  ALLOW,
  assemble,
  CALL_NUMBERS,
  FAIL_WITH,
  IF_EQUAL,
  type Instruction,
  LOAD,
  RETURN,
} from "../../src/shared/seccomp_filter.ts";

/** Linux's number of each address family that a unit may name. */
const FAMILIES: Record<string, number> = { AF_UNIX: 1, AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16 };
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;
/** Every flag of clone(2) that makes a namespace. */
const NEW_NAMESPACES = 0x7e020000;

const JUMP_IF_ANY_BIT = 0x45;

/** Looks at the flags, the first argument of clone(2) and unshare(2). */
const NO_NAMESPACES: Instruction[] = [
  [LOAD, 0, 0, 16],
  [JUMP_IF_ANY_BIT, 0, 1, NEW_NAMESPACES],
  [RETURN, 0, 0, FAIL_WITH | EPERM],
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
    [IF_EQUAL, 0, rules.length, numbers.get(name)!],
    ...rules,
  ];
  const equals = (value: number): Instruction[] => [[IF_EQUAL, 0, 1, value], [RETURN, 0, 0, ALLOW]];
  return assemble([
    [LOAD, 0, 0, 4],
    [IF_EQUAL, 1, 0, CALL_NUMBERS[Deno.build.arch].audit],
    [RETURN, 0, 0, FAIL_WITH | EPERM],
    [LOAD, 0, 0, 0],
    ...call("socket", [[LOAD, 0, 0, 16], ...families.flatMap(equals), [
      RETURN,
      0,
      0,
      FAIL_WITH | EAFNOSUPPORT,
    ]]),
    ...call("clone3", [[RETURN, 0, 0, FAIL_WITH | ENOSYS]]), // its flags lie in memory, where no filter sees them
    ...["clone", "unshare"].flatMap((name) => call(name, NO_NAMESPACES)),
    ...allowed.filter((name) => numbers.has(name)).flatMap((name) => equals(numbers.get(name)!)),
    [RETURN, 0, 0, FAIL_WITH | EPERM],
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

async function outputOf(program: string, args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(program, { args, env: { LC_ALL: "C" }, stderr: "null" }).output();
  return new TextDecoder().decode(stdout);
}
