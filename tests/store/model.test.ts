// Runs in: tests.
import { assertEquals, equal } from "@std/assert";
import fc from "fast-check";
import { type Variant, VARIANTS } from "../../src/shared/message.ts";
import { TestStore } from "../support/test_store.ts";
import { until } from "../support/until.ts";

/** What a simple, obviously right store would remember of one message for one backend. */
type Fate = "waiting" | "acknowledged" | "parked" | "dropped" | "retried";

interface ModelMessage {
  id: number;
  variant: Variant;
}

/** One backend of the model: the fate of every message since it was added, and what it has in hand. */
class ModelBackend {
  fates = new Map<number, Fate>();
  inHand = new Set<number>();

  /** The next ids that a lease must hand out. */
  next(messages: ModelMessage[], limit: number): number[] {
    const free = (fate: Fate) => ({ id }: ModelMessage) =>
      this.fates.get(id) === fate && !this.inHand.has(id);
    const ordered = VARIANTS.flatMap((variant) =>
      messages.filter((m) => m.variant === variant).filter(free("waiting"))
    );
    const requeued = messages.filter(free("retried"));
    return [...ordered, ...requeued].map(({ id }) => id).slice(0, limit);
  }

  /** After a crash: only what lies before the first unfinished message of its variant is remembered as finished. */
  forgetGaps(messages: ModelMessage[]): void {
    for (const variant of VARIANTS) {
      let gapSeen = false;
      for (const { id } of messages.filter((message) => message.variant === variant)) {
        const fate = this.fates.get(id);
        gapSeen ||= fate === "waiting";
        const isBehindGap = gapSeen && (fate === "acknowledged" || fate === "parked") &&
          !this.settledBehind.has(id);
        if (isBehindGap) this.fates.set(id, "waiting");
      }
    }
    this.inHand.clear();
  }
  /** Requeued messages: their fate is durable at once, whatever lies before them. */
  settledBehind = new Set<number>();

  count(fate: Fate): number {
    return [...this.fates.values()].filter((own) => own === fate).length;
  }
}

type Step =
  | { do: "send"; variant: Variant; count: number }
  | { do: "lease"; count: number }
  | { do: "acknowledge" | "give back" | "park"; which: number }
  | { do: "retry parked" | "drop parked" }
  | { do: "outgrow"; acknowledged: number }
  | { do: "restart" | "crash" | "backend dies" | "next day" | "clock back" | "add backend" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("send" as const),
      variant: fc.constantFrom(...VARIANTS),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("lease" as const), count: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "acknowledge" as const,
        "acknowledge" as const,
        "give back" as const,
        "park" as const,
      ),
      which: fc.nat(5),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("retry parked" as const, "drop parked" as const) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("outgrow" as const),
      acknowledged: fc.integer({ min: 0, max: 4 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "restart" as const,
        "crash" as const,
        "backend dies" as const,
        "next day" as const,
        "clock back" as const,
        "add backend" as const,
      ),
    }),
  },
);

/** The store beside its model. */
class Run {
  #settings = { ...new TestStore().options().settings };
  real = new TestStore({ settings: this.#settings }).openFragile({ backends: ["b"] });
  messages: ModelMessage[] = [];
  backends = new Map([["b", new ModelBackend()]]);
  #lastId = 0;

  async perform(step: Step): Promise<void> {
    switch (step.do) {
      case "send":
        return await this.#send(step);
      case "lease":
        return this.#lease(step.count);
      case "acknowledge":
      case "give back":
      case "park":
        return await this.#settle(step.do, step.which);
      case "retry parked":
      case "drop parked":
        return this.#parked(step.do);
      case "outgrow":
        return await this.#outgrow(step.acknowledged);
      case "add backend":
        return this.#addBackend();
      case "backend dies":
        this.real.store.giveAllBack("b");
        return this.backends.get("b")!.inHand.clear();
      case "next day":
        this.real.nowMs += 86_400_000;
        return;
      case "clock back":
        this.real.nowMs -= 3 * 3_600_000;
        return;
      case "restart":
        await this.real.store.close();
        return this.#reopen();
      case "crash":
        this.real.crash();
        return this.#reopen();
      default:
        step satisfies never;
    }
  }

  check(): void {
    this.real.assertSums();
    const statistics = this.real.store.request({ kind: "statistics" }).backends;
    for (const [name, backend] of this.backends) {
      const real = { waiting: 0, acknowledged: 0, parked: 0, dropped: 0 };
      for (const variant of VARIANTS) {
        for (const key of Object.keys(real) as (keyof typeof real)[]) {
          real[key] += statistics[name]![variant][key];
        }
      }
      assertEquals(real.parked + real.acknowledged + real.waiting + real.dropped, backend.fates.size);
      assertEquals(real.dropped, backend.count("dropped"), "dropped");
    }
  }

  /** In the end the daily files hold every message once, in order. */
  async checkFiles(): Promise<void> {
    const ids = async () => (await this.real.messages()).map(({ id }) => id).sort((a, b) => a - b);
    const expected = this.messages.map(({ id }) => id);
    // a store that has crashed here still ends what it was compressing, which a killed process would not
    await until("the files to be at rest", async () => equal(await ids(), expected), 5000).catch(() => {});
    assertEquals(await ids(), expected);
    assertEquals(this.real.failures, []);
  }

  async #send({ variant, count }: Step & { do: "send" }): Promise<void> {
    await this.real.send(
      variant,
      ...Array.from({ length: count }, (_, i) => `${variant} ${this.#lastId + i}`),
    );
    for (let i = 0; i < count; i++) {
      const id = ++this.#lastId;
      this.messages.push({ id, variant });
      for (const backend of this.backends.values()) backend.fates.set(id, "waiting");
    }
  }

  #lease(count: number): void {
    for (const [name, backend] of this.backends) {
      const leased = this.real.store.lease(name, count, 1_000_000).map(({ id }) => id);
      assertEquals(leased, backend.next(this.messages, count), `what ${name} leases`);
      leased.forEach((id) => backend.inHand.add(id));
    }
  }

