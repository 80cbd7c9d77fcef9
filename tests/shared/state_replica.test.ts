// Runs in: tests.
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import * as z from "zod";
import { HandMovedMain, settle } from "./state_main.ts";

const fields = {
  count: z.number().default(0),
  pair: z.strictObject({ left: z.number(), right: z.number() }).default({ left: 0, right: 0 }),
  list: z.array(z.string()).default([]),
} as const;

Deno.test("a replica starts with the whole state", () => {
  const { replica } = new HandMovedMain(fields);
  assertEquals(replica.current, { count: 0, pair: { left: 0, right: 0 }, list: [] });
});

Deno.test("reading costs no copy: what has not changed is the same object, and frozen", () => {
  const main = new HandMovedMain(fields);
  const { pair } = main.replica.current;
  assertStrictEquals(main.replica.current, main.replica.current);
  main.change({ count: "1" });
  main.broadcast(1);
  assertEquals(main.replica.current.count, 1);
  assertStrictEquals(main.replica.current.pair, pair);
  assertThrows(() => (main.replica.current as { count: number }).count = 2, TypeError);
  assertThrows(() => (main.replica.current.pair as { left: number }).left = 2, TypeError);
});

Deno.test("a broadcast that leaves a gap is not shown; the replica asks once for what it missed", () => {
  const main = new HandMovedMain(fields);
  for (const count of ["1", "2", "3"]) main.change({ count });
  main.broadcast(2, 3);
  main.broadcast(3, 4);
  assertEquals(main.replica.current.count, 0);
  assertEquals(main.requests, [{ type: "catch_up", since: 1 }]);
  main.answer();
  assertEquals(main.replica.current.count, 3);
});

Deno.test("a lost last broadcast is noticed when main tells its latest place", () => {
  const main = new HandMovedMain(fields);
  main.change({ count: "7" });
  main.deliver({ type: "latest", sequence: main.sequence });
  main.answer();
  assertEquals(main.replica.current.count, 7);
  main.deliver({ type: "latest", sequence: main.sequence });
  assertEquals(main.requests, [], "nothing was missed");
});

Deno.test("an older value is never shown after a newer one", () => {
  const main = new HandMovedMain(fields);
  main.change({ count: "1" });
  main.change({ count: "2" });
  main.broadcast(1);
  main.broadcast(1, 2);
  main.deliver({ type: "missed", delta: main.delta(0, 2) });
  assertEquals(main.replica.current.count, 2);
});

Deno.test("an update resolves when main has it, and then the writer reads its own write", async () => {
  const main = new HandMovedMain(fields);
  let isDone = false;
  const update = main.replica.update((draft) => void draft.count++).then(() => isDone = true);
  await settle();
  assertEquals([isDone, main.replica.current.count], [false, 0]);
  main.change({ list: '["of another"]' });
  assertEquals(main.answer(), { type: "change", since: 1, touched: ["count"], fields: { count: "1" } });
  await update;
  assertEquals(main.replica.current, { count: 1, pair: { left: 0, right: 0 }, list: ["of another"] });
});

Deno.test("an update whose field another has changed is made again on top of it: both count", async () => {
  const main = new HandMovedMain(fields);
  const update = main.replica.update((draft) => void (draft.count += 10));
  await settle();
  main.change({ count: "5" });
  main.answer({ accept: false });
  assertEquals(main.replica.current.count, 5);
  main.answer();
  await update;
  assertEquals(main.replica.current.count, 15);
});

Deno.test("what an update has read counts as much as what it writes", async () => {
  const main = new HandMovedMain(fields);
  void main.replica.update((draft) => void (draft.pair.left = draft.count + 1));
  await settle();
  assertEquals(main.answer(), {
    type: "change",
    since: 1,
    touched: ["pair", "count"],
    fields: { pair: '{"left":1,"right":0}' },
  });
});

Deno.test("updates that wait go to main together, in order, and one at a time is under way", async () => {
  const main = new HandMovedMain(fields);
  const first = main.replica.update((draft) => void draft.list.push("a"));
  await settle();
  const others = ["b", "c"].map((text) => main.replica.update((draft) => void draft.list.push(text)));
  await settle();
  assertEquals(main.requests.length, 1);
  main.answer();
  await first;
  assertEquals(main.answer(), {
    type: "change",
    since: 2,
    touched: ["list"],
    fields: { list: '["a","b","c"]' },
  });
  await Promise.all(others);
});

Deno.test("an update that changes nothing resolves and costs no message", async () => {
  const main = new HandMovedMain(fields);
  await main.replica.update(() => {});
  await main.replica.update((draft) => void (draft.pair = { left: 0, right: 0 }));
  assertEquals(main.requests, []);
});

