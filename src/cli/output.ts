// Runs in: main thread.
import { bold, dim, green, red, setColorEnabled, yellow } from "@std/fmt/colors";

/** Where a command prints: facts to stdout, everything else to stderr; coloured only on a terminal. */
export interface Output {
  /** A line of facts on stdout. */
  print(line?: string): void;
  /** Text on stdout, as it is. */
  write(text: string): void;
  /** A line for the person on stderr. */
  note(line: string): void;
  /** Machine-readable facts on stdout. */
  json(value: unknown): void;
  colour: boolean;
  /** True when nobody reads stdout any more (`ivy logs -f | head`). */
  readonly isClosed: boolean;
}

/** @param noColor Content of `NO_COLOR`; any text turns colours off. */
export function createOutput(noColor: string | undefined): Output {
  const colour = Deno.stdout.isTerminal() && !noColor;
  setColorEnabled(colour);
  let isClosed = false;
  const encoder = new TextEncoder();
  const write = (stream: typeof Deno.stdout, text: string) => {
    try {
      for (let bytes = encoder.encode(text); bytes.length > 0;) {
        bytes = bytes.subarray(stream.writeSync(bytes));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error; // `ivy logs | head` is no fault
      isClosed ||= stream === Deno.stdout;
    }
  };
  return {
    print: (line = "") => write(Deno.stdout, `${line}\n`),
    write: (text) => write(Deno.stdout, text),
    note: (line) => write(Deno.stderr, `${line}\n`),
    json: (value) => write(Deno.stdout, `${JSON.stringify(value, null, 2)}\n`),
    colour,
    get isClosed() {
      return isClosed;
    },
  };
}

/** Rows as aligned columns, two spaces apart. Colours in the cells do not count. */
export function alignColumns(rows: string[][]): string[] {
  // deno-lint-ignore no-control-regex -- the escape sequences of colours
  const width = (text: string) => [...text.replaceAll(/\x1b\[\d+m/g, "")].length;
  const widths = rows.reduce<number[]>(
    (found, row) => row.map((cell, i) => Math.max(found[i] ?? 0, width(cell))),
    [],
  );
  return rows.map((row) =>
    row.map((cell, i) => i === row.length - 1 ? cell : cell + " ".repeat(widths[i]! - width(cell))).join("  ")
  );
}

export const paint = { bold, dim, green, red, yellow };
