// Runs in: main thread.

const WIDTH = 30;

/** A bar that shows how far long work has come; nothing where nobody looks (no terminal). */
export function createProgress(
  what: string,
  total: number,
  screen: { isTerminal(): boolean; writeSync(bytes: Uint8Array): number } = Deno.stderr,
): { show(done: number): void; end(): void } {
  if (!screen.isTerminal() || total === 0) return { show() {}, end() {} };
  const encoder = new TextEncoder();
  const write = (text: string) => screen.writeSync(encoder.encode(text));
  return {
    show(done) {
      const filled = Math.round(WIDTH * done / total);
      write(`\r${what} [${"█".repeat(filled)}${" ".repeat(WIDTH - filled)}] ${done}/${total} days`);
    },
    end: () => write(`\r${" ".repeat(what.length + WIDTH + 30)}\r`),
  };
}
