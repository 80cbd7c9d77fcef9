// Runs in: tests.
import { assertEquals } from "@std/assert";
import { pathsOf } from "../../../src/agent/paths.ts";
import type { OfferedPackage, Packages } from "../../../src/agent/updater/packages.ts";
import type { Update } from "../../../src/agent/updater/probation.ts";
import type { Reconfigurable } from "../../../src/agent/updater/reconfigure.ts";
import { RemoteConfiguration } from "../../../src/agent/updater/remote_configuration.ts";
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
    await use({ remote: make(), revisions: () => new Revisions(paths), told, log, offered });
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
