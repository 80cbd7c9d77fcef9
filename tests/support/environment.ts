// Runs in: tests.

/**
 * Environment of a program under test. Where coverage is measured, it writes profiles too; not when the test takes
 * its time, since it is then several times slower.
 */
export function environmentOf({ timed }: { timed: boolean }): Record<string, string> {
  const coverage = Deno.env.get("IVY_COVERAGE");
  return {
    NO_COLOR: "1",
    IVY_ROOT: "",
    ...(coverage && !timed ? { DENO_COVERAGE_DIR: coverage } : {}),
  };
}
