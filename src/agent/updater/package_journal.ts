// Runs in: main thread.
import type { PackageReport, PackageState } from "../../shared/protocol.ts";
import { readIfThere, replaceFile } from "../files.ts";
import type { Paths } from "../paths.ts";

/** `control/offered_package.json`: the last package that was taken up, over restarts and versions. */
export interface PackageJournal {
  /** Of the package that the last accepted version came in. */
  installedTitle: string | null;
  /** The package that was taken up last; null = none yet. */
  taken: TakenPackage | null;
  /** Not known by the server yet, oldest first. */
  untold: (PackageReport & { backend: string })[];
  lastReportId: number;
}

export interface TakenPackage {
  backend: string;
  title: string;
  version: string;
  /** Tells one package from another of the same name. */
  checksum: string;
  /** Null = nothing has been told of it yet. */
  state: PackageState | null;
}

const NOTHING: PackageJournal = { installedTitle: null, taken: null, untold: [], lastReportId: 0 };

/** A damaged journal counts as none. */
export function readPackageJournal({ package: path }: Pick<Paths, "package">): PackageJournal {
  try {
    const journal = { ...NOTHING, ...JSON.parse(readIfThere(path) ?? "{}") } as PackageJournal;
    return Array.isArray(journal.untold) ? journal : NOTHING;
  } catch {
    return NOTHING;
  }
}

export function writePackageJournal(
  { package: path }: Pick<Paths, "package">,
  journal: PackageJournal,
): void {
  replaceFile(path, `${JSON.stringify(journal, null, 2)}\n`);
}
