// Runs in: main thread.
import { type Command, FILE, JSON_FLAG } from "./command.ts";

/** Commands for versions of the program. */
export const versionCommands: readonly Command[] = [
  {
    name: "update",
    summary: "bring another version, test it on this device, and switch to it on probation",
    args: "VERSION | FILE | --check [VERSION | FILE]",
    maxArgs: 1,
    completes: ([wish]) =>
      wish === undefined ? { words: ["latest"], values: ["versions"], ...FILE } : undefined,
    flags: [{ name: "check", summary: "only look whether it is there and rightly signed" }, JSON_FLAG],
    examples: [
      ["ivy update 1.3.0", "from where the configuration says"],
      ["ivy update latest", "the newest release"],
      ["ivy update /media/usb/ivy-aarch64-unknown-linux-gnu", "from a release's files beside this one"],
      ["ivy update --check", "is there a newest release, and who signed it?"],
    ],
    load: () => import("./update.ts"),
  },
  {
    name: "rollback",
    summary: "go back to the version before, with its configuration",
    examples: [["ivy rollback", "whether the agent runs or not"]],
    load: () => import("./rollback.ts"),
  },
  {
    name: "release",
    summary: "make keys, sign and check releases; on the computer that publishes them, never on a node",
    args: "keygen KEYFILE | renew DIR | sign --key KEYFILE DIR | verify --key KEYFILE.pub DIR",
    words: ["keygen", "renew", "sign", "verify"],
    maxArgs: 2,
    completes: ([action, second]) => {
      if (action === undefined) return { words: ["keygen", "renew", "sign", "verify"] };
      if (second !== undefined) return undefined;
      return action === "keygen" ? FILE : { shell: "folder" };
    },
    flags: [{
      name: "key",
      value: "KEYFILE",
      summary: "sign: the secret key; verify: the public one",
      completes: FILE,
    }],
    examples: [
      ["ivy release keygen ~/ivy.key", "writes ~/ivy.key (keep it secret) and ~/ivy.key.pub"],
      [
        "ivy release sign --key ~/ivy.key dist/release",
        "adds a line to SHA256SUMS.sig, and writes the same as packages for ThingsBoard",
      ],
      ["ivy release verify --key ~/ivy.key.pub dist/release", "signature and every file"],
      ["ivy release renew dist/release", "the same release with today's date, to be signed again"],
    ],
    load: () => import("./release.ts"),
  },
];
