// Runs in: tests.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { namesFor, SIGNATURES_NAME, SUMS_NAME } from "../../src/shared/release.ts";
import { exists } from "../../src/agent/paths.ts";
import { createKeys, signBytes } from "../../src/shared/signatures.ts";
import { seededBytes } from "../support/seeded_bytes.ts";
import { mayMount, SmallDisk } from "../support/small_disk.ts";
import { assertNoIdMissing } from "../support/steady.ts";
import { NEW, OLD, twoVersions, UpdateLab } from "../support/update_lab.ts";

const versions = await twoVersions();
const ignore = versions === undefined;
const { compressed: PACKED } = namesFor(Deno.build.target);

/** A release that is refused before it ever runs as an agent, and why. */
interface BadRelease {
  name: string;
  reason: string;
  make: (lab: UpdateLab) => void | Promise<void>;
  /** Answers instead of the server. */
  answer?: (path: string) => Response | undefined;
}

/** A program that says what a right one would, and does `then` for other commands. */
function script(then: string, version = NEW): string {
  const facts = JSON.stringify({ software_version: version, target: Deno.build.target });
  return `#!/bin/sh\ncase $1 in info) echo '${facts}'; exit ;; esac\n${then}\n`;
}

function publishText(text: string | Uint8Array, serial = 20) {
  return async (lab: UpdateLab) => {
    const file = join(lab.folder, "made");
    if (typeof text === "string") Deno.writeTextFileSync(file, text);
    else Deno.writeFileSync(file, text);
    await lab.publish(file, { serial });
  };
}

/** Changes one published file. */
function change(name: string, edit: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>) {
  return async (lab: UpdateLab) => {
    await publishText(script("exit 0"))(lab);
    const path = join(lab.web, NEW, name);
    Deno.writeFileSync(path, edit(Deno.readFileSync(path)));
  };
}

function flip(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  bytes[bytes.length >> 1]! ^= 1;
  return bytes;
}

/** An ELF header of a program for 64-bit ARM. */
const ARM = Uint8Array.from([
  0x7f,
  0x45,
  0x4c,
  0x46,
  2,
  1,
  1,
  ...Array(9).fill(0),
  2,
  0,
  183,
  0,
  ...Array(44).fill(0),
]);

const BAD: BadRelease[] = [
  { name: "there is none", reason: "status 404", make: () => {} },
  {
    name: "truncated",
    reason: "the connection broke",
    make: change(PACKED, (bytes) => bytes.slice(0, bytes.length >> 1)),
  },
  { name: "bit-flipped", reason: "is not the file that was signed", make: change(PACKED, flip) },
  { name: "bit-flipped list", reason: "0 of the keys that may sign", make: change(SUMS_NAME, flip) },
  {
    name: "wrong key",
    reason: "0 of the keys that may sign have signed this release, 1 must",
    make: async (lab) => {
      await publishText(script("exit 0"))(lab);
      const sums = Deno.readFileSync(join(lab.web, NEW, SUMS_NAME));
      const line = await signBytes(sums, (await createKeys()).privatePem);
      Deno.writeTextFileSync(join(lab.web, NEW, SIGNATURES_NAME), `${line}\n`);
    },
  },
  {
    name: "an old serial, replayed",
    reason: "has serial 5, and 10 was here already: it is an old one",
    make: publishText(script("exit 0"), 5),
  },
  { name: "for another processor", reason: "the new binary cannot be executed here", make: publishText(ARM) },
  {
    name: "a text, no program",
    reason: "the new binary cannot be executed here",
    make: publishText("\0\0hello\n"),
  },
  {
    name: "ends with 1",
    reason: "the new binary cannot be executed here",
    make: publishText("#!/bin/sh\nexit 1\n"),
  },
  {
    name: "ends with 0 at once",
    reason: "it ended with 0 and said nothing",
    make: publishText("#!/bin/sh\nexit 0\n"),
  },
  {
    name: "another version inside",
    reason: "the new binary says that it is version 4.5.7",
    make: publishText(script("exit 0", "4.5.7")),
  },
  {
    name: "a configuration that it cannot use",
    reason: "the configuration is not valid for the new version: general.x: unknown",
    make: publishText(script(`[ "$1" = config ] && echo '{"faults":["general.x: unknown"]}'; exit 78`)),
  },
  {
    name: "an acceptance test that fails",
    reason: "acceptance tests failed: ✗ the valve opens; it is stuck",
    make: publishText(
      script(`[ "$1" = test ] && { echo "✗ the valve opens"; echo "    it is stuck"; exit 1; }; exit 0`),
    ),
  },
  {
    name: "a web page, as a hotel's network sends",
    reason: "a web page instead of a file",
    make: publishText(script("exit 0")),
    answer: () => new Response("<html>Please log in", { headers: { "content-type": "text/html" } }),
  },
  {
    name: "a body that drips without an end",
    reason: "the server sends almost nothing",
    make: publishText(script("exit 0")),
    answer: (path) => path.endsWith(PACKED) ? new Response(dripping()) : undefined,
  },
  {
    name: "a zip of something else",
    reason: "another thing",
    make: async (lab) => {
      await publishText(script("exit 0"))(lab);
      Deno.writeTextFileSync(join(lab.web, NEW, SUMS_NAME), "PK\x03\x04 another thing");
    },
  },
];
function dripping(): ReadableStream<Uint8Array<ArrayBuffer>> {
  let timer: ReturnType<typeof setInterval>;
  return new ReadableStream({
    start: (controller) => void (timer = setInterval(() => controller.enqueue(new Uint8Array(1)), 20)),
    cancel: () => clearInterval(timer),
  });
}

