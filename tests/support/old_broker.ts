// Runs in: tests.

/** Stands before a broker and refuses MQTT 5, as brokers from before 2017 do. */
export interface OldBroker extends AsyncDisposable {
  readonly port: number;
  /** The protocol versions that were asked for, in order. */
  readonly asked: number[];
}

/** @param manner `says`: CONNACK with return code 1; `hangs_up`: closes without a word. */
export function startOldBroker(target: { port: number }, manner: "says" | "hangs_up"): OldBroker {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const asked: number[] = [];
  const open = new Set<Deno.Conn>();

  async function serve(client: Deno.Conn): Promise<void> {
    open.add(client);
    const first = new Uint8Array(4096);
    const count = await client.read(first);
    if (count === null) return;
    const version = first[first.indexOf(0x4d) + 4]!; // follows "MQTT"
    asked.push(version);
    if (version === 5) {
      if (manner === "says") await client.write(new Uint8Array([0x20, 2, 0, 1]));
      return client.close();
    }
    const server = await Deno.connect({ hostname: "127.0.0.1", port: target.port });
    open.add(server);
    await server.write(first.subarray(0, count));
    await Promise.race([client.readable.pipeTo(server.writable), server.readable.pipeTo(client.writable)]);
  }

  const accepting = (async () => {
    for await (const client of listener) {
      void serve(client).catch(() => {
        try {
          client.close();
        } catch { /* closed already */ }
      });
    }
  })();
  return {
    port: listener.addr.port,
    asked,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const connection of open) {
        try {
          connection.close();
        } catch { /* closed already */ }
      }
    },
  };
}
