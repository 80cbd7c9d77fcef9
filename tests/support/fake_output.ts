// Runs in: tests.
import type { CommandContext } from "../../src/cli/command.ts";
import { commands } from "../../src/cli/commands.ts";
import type { Output } from "../../src/cli/output.ts";
import { shippedParts } from "../../src/agent/parts.ts";

/** Keeps what a command prints; plain. */
export class FakeOutput implements Output {
  lines: string[] = [];
  notes: string[] = [];
  values: unknown[] = [];
  text = "";
  colour = false;
  isClosed = false;
  /** Called after each line. */
  onPrint: () => void = () => {};

  print(line = ""): void {
    for (const part of line.split("\n")) {
      this.lines.push(part);
      this.onPrint();
    }
  }

  write(text: string): void {
    this.text += text;
  }

  note(line: string): void {
    this.notes.push(line);
  }

  json(value: unknown): void {
    this.values.push(value);
  }
}

/** What a command works with, for calling it in this process. */
export function fakeContext(out: Output, given: Partial<CommandContext>): CommandContext {
  return {
    flags: {},
    args: [],
    out,
    root: "/nowhere",
    commands,
    parts: () => Promise.resolve(shippedParts),
    environment: {},
    ...given,
  };
}
