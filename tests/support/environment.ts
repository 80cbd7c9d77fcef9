// Runs in: tests.

/**
 * Environment of a program under test.
 *
 * @param covered Whether it writes profiles where coverage is measured; it is several times slower then.
 */
export function environmentOf({ covered }: { covered: boolean }): Record<string, string> {
  const coverage = Deno.env.get("IVY_COVERAGE");
  return {
    NO_COLOR: "1",
    IVY_ROOT: "",
    ...(coverage && covered ? { DENO_COVERAGE_DIR: coverage } : {}),
  };
}
