// Runs in: main thread.

const WIDTH = 30;

/** A bar on stderr that shows how far long work has come; nothing when stderr is no terminal. */
export function createProgress(what: string, total: number): { show(done: number): void; end(): void } {
  if (!Deno.stderr.isTerminal() || total === 0) return { show() {}, end() {} };
  const encoder = new TextEncoder();
  const write = (text: string) => Deno.stderr.writeSync(encoder.encode(text));
  return {
    show(done) {
      const filled = Math.round(WIDTH * done / total);
      write(`\r${what} [${"█".repeat(filled)}${" ".repeat(WIDTH - filled)}] ${done}/${total} days`);
    },
    end: () => write(`\r${" ".repeat(what.length + WIDTH + 30)}\r`),
  };
}
