// Runs in: tests.
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { holdsProgram, isProgram } from "../../src/agent/program_file.ts";
import { Scratch } from "../support/scratch.ts";

const CASES: [name: string, content: string | Uint8Array<ArrayBuffer>, mode: number, isOne: boolean][] = [
  ["a script", "#!/bin/sh\n", 0o755, true],
  ["the beginning of an ELF file", new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2]), 0o755, true],
  ["what a power cut left", "", 0o755, false],
  ["zeros", new Uint8Array(64), 0o755, false],
  ["two bytes", "#!", 0o755, true],
  ["nobody may execute it", "#!/bin/sh\n", 0o644, false],
];

for (const [name, content, mode, isOne] of CASES) {
  Deno.test(`a program or not: ${name}`, async () => {
    await using scratch = new Scratch("ivy-program-");
    const path = join(scratch.path, "program");
    assertEquals(isProgram(path), false, "nothing is there");
    Deno.writeFileSync(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
    Deno.chmodSync(path, mode);
    assertEquals(isProgram(path), isOne);
  });
}

Deno.test("a copy of a program holds it when every byte is there, and it may be executed", async () => {
  await using scratch = new Scratch("ivy-program-");
  const [program, copy] = [join(scratch.path, "program"), join(scratch.path, "copy")];
  const bytes = new Uint8Array(2_500_000).fill(7);
  Deno.writeFileSync(program, bytes, { mode: 0o755 });
  assertEquals(holdsProgram(copy, program), false);
  Deno.writeFileSync(copy, bytes, { mode: 0o755 });
  assertEquals(holdsProgram(copy, program), true);
  Deno.chmodSync(copy, 0o644);
  assertEquals(holdsProgram(copy, program), false);
  Deno.chmodSync(copy, 0o755);
  bytes[2_400_000] = 8;
  Deno.writeFileSync(copy, bytes);
  assertEquals(holdsProgram(copy, program), false, "one byte differs");
  Deno.removeSync(copy);
  Deno.linkSync(program, copy);
  assertEquals(holdsProgram(copy, program), true, "the same file by another name");
});