  async #settle(how: "acknowledge" | "give back" | "park", which: number): Promise<void> {
    const backend = this.backends.get("b")!;
    const id = [...backend.inHand][which % Math.max(1, backend.inHand.size)];
    if (id === undefined) return;
    backend.inHand.delete(id);
    if (how === "give back") return await this.real.giveBack("b", [id]);
    if (backend.fates.get(id) === "retried") backend.settledBehind.add(id);
    backend.fates.set(id, how === "park" ? "parked" : "acknowledged");
    if (how === "park") await this.real.park("b", id, "poison");
    else await this.real.acknowledge("b", [id]);
  }

  /** The outbox may hold nothing any more, in the very commit that makes acknowledgements durable. */
  async #outgrow(acknowledged: number): Promise<void> {
    await this.real.store.settled(); // only what is synced may be given up
    const ids = [...this.backends.get("b")!.inHand].slice(0, acknowledged);
    this.#limitOutbox(0);
    const settled = this.real.acknowledge("b", ids);
    for (const id of ids) this.#acknowledged(id);
    await settled;
    for (let commits = 0; commits < 3; commits++) await this.real.giveBack("b", []); // data, then logs, then nothing
    this.#limitOutbox(1000);
    for (const backend of this.backends.values()) {
      for (const { id, variant } of this.messages) {
        if (variant === "config" || backend.fates.get(id) !== "waiting") continue;
        backend.fates.set(id, "dropped");
        backend.inHand.delete(id);
      }
    }
  }

  #limitOutbox(megabytes: number): void {
    this.#settings.max_outbox_mb = megabytes;
    this.real.monotonicMs += 1000; // the limits are looked at once a second
  }

  #acknowledged(id: number): void {
    const backend = this.backends.get("b")!;
    backend.inHand.delete(id);
    if (backend.fates.get(id) === "retried") backend.settledBehind.add(id);
    backend.fates.set(id, "acknowledged");
  }

  /** Only what is listed as parked can be retried or dropped: not what is parked behind an unfinished message. */
  #parked(how: "retry parked" | "drop parked"): void {
    const listed = this.real.store.request({ kind: "parked_list", backend: "b", afterId: 0, limit: 1000 });
    const backend = this.backends.get("b")!;
    for (const { id } of listed) {
      assertEquals(backend.fates.get(id), "parked");
      backend.fates.set(id, how === "retry parked" ? "retried" : "dropped");
      backend.settledBehind.add(id);
    }
    this.real.store.request({
      kind: how === "retry parked" ? "parked_retry" : "parked_drop",
      backend: "b",
      ids: "all",
    });
  }

  #addBackend(): void {
    const name = `added ${this.backends.size}`;
    this.backends.set(name, new ModelBackend());
    this.real.store.setBackends([...this.backends.keys()]);
    for (const backend of this.backends.values()) backend.forgetGaps(this.messages); // leases return
  }

  #reopen(): void {
    this.real.openFragile({ backends: [...this.backends.keys()] });
    for (const backend of this.backends.values()) backend.forgetGaps(this.messages);
  }
}

Deno.test("any sequence of sending, leasing, settling, restarts, crashes and clock steps agrees with a simple model", async () => {
  const runs = Deno.env.get("IVY_NIGHTLY") === "1" ? 3000 : 150;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const run = new Run();
      try {
        for (const step of steps) {
          await run.perform(step);
          run.check();
        }
        await run.real.store.close();
        await run.checkFiles();
      } finally {
        await run.real[Symbol.asyncDispose]();
      }
    }),
    { numRuns: runs },
  );
});
