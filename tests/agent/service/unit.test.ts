// Runs in: tests.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { canBeService, readUnit, UNIT, unitText } from "../../../src/agent/service/unit.ts";
import { needs } from "../../support/needs.ts";

const ignore = needs("systemd-analyze") !== undefined;
/** The exposure that systemd-analyze may find at most, from 0 to 10. */
const MAX_EXPOSURE = 2.0;

/** What systemd-analyze says of a unit whose launcher exists; it is not told of this machine's own units. */
async function analyze(root: string, ...args: string[]): Promise<{ code: number; text: string }> {
  const folder = Deno.makeTempDirSync({ prefix: "ivy-unit-" });
  const ownRoot = join(folder, root);
  Deno.mkdirSync(ownRoot, { recursive: true });
  Deno.writeTextFileSync(join(ownRoot, "ivy"), "#!/bin/sh\n", { mode: 0o755 });
  Deno.writeTextFileSync(join(folder, UNIT), unitText({ root: ownRoot, user: "root" }));
  const { code, stdout, stderr } = await new Deno.Command("systemd-analyze", {
    args: [...args, join(folder, UNIT)],
    env: { LC_ALL: "C.UTF-8", SYSTEMD_COLORS: "0", SYSTEMD_PAGER: "cat" },
  }).output();
  Deno.removeSync(folder, { recursive: true });
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

for (const root of ["node", "with a blank", "100%s$HOME"]) {
  Deno.test({
    name: `systemd accepts the unit of a root named ${root} without a word`,
    ignore,
    fn: async () => assertEquals(await analyze(root, "verify"), { code: 0, text: "" }),
  });
}

Deno.test({
  name: `systemd finds little that the service could do beyond its work: at most ${MAX_EXPOSURE}`,
  ignore,
  async fn() {
    const { code, text } = await analyze(
      "node",
      "security",
      "--offline=true",
      `--threshold=${10 * MAX_EXPOSURE}`,
    );
    const [, exposure] = /Overall exposure level for \S+: ([\d.]+)/.exec(text) ?? [];
    assert(Number(exposure) <= MAX_EXPOSURE, text);
    assertEquals(code, 0, text);
  },
});

Deno.test("the unit says what the agent relies on", () => {
  const text = unitText({ root: "/var/lib/ivy", user: "ivy" });
  for (
    const line of [
      "Type=notify",
      "WatchdogSec=60",
      "Restart=always",
      "RestartSec=5",
      "StartLimitIntervalSec=0",
      "Environment=DENO_TLS_CA_STORE=system",
      'ExecStart="/var/lib/ivy/ivy" run',
      'ReadWritePaths="/var/lib/ivy"',
      "ProtectSystem=strict",
      "NoNewPrivileges=yes",
      "PrivateTmp=yes",
      "User=ivy",
    ]
  ) assert(text.split("\n").includes(line), `${line} is missing`);
  assertEquals(
    /MemoryDenyWriteExecute=|PrivateDevices=/.test(text),
    false,
    "JavaScript or hardware would not run",
  );
  assertMatch(text, /# {3}SupplementaryGroups=.*dialout.*gpio.*i2c/);
  assertMatch(text, /# {3}DeviceAllow=/);
});

Deno.test("a node at home can be written to, other homes cannot be read", () => {
  assertMatch(unitText({ root: "/home/pi/node", user: "pi" }), /^ProtectHome=read-only$/m);
  assertMatch(unitText({ root: "/homes/pi", user: "pi" }), /^ProtectHome=yes$/m);
});

Deno.test("where data is a link, the service may write to where it leads, and waits for that disk", () => {
  const text = unitText({ root: "/var/lib/ivy", user: "ivy", linked: ["/mnt/usb disk/data"] });
  assertMatch(text, /^ReadWritePaths="\/var\/lib\/ivy" "\/mnt\/usb disk\/data"$/m);
  assertMatch(text, /^RequiresMountsFor="\/var\/lib\/ivy" "\/mnt\/usb disk\/data"$/m);
  assertMatch(unitText({ root: "/srv", user: "ivy", linked: ["/home/pi/data"] }), /^ProtectHome=read-only$/m);
});

Deno.test("what systemd would take for no program is known before", () => {
  const able = ["/a b%$", "/a'b", '/a"b', "/a\\\\b", "/a\\nb"].map(canBeService);
  assertEquals(able, [true, false, false, false, false]);
});

Deno.test("a unit can be read back; others are none of ours", () => {
  for (const root of ["/var/lib/ivy", "/a b/100% $c"]) {
    assertEquals(readUnit(unitText({ root, user: "pi" })), { root, user: "pi" });
    const linked = ["/mnt/100% usb", "/mnt/logs"];
    assertEquals(readUnit(unitText({ root, user: "pi", linked })), { root, user: "pi", linked });
  }
  assertEquals(readUnit("[Service]\nUser=pi\n"), undefined);
});