BAD.at(-1)!.reason = "0 of the keys that may sign";

Deno.test({
  name:
    "releases that are refused before they run: the old version measures on, and the reason names the cause",
  ignore,
  async fn(t) {
    let answer: BadRelease["answer"];
    await using lab = await UpdateLab.open({
      old: versions!.old,
      server: { answer: (_request, path) => answer?.(path) },
    });
    Deno.writeTextFileSync(join(lab.root, "control", "releases.json"), JSON.stringify({ serial: 10 }));
    lab.supervise();
    await lab.untilLog(/ ready: 1 procedures/);
    for (const { name, reason, make, ...bad } of BAD) {
      await t.step(name, async () => {
        answer = bad.answer;
        const before = lab.log.length;
        await Deno.remove(join(lab.web, NEW), { recursive: true }).catch(() => {});
        await make(lab);
        const { code, stderr } = await lab.ivy("update", NEW);
        assertEquals(code, 1, stderr);
        assertStringIncludes(stderr.replaceAll("; ✗", "✗"), reason);
        assertEquals(lab.active, OLD);
        assert(!exists(join(lab.root, "control", "probation")));
        assert(!lab.log.slice(before).includes("stopping"));
      });
    }
    assertEquals(lab.lives.length, 1);
    await lab.stop();
    assertNoIdMissing(lab.messages());
  },
});

Deno.test({
  name:
    "one of two signatures, and a disk that fills up during the download: refused, the old version runs on",
  ignore: ignore || !mayMount(),
  async fn() {
    const other = await createKeys();
    let onDownload = () => {};
    await using lab = await UpdateLab.open({
      old: versions!.old,
      configure: (config) => {
        const updater = config["updater"] as { public_keys: string[]; threshold: number };
        updater.public_keys.push(other.publicKey);
        updater.threshold = 2;
      },
      server: {
        answer(_request, path) {
          if (path.endsWith(PACKED)) onDownload();
          return undefined;
        },
      },
    });
    await publishText(`${script("exit 0")}#${seededBytes(1_000_000).toHex()}\n`)(lab);
    lab.supervise();
    await lab.untilLog(/ ready: 1 procedures/);
    const first = await lab.ivy("update", NEW);
    assertStringIncludes(first.stderr, "1 of the keys that may sign have signed this release, 2 must");
    const sums = Deno.readFileSync(join(lab.web, NEW, SUMS_NAME));
    const line = await signBytes(sums, other.privatePem);
    Deno.writeTextFileSync(join(lab.web, NEW, SIGNATURES_NAME), `${line}\n`, { append: true });
    using small = new SmallDisk(92_000_000, join(lab.root, "staging")); // it has to hold a copy of the binary
    onDownload = () => small.fill();
    const second = await lab.ivy("update", NEW);
    assertStringIncludes(second.stderr, "the disk is full");
    assertEquals([first.code, second.code, lab.active, lab.lives.length], [1, 1, OLD, 1]);
    await lab.stop();
    assertNoIdMissing(lab.messages());
  },
});
