// Runs in: main thread.
import { join } from "@std/path";
import { CommandError, EXIT, type ExitStatus } from "../agent/errors.ts";
import { replaceFile } from "../agent/files.ts";
import { exists } from "../agent/paths.ts";
import { formatSums, parseSums, type Release, SIGNATURES_NAME, SUMS_NAME } from "../shared/release.ts";
import { dateMark, withDate } from "../shared/release_marks.ts";
import { createKeys, signBytes, verifyRelease } from "../shared/signatures.ts";
import { utcDay } from "../shared/time.ts";
import type { CommandContext } from "./command.ts";
import { sha256OfFile } from "../agent/file_digest.ts";
import { writePackages } from "./release_package.ts";

/** `ivy release keygen KEYFILE | renew DIR | sign --key KEYFILE DIR | verify --key KEYFILE.pub DIR`; never on a node. */
export default async function release({ args, flags, out }: CommandContext): Promise<ExitStatus> {
  const [action, path] = args;
  const key = flags["key"] as string | undefined;
  if (path === undefined) throw usage(`${action} needs a ${action === "keygen" ? "KEYFILE" : "DIR"}`);
  switch (action) {
    case "keygen":
      await keygen(path);
      out.print(`wrote ${path} (keep it secret, and off the nodes) and ${path}.pub`);
      return EXIT.done;
    case "renew": {
      const date = await renew(path);
      out.print(`${join(path, SUMS_NAME)} is of ${date} now, and signed by nobody: sign it again`);
      return EXIT.done;
    }
    case "sign":
      await sign(path, needKey(key, "KEYFILE"));
      out.print(`signed ${join(path, SUMS_NAME)}`);
      for (const written of await writePackages(path, parseSums(readText(join(path, SUMS_NAME))))) {
        out.print(`wrote ${written}, the same for ThingsBoard`);
      }
      return EXIT.done;
    default: {
      const { version, serial, files } = await verify(path, needKey(key, "KEYFILE.pub"));
      out.print(
        `release ${version}, serial ${serial}, is signed with this key; ${files.length} files are whole`,
      );
      return EXIT.done;
    }
  }
}

async function keygen(path: string): Promise<void> {
  if (exists(path)) throw new CommandError(`${path} exists already; a key is never overwritten`);
  const { privatePem, publicKey } = await createKeys();
  replaceFile(path, privatePem, 0o600);
  replaceFile(`${path}.pub`, `${publicKey}\n`);
}

/** The same release as one that is current today: nodes that ask for its age see that nobody withholds a newer one. */
async function renew(folder: string): Promise<string> {
  const list = join(folder, SUMS_NAME);
  const date = utcDay(Date.now());
  const mark = await dateMark(date);
  const { release, replaced } = withDate(parseSums(readText(list)), mark);
  replaceFile(join(folder, mark.file.name), mark.text);
  replaceFile(list, formatSums(release));
  const old = [...replaced.filter((name) => name !== mark.file.name), SIGNATURES_NAME];
  for (const path of old.map((name) => join(folder, name)).filter(exists)) Deno.removeSync(path);
  return date;
}

/** Adds a signature to those of other keys. */
async function sign(folder: string, keyFile: string): Promise<void> {
  const signature = await signBytes(readBytes(join(folder, SUMS_NAME)), readText(keyFile)).catch((error) => {
    throw new CommandError(`${keyFile} is no private key of ivy release keygen`, EXIT.failed, {
      cause: error,
    });
  });
  const file = join(folder, SIGNATURES_NAME);
  const others = exists(file) ? readText(file).split("\n").filter((line) => line !== "") : [];
  replaceFile(file, [...new Set([...others, signature])].map((line) => `${line}\n`).join(""));
}

/** @throws {CommandError} when a signature or a file is not right. */
async function verify(folder: string, keyFile: string): Promise<Release> {
  const trust = { publicKeys: [readText(keyFile).trim()], threshold: 1, allowUnsigned: false };
  const signatures = exists(join(folder, SIGNATURES_NAME)) ? readText(join(folder, SIGNATURES_NAME)) : "";
  const release = await verifyRelease(readBytes(join(folder, SUMS_NAME)), signatures, trust);
  for (const { name, sha256 } of release.files) {
    if (await sha256OfFile(join(folder, name)) !== sha256) {
      throw new CommandError(`${join(folder, name)} is not the file that was signed`);
    }
  }
  return release;
}

function needKey(key: string | undefined, what: string): string {
  if (key === undefined) throw usage(`--key ${what} is missing`);
  return key;
}

function readBytes(path: string): Uint8Array<ArrayBuffer> {
  return reading(path, () => Deno.readFileSync(path));
}

function readText(path: string): string {
  return reading(path, () => Deno.readTextFileSync(path));
}

function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new CommandError(`cannot read ${path}`, EXIT.failed, { cause: error });
  }
}

function usage(problem: string): CommandError {
  return new CommandError(`release: ${problem}; see: ivy help release`, EXIT.wrongUsage);
}
