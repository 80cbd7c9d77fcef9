// Runs in: tests.
import { assert, assertMatch } from "@std/assert";
import { needs } from "../../support/needs.ts";
import { sideBySide } from "../../support/sampling.ts";
import { type ProofRun, type Seed, SeededCopy } from "../../support/seeded_copy.ts";

const POWER_CUT: ProofRun = {
  file: "tests/store/proof/forgetful_disk.test.ts",
  filter: "power cut anywhere in two days of a store",
  env: { IVY_CUTS: "40" },
};
const KILL: ProofRun = {
  file: "tests/store/proof/power_cut.test.ts",
  filter: "an end of the process at any write loses nothing: two days of",
  env: { IVY_STRIKES: "30" },
};
const RESENDING: ProofRun = { file: "tests/store/resending.test.ts", filter: "", env: {} };

/** A mistake that somebody could make, and the proof that must notice it. */
const BUGS: { name: string; seeds: Seed[]; proof: ProofRun }[] = [
  {
    name: "rows leave the outbox before their daily file is synced",
    proof: POWER_CUT,
    seeds: [{
      file: "src/store/daily_files.ts",
      pattern: "await this.#open?.file.syncData();",
      replacement: "await Promise.resolve();",
    }],
  },
  {
    name: "a commit is not synced",
    proof: POWER_CUT,
    seeds: [{
      file: "src/store/database.ts",
      pattern: "PRAGMA synchronous = FULL",
      replacement: "PRAGMA synchronous = NORMAL",
    }],
  },
  {
    name: "the daily file is written before the commit",
    proof: KILL,
    seeds: [
      {
        file: "src/store/committer.ts",
        pattern: "inTransaction(this.#options.database, () => this.#write(pending));",
        replacement: "inTransaction(this.#options.database, () => { const done = this.#write(pending); " +
          "this.#options.onCommitted(done.appended.flatMap(({ rows }) => rows)); return done; });",
      },
      {
        file: "src/store/committer.ts",
        pattern: "        this.#options.onCommitted(rows); // before",
        replacement: "        void rows; // before",
      },
    ],
  },
  {
    name: "files and outbox are not reconciled after a crash",
    proof: KILL,
    seeds: [{
      file: "src/store/file_follower.ts",
      pattern: "const written = files.reconcile(() => outbox.rowsAfter(this.#syncedId), this.#syncedId);",
      replacement: "const written = 0;",
    }],
  },
  {
    name: "rows leave the outbox before a backend has acknowledged them",
    proof: KILL,
    seeds: [{
      file: "src/store/committer.ts",
      pattern: "const id = Math.min(backlog.doneId(variant), this.#syncedId);",
      replacement: "const id = this.#syncedId;",
    }],
  },
  {
    name: "a message is acknowledged before it is committed",
    proof: KILL,
    seeds: [{
      file: "src/store/committer.ts",
      pattern: "    this.#pending.push(batch);\n",
      replacement: "    this.#pending.push(batch);\n" +
        '    batch.answer({ type: "appended", sequences: sequencesOf(batch.messages) });\n',
    }],
  },
  {
    name: "what is sent again is stored again",
    proof: RESENDING,
    seeds: [{
      file: "src/store/outbox.ts",
      pattern: "const placement = sequences.placementOf(message.sequence);",
      replacement: 'const placement = "new" as string;',
    }],
  },
  {
    name: "a store that has failed goes on storing",
    proof: RESENDING,
    seeds: [{
      file: "src/store/store.ts",
      pattern: "  #fail(error: unknown): void {\n    this.abandon();\n",
      replacement: "  #fail(error: unknown): void {\n",
    }],
  },
];

const isIgnored = needs("strace") !== undefined;

Deno.test({
  name: "the proofs hold for the sources as they are, also in their short form",
  ignore: isIgnored,
  fn: async () => {
    await using copy = await new SeededCopy().make([]);
    await sideBySide([POWER_CUT, KILL, RESENDING], 3, async (proof) => {
      const { hasPassed, output } = await copy.prove(proof);
      assert(hasPassed, output);
    });
  },
});

Deno.test({
  name: "a seeded bug makes a proof fail",
  ignore: isIgnored,
  fn: async (t) => {
    const results = new Map<string, { hasPassed: boolean; output: string }>();
    await sideBySide(BUGS, 2, async ({ name, seeds, proof }) => {
      await using copy = await new SeededCopy().make(seeds);
      results.set(name, await copy.prove(proof));
    });
    for (const { name } of BUGS) {
      await t.step(name, () => {
        const { hasPassed, output } = results.get(name)!;
        assert(!hasPassed, `no proof has noticed it:\n${output}`);
        assertMatch(output, /Values are not equal/, "it failed for another reason");
      });
    }
  },
});
