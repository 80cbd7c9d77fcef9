// Runs in: tests.
import { assertEquals, assertThrows } from "@std/assert";
import { type Paths, pathsOf } from "../../../src/agent/paths.ts";
import { bootFacts } from "../../../src/agent/clock_trust.ts";
import { writeJournal } from "../../../src/agent/updater/journal.ts";
import type { OfferedPackage, Packages } from "../../../src/agent/updater/packages.ts";
import type { Update } from "../../../src/agent/updater/probation.ts";
import type { Reconfigurable } from "../../../src/agent/updater/reconfigure.ts";
import { RemoteConfiguration } from "../../../src/agent/updater/remote_configuration.ts";
import { allowRefused, keepRefused } from "../../../src/agent/updater/refused_configuration.ts";
import { CommandError } from "../../../src/agent/errors.ts";
import { Revisions } from "../../../src/agent/updater/revisions.ts";
import type { Updater } from "../../../src/agent/updater/updater.ts";
import { createLogger } from "../../../src/shared/logger.ts";

interface Given {
  /** The update that was under way when the last agent ended. */
  update?: Update;
  provider?: string;
  /** Reports cannot be stored. */
  isStoreFull?: boolean;
}

/** A node that starts after something was interrupted, and what it tells and logs. */
async function withNode(
  { update, provider, isStoreFull = false }: Given,
  use: (node: {
    remote: RemoteConfiguration;
    revisions: () => Revisions;
    paths: Paths;
    make: () => RemoteConfiguration;
    told: string[];
    log: string[];
    offered: string[];
  }) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "ivy-remote-" });
  const paths = pathsOf(root);
  await Deno.mkdir(paths.data);
  await Deno.mkdir(paths.control);
  const told: string[] = [];
  const log: string[] = [];
  const offered: string[] = [];
  const config = { general: { config_revision: 7 }, updater: provider === undefined ? null : { provider } };
  const updater = {
    resume: () => Promise.resolve(update),
    settled: () => Promise.resolve(),
    stop: () => {},
    upgradeByPackage: ({ offer }: OfferedPackage) => {
      offered.push(`taken ${offer.version}`);
      return Promise.resolve({ kind: "accepted" });
    },
  };
  const packages = { refuse: (_offered: OfferedPackage, reason: string) => offered.push(reason) };
  const make = () =>
    new RemoteConfiguration({
      agent: { loaded: { raw: config, config } } as unknown as Reconfigurable,
      updater: updater as unknown as Updater,
      packages: packages as unknown as Packages,
      paths,
      check: { paths } as never,
      logger: createLogger("updater", ({ level, subject }) => log.push(`${level} ${subject}`)),
      report: (status, shown, reason) => {
        const { config_revision: revision } = (shown as typeof config).general;
        told.push([revision, status, reason].filter((part) => part !== undefined).join(" "));
        return isStoreFull ? Promise.reject(new Error("the disk is full")) : Promise.resolve();
      },
    });
  try {
    await use({
      remote: make(),
      make,
      paths,
      revisions: () => new Revisions(paths),
      told,
      log,
      offered,
    });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const ENDS: { name: string; update: Update; told: string[]; log: string[]; rejected: number[] }[] = [
  {
    name: "accepted",
    update: { version: "1.2.3", revision: 7, outcome: { kind: "accepted" } },
    told: ["7 accepted"],
    log: ["INFO configuration 7 is accepted"],
    rejected: [],
  },
  {
    name: "rejected",
    update: { version: "1.2.3", revision: 8, outcome: { kind: "rejected", reason: "it crashed" } },
    told: ["8 rejected it crashed"],
    log: ["WARNING configuration 8 is rejected: it crashed"],
    rejected: [8],
  },
  {
    name: "postponed: no server hears of it, it is tried again",
    update: { version: "1.2.3", revision: 8, outcome: { kind: "postponed", reason: "the power went" } },
    told: [],
    log: ["WARNING the power went; it will be tried again"],
    rejected: [],
  },
  {
    name: "interrupted once more: the next agent goes on",
    update: { version: "1.2.3", revision: 8, outcome: { kind: "interrupted" } },
    told: [],
    log: [],
    rejected: [],
  },
  {
    name: "accepted, asked for by a person",
    update: { version: "1.2.3", revision: null, outcome: { kind: "accepted" } },
    told: [],
    log: ["INFO 1.2.3 is accepted"],
    rejected: [],
  },
  {
    name: "rejected, asked for by a person",
    update: { version: "1.2.3", revision: null, outcome: { kind: "rejected", reason: "1.2.3 crashed" } },
    told: [],
    log: ["WARNING 1.2.3 crashed"],
    rejected: [],
  },
];

for (const { name, update, told, log, rejected } of ENDS) {
  Deno.test(`an update that the last agent began is over: ${name}`, () =>
    withNode({ update }, async (node) => {
      await node.remote.start();
      assertEquals([node.told, node.log], [told, log]);
      assertEquals([...node.revisions().rejected], rejected);
      assertEquals(node.revisions().unreported, []);
      await node.remote.stop();
    }));
}

Deno.test("what could not be told on a full disk is told by the next agent", async () => {
  const outcome = { kind: "rejected", reason: "it crashed" } as const;
  await withNode({ update: { version: "1.2.3", revision: 8, outcome }, isStoreFull: true }, async (node) => {
    await node.remote.start();
    assertEquals(node.revisions().unreported.map(({ revision }) => revision), [8]);
    assertEquals(node.log.at(-1), 'EXCEPTION "rejected" of configuration 8 could not be told');
    await node.remote.stop();
  });
});

Deno.test("a package is taken only where the node's configuration says that releases come that way", async () => {
  const offer = { offer: { title: "ivy", version: "1.2.3" } } as OfferedPackage;
  for (
    const [provider, expected] of [
      [undefined, 'this node is updated by hand: "updater.provider" is not "thingsboard"'],
      ["http", 'this node takes its releases from http: "updater.provider" is not "thingsboard"'],
      ["thingsboard", "taken 1.2.3"],
    ] as const
  ) {
    await withNode(provider === undefined ? {} : { provider }, async ({ remote, offered }) => {
      remote.receivePackage(offer);
      await remote.stop();
      assertEquals(offered, [expected]);
    });
  }
});

const TRIED: { name: string; bootId: string; attempts: number; revision: number; isRejected: boolean }[] = [
  { name: "in this boot", bootId: bootFacts().id, attempts: 1, revision: 8, isRejected: true },
  { name: "before the power went", bootId: "another", attempts: 1, revision: 8, isRejected: false },
  { name: "before the power went, again", bootId: "another", attempts: 2, revision: 8, isRejected: true },
  { name: "that is in use", bootId: bootFacts().id, attempts: 1, revision: 7, isRejected: false },
];

for (const { name, bootId, attempts, revision, isRejected } of TRIED) {
  const what = isRejected ? "is not made again" : "is no reason to reject it";
  Deno.test(`an attempt that ended with the agent, ${name}, ${what}`, () =>
    withNode({}, async ({ make, revisions, paths, told }) => {
      const before = revisions();
      for (let attempt = 0; attempt < attempts; attempt++) before.begin(revision, bootId);
      const remote = make();
      assertEquals([...revisions().rejected], isRejected ? [revision] : []);
      await remote.start();
      const reason = "the agent was killed while it tried this configuration";
      assertEquals(told, isRejected ? [`8 rejected ${reason}`] : []);
      assertEquals(revisions().tried?.attempts, isRejected || revision === 7 ? undefined : attempts);
      await remote.stop();
      assertEquals(revisions().tried, undefined, `an end in order: ${paths.revisions}`);
    }));
}

Deno.test("what is watched when the agent ends is gone on with, not rejected", () =>
  withNode({}, ({ make, revisions, paths }) => {
    revisions().begin(8, bootFacts().id);
    writeJournal(paths.reconfiguration, { revision: 8, before: { procedures: [], backends: [] }, starts: 1 });
    make();
    assertEquals([...revisions().rejected], []);
    return Promise.resolve();
  }));

Deno.test("what a person has allowed while no agent ran is taken by the next one", () =>
  withNode({}, async ({ make, revisions, paths, log, told }) => {
    revisions().reject(8, "its destination changes");
    const config = { general: { software_version: "9.9.9" }, updater: null };
    keepRefused(paths, { revision: 8, reason: "its destination changes", config, isAllowed: false });
    assertThrows(() => allowRefused(paths, 9), CommandError, "revision 9 does not wait to be allowed");
    allowRefused(paths, 8);
    assertEquals(Deno.statSync(paths.refusedConfiguration).mode! & 0o777, 0o600);
    const remote = make();
    await remote.start();
    await remote.stop();
    assertEquals(told.at(-1), "8 received");
    assertEquals(log, [
      "INFO configuration 8 was allowed by a person on the node",
      "INFO configuration 8 has come",
      "WARNING configuration 8 is for Ivy 9.9.9, but this node is updated by hand",
    ]);
  }));
