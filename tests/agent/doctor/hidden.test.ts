// Runs in: tests.
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { hideSecrets } from "../../../src/agent/doctor/hidden.ts";
import { pathsOf } from "../../../src/agent/paths.ts";

const NO_SCHEMAS = { procedures: {}, backends: {} };

/** A root of which these configurations lie around, by version and name. */
function rootWith(files: Record<string, unknown>): string {
  const root = Deno.makeTempDirSync({ prefix: "ivy-hidden-" });
  for (const [path, value] of Object.entries(files)) {
    Deno.mkdirSync(join(root, path, ".."), { recursive: true });
    Deno.writeTextFileSync(join(root, path), typeof value === "string" ? value : JSON.stringify(value));
  }
  return root;
}

Deno.test("secrets are known by their names, also where nobody describes them any more", () => {
  const folder = Deno.makeTempDirSync({ prefix: "ivy-hidden-" });
  const keyFile = join(folder, "key.pem");
  Deno.writeTextFileSync(keyFile, "-----BEGIN KEY-----\nfirst-of-the-key\nsecond-of-the-key\n");
  const root = rootWith({
    "0.0.1/config/config.json": {
      backends: [
        { provider: "gone", password: "literal", nested: [{ access_token: { env: "IVY_GONE" } }] },
        { provider: "gone", private_key: { file: keyFile }, url: "https://me:p%40ss-word@example.org/x" },
      ],
      anything: { env: "IVY_NAMED" },
    },
    "0.0.2/config/config.candidate.json": { secret: { deep: ["inside"] } },
    "0.0.2/config/config.json": "{ damaged",
    "control/backends/b.json": { id: 1, credentials: ["given-out"] },
  });
  const environment = { IVY_GONE: "from-outside", IVY_NAMED: "named-outside", HOME: "/home/me" };
  const redact = hideSecrets({ paths: pathsOf(root), environment, schemas: NO_SCHEMAS });
  const secrets = [
    "literal",
    "from-outside",
    "named-outside",
    "first-of-the-key",
    "second-of-the-key",
    "inside",
  ];
  secrets.push("p@ss-word", "p%40ss-word", "given-out");
  for (const secret of secrets) assertEquals(redact(`a ${secret} b`), "a ••• b", secret);
  assertEquals(
    redact("GET http://user:anything@host/path of /home/me"),
    "GET http://•••@host/path of /home/me",
  );
  assertEquals(redact("at 12:30 mail to me@example.org"), "at 12:30 mail to me@example.org");
  for (const path of [root, folder]) Deno.removeSync(path, { recursive: true });
});

Deno.test("where there is no node there is nothing to hide", () => {
  const redact = hideSecrets({ paths: pathsOf("/no/such/root"), environment: {}, schemas: NO_SCHEMAS });
  assertEquals(redact("a text"), "a text");
});
