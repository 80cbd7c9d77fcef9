// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Element, packParcels, type ParcelLimits, splitParcel } from "../../src/runtime/parcels.ts";

const LIMITS: ParcelLimits = { isArray: true, maxElements: 3, maxBytes: 40, maxPoints: 5 };
const element = (id: number, channel: string, text = String(id), points = 1): Element => ({
  id,
  channel,
  text,
  points,
});
const pack = (elements: Element[], limits: Partial<ParcelLimits> = {}, targetBytes = Infinity) =>
  packParcels(elements, () => ({ ...LIMITS, ...limits }), targetBytes);
const shown = ({ parcels }: ReturnType<typeof pack>) =>
  parcels.map(({ channel, payload }) => `${channel} ${payload}`);

const TABLE: [name: string, result: string[], expected: string[]][] = [
  ["neighbours share an array", shown(pack([element(1, "a"), element(2, "a")])), ["a [1,2]"]],
  ["as many as are allowed", shown(pack([1, 2, 3, 4].map((id) => element(id, "a")))), ["a [1,2,3]", "a [4]"]],
  [
    "channels are kept apart, each in order",
    shown(pack([element(1, "a"), element(2, "b"), element(3, "a")])),
    [
      "a [1,3]",
      "b [2]",
    ],
  ],
  [
    "bytes count, not characters",
    shown(pack([element(1, "a", '"ööööööööö"'), element(2, "a", '"ööööööööö"')])),
    [
      'a ["ööööööööö"]',
      'a ["ööööööööö"]',
    ],
  ],
  ["data points count", shown(pack([element(1, "a", "1", 3), element(2, "a", "2", 3)])), ["a [1]", "a [2]"]],
  [
    "one that travels alone is no array",
    shown(pack([element(1, "a"), element(2, "a")], { isArray: false, maxElements: 1 })),
    [
      "a 1",
      "a 2",
    ],
  ],
  ["nothing joins above the target", shown(pack([element(1, "a"), element(2, "a")], {}, 0)), [
    "a [1]",
    "a [2]",
  ]],
];
for (const [name, result, expected] of TABLE) {
  Deno.test(`parcels: ${name}`, () => assertEquals(result, expected));
}

Deno.test("parcels: what is too large even alone is named, the others go", () => {
  const { parcels, unsendable } = pack([
    element(1, "a"),
    element(2, "a", "x".repeat(39)),
    element(3, "a", "3", 6),
  ]);
  assertEquals(parcels.map(({ payload }) => payload), ["[1]"]);
  assertEquals(unsendable, [
    { id: 2, reason: "larger than the 40 bytes that the server takes" },
    { id: 3, reason: "more data points than the server takes at once" },
  ]);
});

Deno.test("parcels: a refused one is taken apart into one for each element", () => {
  const { parcels: [parcel] } = pack([element(1, "a"), element(2, "a")]);
  assertEquals(splitParcel(parcel!, () => LIMITS).map(({ payload }) => payload), ["[1]", "[2]"]);
});

Deno.test("parcels: whatever comes, everything is in once, in order, and within every limit", () => {
  const elements = fc.array(
    fc.record({
      channel: fc.constantFrom("a", "b", "c"),
      text: fc.json({ maxDepth: 1 }),
      points: fc.integer({ min: 0, max: 9 }),
    }),
    { maxLength: 60 },
  ).map((list) => list.map((own, index) => ({ ...own, id: index + 1 })));
  const limits = fc.record({
    isArray: fc.constant(true),
    maxElements: fc.integer({ min: 1, max: 9 }),
    maxBytes: fc.integer({ min: 2, max: 200 }),
    maxPoints: fc.integer({ min: 1, max: 30 }),
  });
  fc.assert(
    fc.property(elements, limits, fc.integer({ min: 0, max: 300 }), (elements, limits, targetBytes) => {
      const { parcels, unsendable } = packParcels(elements, () => limits, targetBytes);
      const sent = parcels.flatMap((parcel) => parcel.elements.map(({ id }) => id));
      assertEquals(
        [
          ...sent,
          ...unsendable.map(({ id }) => id),
        ].sort((a, b) => a - b),
        elements.map(({ id }) => id),
      );
      for (const channel of ["a", "b", "c"]) {
        const own = parcels.filter((parcel) => parcel.channel === channel).flatMap((parcel) =>
          parcel.elements
        );
        assertEquals(own.map(({ id }) => id), own.map(({ id }) => id).toSorted((a, b) => a - b));
      }
      for (const parcel of parcels) {
        assertEquals(parcel.sizeBytes, new TextEncoder().encode(parcel.payload).length);
        assert(parcel.sizeBytes <= limits.maxBytes && parcel.elements.length <= limits.maxElements);
        assert(parcel.points <= limits.maxPoints);
        assertEquals((JSON.parse(parcel.payload) as unknown[]).length, parcel.elements.length);
      }
    }),
  );
});
