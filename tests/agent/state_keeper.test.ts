// Runs in: tests.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import * as z from "zod";
import { StateFile } from "../../src/agent/state_file.ts";
import { until } from "../support/until.ts";
import { testFields } from "./state_fields.ts";
import { namesIn, StateLife, withStateFile } from "./state_node.ts";

new BroadcastChannel("stays open"); // see state_fixture.ts

Deno.test("the state survives a restart, but for what is volatile", () =>
  withStateFile(async (path) => {
    {
      await using life = await StateLife.start(path, testFields);
      await life.replica.update((draft) => {
        draft.total = 3;
        draft.parts = { a: 1, "ü": 2 };
        draft.moment = 9;
      });
    }
    const file = await StateFile.open(path);
    assertEquals([...(await file.read()).fields.keys()], ["parts", "total"], "volatile: not even written");
    file.close();
    await using life = await StateLife.start(path, testFields);
    assertEquals(life.state, { total: 3, parts: { a: 1, "ü": 2 }, note: "", moment: 0 });
    assertEquals(life.said, []);
  }));

Deno.test("changes are written at most once a second, each within two", () =>
  withStateFile(async (path) => {
    await using life = await StateLife.start(path, testFields);
    await life.replica.update((draft) => void (draft.total = Date.now()));
    await until("a first write", () => namesIn(join(path, "..")).includes("state.kv"));
    const reader = await StateFile.open(path);
    const writes = new Map<number, number>();
    await until("four writes", async () => {
      await life.replica.update((draft) => void (draft.total = Date.now()));
      const { savedMs, fields } = await reader.read();
      if (savedMs === null) return false;
      const total = Number(new TextDecoder().decode(fields.get("total")));
      writes.set(savedMs, total);
      assert(Date.now() - total < 2000, "what is on disk is older than two seconds");
      return writes.size === 4;
    });
    reader.close();
    const times = [...writes.keys()];
    times.slice(1).forEach((time, index) =>
      assert(time - times[index]! >= 990, `written after ${time - times[index]!} ms`)
    );
  }));

Deno.test("what changes nothing that is kept is not written", () =>
  withStateFile(async (_path, folder) => {
    {
      await using life = await StateLife.start(join(folder, "none", "state.kv"), {
        moment: testFields.moment,
      }, 1);
      await life.replica.update((draft) => void (draft.moment = 1));
      assert(life.said.length > 0, "it could not be read");
    }
    assertEquals(namesIn(folder), []);
  }));

Deno.test("a snapshot that fits only in part loses the rest, with one warning that names it", () =>
  withStateFile(async (path) => {
    const sensor = (max: number) => z.strictObject({ celsius: z.number().max(max) }).default({ celsius: 0 });
    {
      await using life = await StateLife.start(path, {
        ...testFields,
        sensor: sensor(100),
        pump: z.boolean().default(false),
      });
      await life.replica.update((draft) => {
        draft.total = 5;
        draft.sensor.celsius = 90;
        draft.pump = true;
        draft.note = "kept";
      });
    }
    const today = { ...testFields, sensor: sensor(80), note: z.string().default("") };
    {
      await using life = await StateLife.start(path, today);
      assertEquals(life.state, { total: 5, parts: {}, note: "kept", moment: 0, sensor: { celsius: 0 } });
      assertEquals(life.said, [
        "WARNING the saved state fits only in part; these fields begin with their defaults: pump, sensor",
      ]);
      assertEquals(
        life.log[0]!.details,
        "pump: there is no such field any more\nsensor.celsius: expected a number of at most 80, got 90",
      );
    }
    await using life = await StateLife.start(path, today);
    assertEquals([life.state.total, life.said], [5, []], "warned once, not for ever");
  }));

Deno.test("a field that became volatile, or got a key with a default, is no fault", () =>
  withStateFile(async (path) => {
    const before = { a: z.number().default(0), b: z.object({ x: z.number() }).default({ x: 0 }) };
    {
      await using life = await StateLife.start(path, before);
      await life.replica.update((draft) => {
        draft.a = 1;
        draft.b.x = 1;
      });
    }
    const b = z.object({ x: z.number(), y: z.number().default(7) }).default({ x: 0, y: 7 });
    await using life = await StateLife.start(path, { a: testFields.moment, b });
    assertEquals([life.state, life.said], [{ a: 0, b: { x: 1, y: 7 } }, []]);
  }));

