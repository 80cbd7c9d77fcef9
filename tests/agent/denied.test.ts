// Runs in: tests.
import { assertEquals } from "@std/assert";
import { explainDenied } from "../../src/agent/denied.ts";
import { type ErrorReport, reportError } from "../../src/shared/errors.ts";

const LINE = { name: "pump", file: "procedures/registry.ts" };
const ADVICE = 'if it needs that, grant it in the line "pump" of procedures/registry.ts';

const denied = (message: string, name = "NotCapable"): ErrorReport => ({ name, message, stack: "" });

const CASES: { error: ErrorReport; sentence: string }[] = [
  {
    error: denied('Requires read access to "/etc/passwd", run again with the --allow-read flag'),
    sentence: `was denied the permission "read" for "/etc/passwd"; ${ADVICE}`,
  },
  {
    error: denied(
      'Requires net access to "example.org:443", specify the required permissions during compilation',
    ),
    sentence: `was denied the permission "net" for "example.org:443"; ${ADVICE}`,
  },
  {
    error: denied("Requires write access to <TMP>, run again with the --allow-write flag"),
    sentence: `was denied the permission "write" for <TMP>; ${ADVICE}`,
  },
  {
    error: denied("Requires env access, run again with the --allow-env flag"),
    sentence: `was denied the permission "env"; ${ADVICE}`,
  },
  {
    error: { ...denied("cannot set up", "Error"), cause: denied('Requires ffi access to "libc.so"') },
    sentence: `was denied the permission "ffi" for "libc.so"; ${ADVICE}`,
  },
  {
    error: denied('NotCapable: Requires sys access to "hostname"', "Error"),
    sentence: `was denied the permission "sys" for "hostname"; ${ADVICE}`,
  },
  {
    error: denied("Requires read access to the manual", "Error"),
    sentence: "Requires read access to the manual",
  },
  { error: reportError(new Error("broken", { cause: "cable" })), sentence: "broken, because cable" },
];

for (const { error, sentence } of CASES) {
  Deno.test(`an error of a worker is told so: ${sentence}`, () =>
    assertEquals(explainDenied(error, LINE), sentence));
}
