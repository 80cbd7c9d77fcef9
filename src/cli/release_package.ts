// Runs in: main thread.
import { join } from "@std/path";
import { replaceFileBy } from "../agent/files.ts";
import { exists } from "../agent/paths.ts";
import { PACKAGE_BLOCK_BYTES, packageHeader, packageName } from "../shared/package_file.ts";
import { ACCEPTANCE_NAME, namesFor, type Release, SIGNATURES_NAME, SUMS_NAME } from "../shared/release.ts";

const BINARY = /^ivy-([^.]+)$/;

/**
 * Writes a package for each kind of machine in a signed release: the list of files and its signatures first, then what a
 * node of that kind needs.
 *
 * @returns their paths.
 */
export async function writePackages(folder: string, { files }: Pick<Release, "files">): Promise<string[]> {
  const targets = files.flatMap(({ name }) => BINARY.exec(name)?.[1] ?? []);
  const paths: string[] = [];
  for (const target of targets) {
    const names = [SUMS_NAME, SIGNATURES_NAME, ACCEPTANCE_NAME, namesFor(target).compressed];
    const path = join(folder, packageName(target));
    await writePackage(path, names.map((name) => join(folder, name)).filter(exists));
    paths.push(path);
  }
  return paths;
}

async function writePackage(path: string, members: string[]): Promise<void> {
  await replaceFileBy(path, async (target) => {
    for (const member of members) await writeMember(target, member);
    await writeAll(target, new Uint8Array(2 * PACKAGE_BLOCK_BYTES)); // the end of an archive
  });
}

async function writeMember(target: Deno.FsFile, member: string): Promise<void> {
  using source = await Deno.open(member);
  const { size: sizeBytes } = await source.stat();
  const name = member.slice(member.lastIndexOf("/") + 1);
  await writeAll(target, packageHeader({ name, sizeBytes }));
  const buffer = new Uint8Array(1_048_576);
  for (let read; (read = await source.read(buffer)) !== null;) {
    await writeAll(target, buffer.subarray(0, read));
  }
  await writeAll(target, new Uint8Array(-sizeBytes & (PACKAGE_BLOCK_BYTES - 1)));
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}