Deno.test("fault 15 of Python Ivy: a field that is no UTF-8 is lost alone, and the rest works on", () =>
  withStateFile(async (path) => {
    {
      await using life = await StateLife.start(path, testFields);
      await life.replica.update((draft) => {
        draft.total = 5;
        draft.note = "x";
      });
    }
    const kv = await Deno.openKv(path);
    await kv.set(["state", "note"], new Uint8Array([0x22, 0xff, 0xfe, 0x22]));
    kv.close();
    await using life = await StateLife.start(path, testFields);
    assertEquals([life.state.total, life.state.note], [5, ""]);
    assertEquals(life.said, [
      "WARNING the saved state fits only in part; these fields begin with their defaults: note",
    ]);
    await life.replica.update((draft) => void (draft.note = "mended"));
  }));

const JUNK: { name: string; damage: (path: string) => void }[] = [
  {
    name: "is no UTF-8 and no database",
    damage: (path) => Deno.writeFileSync(path, new Uint8Array(5000).fill(0xff)),
  },
  {
    name: "was cut off",
    damage: (path) => Deno.truncateSync(path, 20_000),
  },
  {
    name: "has a page of zeros",
    damage: (path) => {
      const bytes = Deno.readFileSync(path);
      bytes.fill(0, 4096, 8192);
      Deno.writeFileSync(path, bytes);
    },
  },
];

for (const { name, damage } of JUNK) {
  Deno.test(`fault 15 of Python Ivy: a state file that ${name} is moved aside, and the node works on`, () =>
    withStateFile(async (path, folder) => {
      {
        await using life = await StateLife.start(path, testFields);
        await life.replica.update((draft) => void (draft.total = 5));
      }
      damage(path);
      const damaged = Deno.readFileSync(path);
      for (const part of ["-wal", "-shm"]) Deno.writeTextFileSync(path + part, "of the damaged file");
      {
        await using life = await StateLife.start(path, testFields, 1);
        assertEquals(life.state.total, 0);
        assertEquals(life.said.length, 1);
        assertMatch(
          life.said[0]!,
          /^ERROR .*state\.kv is damaged: it was moved to .*state\.kv\.damaged-2.*Z, and a new one is begun$/,
        );
        await life.replica.update((draft) => void (draft.total = 6));
      }
      await using life = await StateLife.start(path, testFields);
      assertEquals([life.state.total, life.said], [6, []]);
      const kept = namesIn(folder).filter((entry) => entry.includes("damaged"));
      assertEquals(kept.map((entry) => entry.replace(/.*Z/, "")), ["", "-shm", "-wal"]);
      assertEquals(Deno.readFileSync(join(folder, kept[0]!)), damaged);
    }));
}

Deno.test("a disk that cannot be written is told once; the agent works on and saves when it can again", () =>
  withStateFile(async (_path, folder) => {
    const away = join(folder, "mounted later", "state.kv");
    {
      await using life = await StateLife.start(away, testFields, 1);
      await life.replica.update((draft) => void (draft.total = 1));
      await life.replica.update((draft) => void (draft.total = 2));
      assertEquals(life.said.length, 1);
      assertMatch(
        life.said[0]!,
        /^ERROR the state is not saved as long as this lasts: unable to open database file/,
      );
      Deno.mkdirSync(join(folder, "mounted later"));
      await until("saved again", () => life.said.length === 2);
      assertEquals(life.said[1], "INFO the state is saved again");
    }
    await using life = await StateLife.start(away, testFields);
    assertEquals(life.state.total, 2);
  }));

Deno.test("a state that is larger than one commit may be is saved whole", () =>
  withStateFile(async (path) => {
    const names = Array.from({ length: 20 }, (_, index) => `field${index}`);
    const fields = Object.fromEntries(names.map((name) => [name, z.string().default("")]));
    {
      await using life = await StateLife.start(path, fields);
      await life.replica.update((draft) => {
        for (const name of names) draft[name] = `${name} ${"x".repeat(65_000)}`;
      });
    }
    await using life = await StateLife.start(path, fields);
    for (const name of names) assertEquals(life.state[name], `${name} ${"x".repeat(65_000)}`);
  }));

Deno.test("a file that is damaged in any of 150 ways neither stops the process nor the saving", () =>
  withStateFile(async (path, folder) => {
    const program = fromFileUrl(new URL("./state_fuzz_program.ts", import.meta.url));
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", "--no-check", program, path, "150"],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    const { clean, renewed, strange } = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals([clean + renewed, strange], [150, []]);
    assert(renewed > 30, `only ${renewed} were damaged badly: the test has tried little`);
    assertEquals(namesIn(folder).filter((name) => /damaged.*Z$/.test(name)).length, renewed);
  }));
