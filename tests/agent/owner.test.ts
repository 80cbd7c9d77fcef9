// Runs in: tests.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";
import { actAsOwnerOf, foreignOwner } from "../../src/agent/owner.ts";
import { runCommand } from "../../src/build/command.ts";
import { ForeignRoot, STRANGER_UID } from "../support/foreign_root.ts";
import { skipBecause } from "../support/needs.ts";

const ignore = Deno.uid() !== 0;
if (ignore) skipBecause("only root can become another user");

Deno.test({
  name:
    "root becomes the owner of the root folder: all threads, all later work, its programs, with no way back",
  ignore,
  async fn() {
    await using lab = new ForeignRoot();
    await lab.giveAway();
    const program = fromFileUrl(new URL("../support/owner_program.ts", import.meta.url));
    const { stdout, stderr } = await runCommand(
      [Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-all", program, lab.root, lab.file],
    );
    const { threads, ...rest } = JSON.parse(stdout || `{"threads": ${JSON.stringify(stderr)}}`);
    const all = (name: string) => `${name}:\t${Array(4).fill(STRANGER_UID).join("\t")}`;
    assert(threads > 2, String(threads));
    assertEquals(rest, {
      facts: [
        `${all("Uid")}\n${all("Gid")}\nGroups:\t${STRANGER_UID} \nCapPrm:\t${"0".repeat(16)}\nCapEff:\t${
          "0".repeat(16)
        }`,
      ],
      refusals: ["PermissionDenied", "PermissionDenied", "PermissionDenied", "PermissionDenied"],
      child: String(STRANGER_UID),
    });
  },
});

Deno.test({
  name: "for the time of some work, root has the owner's rights, and then its own again",
  ignore,
  async fn() {
    await using lab = new ForeignRoot();
    await lab.giveAway();
    await assertRejects(
      () => actAsOwnerOf(lab.root, () => Deno.readTextFile(lab.file)),
      Deno.errors.PermissionDenied,
    );
    const made = join(lab.root, "made");
    await actAsOwnerOf(lab.root, () => Deno.mkdir(made));
    assertEquals(Deno.statSync(made).uid, STRANGER_UID);
    await Deno.readTextFile(lab.file);
    assert(lab.isUntouched);
  },
});

Deno.test({
  name: "root's own folder is worked in as root; of a missing one, the folder that it would be in decides",
  ignore,
  async fn() {
    await using lab = new ForeignRoot();
    assertEquals(foreignOwner(lab.root), undefined);
    assertEquals(foreignOwner(join(lab.roots, "missing", "node")), undefined);
    await lab.giveAway();
    assertEquals(foreignOwner(lab.root), STRANGER_UID);
    assertEquals(foreignOwner(join(lab.root, "missing", "node")), STRANGER_UID);
    assertEquals(foreignOwner(dirname(lab.root)), undefined);
  },
});