const BAD: { name: string; change: (draft: never) => void; message: string }[] = [
  {
    name: "breaks the schema",
    change: (draft: { pair: object }) => void (draft.pair = { left: "x" }),
    message: 'pair.left: expected a number, got "x"; pair.right: expected a number, got nothing',
  },
  {
    name: "holds NaN",
    change: (draft: { count: number }) => void (draft.count = 0 / 0),
    message: "count: expected a finite number, got NaN",
  },
  {
    name: "holds a promise",
    change: (draft: { count: unknown }) => void (draft.count = Promise.resolve(1)),
    message: "count: expected plain data, got a Promise; await it before the update",
  },
  {
    name: "holds a function",
    change: (draft: { list: unknown[] }) => void draft.list.push(() => "x"),
    message: "list[0]: expected plain data, got a function",
  },
  {
    name: "contains itself",
    change: (draft: { list: unknown[] }) => void draft.list.push(draft.list),
    message: "list[0]: contains itself",
  },
  {
    name: "has a field that there is not",
    change: (draft: Record<string, unknown>) => void (draft["cuont"] = 1),
    message: 'cuont: there is no such field in src/shared/state.ts (did you mean "count"?)',
  },
  {
    name: "is changed by an async function",
    change: async (draft: { count: number }) => {
      draft.count = await Promise.resolve(1);
      throw new Error("of the function, later");
    },
    message: "the update function must not be async: await first, then update",
  },
  {
    name: "is changed by a function that throws",
    change: (draft: { count: number }) => {
      draft.count = 99;
      throw new TypeError("of the function");
    },
    message: "of the function",
  },
];

for (const { name, change, message } of BAD) {
  Deno.test(`a draft that ${name} rejects, changes nothing and does not harm the updates beside it`, async () => {
    const main = new HandMovedMain(fields);
    const before = main.replica.update((draft) => void draft.count++);
    const bad = assertRejects(() => main.replica.update(change as never), TypeError);
    const after = main.replica.update((draft) => void draft.count++);
    assertEquals((await bad).message, message);
    main.answer();
    await Promise.all([before, after]);
    assertEquals(main.replica.current, { count: 2, pair: { left: 0, right: 0 }, list: [] });
  });
}

Deno.test("watching: now, then the latest after each change, nothing twice", async () => {
  const main = new HandMovedMain(fields);
  const stopping = new AbortController();
  const seen: number[] = [];
  const watching = (async () => {
    for await (const left of main.replica.watch((s) => s.pair.left, { signal: stopping.signal })) {
      seen.push(left);
    }
  })();
  await settle();
  const show = async (change: Record<string, string>) => {
    main.change(change);
    main.broadcast(main.sequence - 1);
    await settle();
  };
  await show({ pair: '{"left":1,"right":0}' });
  await show({ pair: '{"left":1,"right":1}' });
  await show({ count: "1" });
  main.change({ pair: '{"left":2,"right":1}' });
  main.broadcast(main.sequence - 1);
  main.change({ pair: '{"left":3,"right":1}' });
  main.broadcast(main.sequence - 1);
  await settle();
  assertEquals(seen, [0, 1, 3]);
  stopping.abort();
  await watching;
});

Deno.test("watching: who is slow keeps nothing waiting but the latest value", async () => {
  const main = new HandMovedMain(fields);
  const { signal } = new AbortController();
  const values = main.replica.watch((s) => s.count, { signal });
  assertEquals((await values.next()).value, 0);
  for (let count = 1; count <= 10_000; count++) {
    main.change({ count: String(count) });
    main.broadcast(main.sequence - 1);
  }
  assertEquals((await values.next()).value, 10_000);
  await values.return();
});

Deno.test("watching objects: equal ones count as the same value", async () => {
  const main = new HandMovedMain(fields);
  const stopping = new AbortController();
  const values = main.replica.watch((s) => ({ ...s.pair }), { signal: stopping.signal });
  assertEquals((await values.next()).value, { left: 0, right: 0 });
  const next = values.next();
  main.change({ list: '["x"]' });
  main.broadcast(1);
  await settle();
  stopping.abort();
  assertEquals(await next, { done: true, value: undefined });
});

Deno.test("whatever main's broadcasts suffer, a replica shows states of the one order, and the last in the end", () => {
  const step = fc.record({
    change: fc.constantFrom("count", "pair", "list"),
    delivery: fc.constantFrom("at once", "dropped", "late", "twice", "with the next"),
    answers: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
      const main = new HandMovedMain(fields);
      const late: [since: number, sequence: number][] = [];
      let since = 1;
      let shown = 1;
      const look = () => {
        const place = main.replica.sequence;
        assert(place >= shown, `place ${place} after ${shown}`);
        shown = place;
        const { count, pair, list } = main.replica.current;
        const texts = { count: `${count}`, pair: JSON.stringify(pair), list: JSON.stringify(list) };
        assertEquals(texts, main.states[place], `at the place ${place}`);
      };
      steps.forEach(({ change, delivery, answers }, index) => {
        const values = {
          count: `${index}`,
          pair: `{"left":${index},"right":${-index - 1}}`,
          list: `["${index}"]`,
        };
        main.change({ [change]: values[change as keyof typeof values] });
        if (delivery === "with the next") return;
        const range: [number, number] = [since, main.sequence];
        since = main.sequence;
        if (delivery === "late") late.push(range);
        if (delivery === "at once" || delivery === "twice") main.broadcast(...range);
        if (delivery === "twice") main.broadcast(...range);
        look();
        if (answers && main.requests.length > 0) main.answer();
        look();
      });
      for (const range of late) {
        main.broadcast(...range);
        look();
      }
      main.deliver({ type: "latest", sequence: main.sequence });
      while (main.requests.length > 0) main.answer();
      look();
      assertEquals(main.replica.sequence, main.sequence);
    }),
    { numRuns: 500 },
  );
});
