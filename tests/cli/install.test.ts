// Runs in: tests.
import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { CommandError } from "../../src/agent/errors.ts";
import { exists } from "../../src/agent/paths.ts";
import install from "../../src/cli/install.ts";
import { fakeContext, FakeOutput } from "../support/fake_output.ts";
import { Scratch } from "../support/scratch.ts";

const CASES: [user: string | undefined, reason: RegExp][] = [
  [undefined, /Ivy runs from source: compile it/],
  ["ivy-of-a-test", /ivy-of-a-test may not enter .*, so it could not work in/],
  ["Ivy of a test", /expected small letters, digits/],
];

for (const [user, reason] of CASES) {
  Deno.test(`ivy install --cron --dry-run for ${user ?? "oneself"} says what is in the way, and does nothing`, async () => {
    await using scratch = new Scratch("ivy-install-");
    const root = join(scratch.path, "node");
    const out = new FakeOutput();
    const flags = { "cron": true, "dry-run": true, "user": user };
    const context = fakeContext(out, { root, flags, environment: { PATH: "/usr/bin:/bin" } });
    const { message } = await assertRejects(() => install(context), CommandError);
    assertEquals([reason.test(message), out.lines], [true, []], message);
    assertEquals(exists(root), false);
  });
}
