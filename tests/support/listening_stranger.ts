// Runs in: tests.

/** A server of somebody who wants a node's secrets: it writes down every byte that it gets, and answers nothing. */
export interface ListeningStranger extends AsyncDisposable {
  readonly port: number;
  /** All that was sent to it, as text. */
  received(): string;
}

export function listenAsStranger(): ListeningStranger {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let text = "";
  const read = async (conn: Deno.Conn) => {
    const decoder = new TextDecoder("latin1");
    try {
      for await (const bytes of conn.readable) text += decoder.decode(bytes);
    } catch { /* the node has hung up */ }
  };
  const accepting = (async () => {
    for await (const conn of listener) void read(conn);
  })();
  return {
    port: listener.addr.port,
    received: () => text,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
    },
  };
}
