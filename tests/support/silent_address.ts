// Runs in: tests.

/** How long a connection may take on this machine before it counts as unanswered, in milliseconds. */
const LIMIT_MS = 500;

/** An address at which nobody answers at all, as behind a firewall: a listener whose queue is full. */
export async function silentAddress(hostname: string, port: number): Promise<Disposable> {
  const listener = Deno.listen({ hostname, port });
  const waiting: Deno.Conn[] = [];
  for (;;) {
    const connecting = Deno.connect({ hostname, port });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<undefined>((resolve) => timer = setTimeout(() => resolve(undefined), LIMIT_MS));
    const connection = await Promise.race([connecting, late]);
    clearTimeout(timer);
    if (connection === undefined) {
      connecting.then((late) => late.close(), () => {}); // once the listener is gone
      break;
    }
    waiting.push(connection);
  }
  return {
    [Symbol.dispose]() {
      listener.close();
      for (const connection of waiting) connection.close();
    },
  };
}
