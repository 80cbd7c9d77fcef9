// Runs in: main thread.
import { Bucket } from "../../shared/bucket.ts";
import type { Logger } from "../../shared/logger.ts";
import type { PackageOffer, PackageReport, PackageState, UnusableOffer } from "../../shared/protocol.ts";
import { version as running } from "../../shared/version.ts";
import type { PackageDesk } from "../backend_host.ts";
import type { Paths } from "../paths.ts";
import { cutText } from "../../shared/text.ts";
import {
  type PackageJournal,
  readPackageJournal,
  type TakenPackage,
  writePackageJournal,
} from "./package_journal.ts";

/** A backend that can bring packages. */
export interface Bringer {
  name: string;
  /** @returns false when there is nobody to bring it. */
  bringPackage(port: MessagePort): boolean;
  tellReport(report: PackageReport): void;
}

export interface PackagesOptions {
  paths: Paths;
  logger: Logger;
  bringers: () => readonly Bringer[];
  /** A package has come up that was not dealt with yet. */
  onOffer: (offered: OfferedPackage) => void;
  /** Milliseconds that never jump. */
  monotonic?: () => number;
}

/** A package, and who offers it. */
export interface OfferedPackage {
  backend: string;
  offer: PackageOffer | UnusableOffer;
}

/** What servers are called packages from this program, as long as nobody has given it a title. */
const DEFAULT_TITLE = "ivy";
const MAX_UNTOLD = 100;
const MAX_ERROR_LENGTH = 2000;
/** Offers that are dealt with at once and in a second, each with a write to the disk; no backend sends so many. */
const OFFER_BURST = 20;
const OFFERS_PER_SECOND = 0.3;

/** Versions that servers offer as packages: which there are, and what the servers are told of them. */
export class Packages {
  #options: PackagesOptions;
  #journal: PackageJournal;
  #offers = new Map<string, PackageOffer | UnusableOffer>();
  #rate: Bucket;

  constructor(options: PackagesOptions) {
    this.#options = options;
    this.#journal = readPackageJournal(options.paths);
    const { monotonic = () => performance.now() } = options;
    this.#rate = new Bucket({ burst: OFFER_BURST, perSecond: OFFERS_PER_SECOND, monotonic });
  }

  /** Title of the package that the running version came in. */
  get title(): string {
    return this.#journal.installedTitle ?? DEFAULT_TITLE;
  }

  /** What one backend's host needs to know. */
  desk(backend: string): PackageDesk {
    return {
      offered: (offer) => this.#offered(backend, offer),
      untold: () => this.#journal.untold.filter((report) => report.backend === backend),
      told: (reportId) => this.#told(reportId),
    };
  }

  /** Who offers a version now. @param version null = any. */
  find(version: string | null): { backend: string; offer: PackageOffer } | undefined {
    for (const [backend, offer] of this.#offers) {
      if (!("fault" in offer) && (version === null || offer.version === version)) return { backend, offer };
    }
    return undefined;
  }

  /** A port to the backend that brings the package; undefined when it does not run. */
  open(backend: string): MessagePort | undefined {
    const { port1, port2 } = new MessageChannel();
    const isTaken = this.#options.bringers().find(({ name }) => name === backend)?.bringPackage(port2);
    if (isTaken) return port1;
    for (const port of [port1, port2]) port.close();
    return undefined;
  }

  /** A package is dealt with from here on, until it is UPDATED or FAILED. */
  begin(offered: OfferedPackage): void {
    if (this.#isTaken(offered.offer) && !this.#isOver) return; // it goes on
    this.#write({ ...this.#journal, taken: takenOf(offered, null) });
  }

  /** The package that is dealt with is in another state; nothing happens when it is not of this version. */
  advance(version: string, state: PackageState, error?: string): void {
    const { taken } = this.#journal;
    if (taken === null || taken.version !== version || taken.state === state || this.#isOver) return;
    const installedTitle = state === "UPDATED" ? taken.title : this.#journal.installedTitle;
    this.#journal = { ...this.#journal, installedTitle, taken: { ...taken, state } };
    this.#report(taken.backend, state, error);
  }

  /** This node will not take a package; its server is told once. */
  refuse({ backend, offer }: OfferedPackage, reason: string): void {
    const unusable = { title: offer.title, version: offer.version, fault: reason };
    if (this.#isTaken(unusable) && this.#isOver) return;
    this.#options.logger.warning(
      `the package ${offer.title} ${offer.version} of ${backend} is refused: ${reason}`,
    );
    this.#journal = { ...this.#journal, taken: takenOf({ backend, offer: unusable }, "FAILED") };
    this.#report(backend, "FAILED", reason);
  }

  #offered(backend: string, offer: PackageOffer | UnusableOffer | null): void {
    if (offer === null) return void this.#offers.delete(backend);
    this.#offers.set(backend, offer);
    const isTaken = this.#isTaken(offer);
    if (isTaken && (this.#isOver || offer.version === running)) return; // the probation decides
    if (!this.#rate.take()) return;
    if ("fault" in offer) return this.refuse({ backend, offer }, offer.fault);
    if (offer.version !== running) return this.#options.onOffer({ backend, offer });
    this.begin({ backend, offer });
    this.advance(running, "UPDATED");
  }

  #isTaken(offer: PackageOffer | UnusableOffer): boolean {
    const { taken } = this.#journal;
    return taken?.title === offer.title && taken.version === offer.version && taken.checksum === keyOf(offer);
  }

  get #isOver(): boolean {
    const state = this.#journal.taken?.state;
    return state === "UPDATED" || state === "FAILED";
  }

  #report(backend: string, state: PackageState, error?: string): void {
    const report: PackageReport = {
      reportId: this.#journal.lastReportId + 1,
      state,
      ...(error === undefined ? {} : { error: cutText(error, MAX_ERROR_LENGTH) }),
      currentTitle: this.title,
      currentVersion: running,
    };
    const untold = [...this.#journal.untold, { ...report, backend }].slice(-MAX_UNTOLD);
    this.#write({ ...this.#journal, lastReportId: report.reportId, untold });
    this.#options.bringers().find(({ name }) => name === backend)?.tellReport(report);
  }

  #told(reportId: number): void {
    const untold = this.#journal.untold.filter((report) => report.reportId !== reportId);
    if (untold.length < this.#journal.untold.length) this.#write({ ...this.#journal, untold });
  }

  /** A full disk costs a report after a restart, and nothing else. */
  #write(journal: PackageJournal): void {
    this.#journal = journal;
    try {
      writePackageJournal(this.#options.paths, journal);
    } catch (error) {
      this.#options.logger.exception("what became of a package could not be written down", error);
    }
  }
}

function takenOf({ backend, offer }: OfferedPackage, state: PackageState | null): TakenPackage {
  return { backend, title: offer.title, version: offer.version, checksum: keyOf(offer), state };
}

/** A package without a checksum is known by its fault. */
function keyOf(offer: PackageOffer | UnusableOffer): string {
  return "fault" in offer ? offer.fault : offer.checksum;
}
