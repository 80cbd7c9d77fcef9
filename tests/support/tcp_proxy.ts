// Runs in: tests.

/** One connection that goes through a proxy. */
export interface ProxyConnection {
  /** 1 for the first. */
  readonly number: number;
  /** Ends both sides: with RST-like suddenness for the client, and for the server. */
  cut(): void;
}

/** What happens to the bytes of one direction; may give back other bytes, or none. */
export type Filter = (bytes: Uint8Array, connection: ProxyConnection) => Uint8Array | Promise<Uint8Array>;

export interface TcpProxyOptions {
  /** Where connections lead. */
  target: { hostname?: string; port: number };
  /** Client to server, and server to client. */
  up?: Filter;
  down?: Filter;
  /** TLS towards the client: the proxy then sees what is inside. */
  tls?: { cert: string; key: string };
  onConnect?: (connection: ProxyConnection) => void;
}

/** A TCP proxy that does what networks do. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** How many connections there were, and are. */
  readonly connects: number;
  readonly open: number;
  /** Ends every connection. */
  cutAll(): void;
  /** New connections are ended at once, until it is called with false. */
  refuse(isRefusing: boolean): void;
  /** Nothing goes through any more, and nobody is told: half-open connections. */
  stall(isStalled: boolean): void;
  /** Bytes a second in each direction; Infinity = as they come. */
  slow(bytesPerSecond: number): void;
}

export function startTcpProxy(options: TcpProxyOptions): TcpProxy {
  const { target, up, down, tls, onConnect } = options;
  const listener = tls === undefined
    ? Deno.listen({ hostname: "127.0.0.1", port: 0 })
    : Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...tls });
  const connections = new Set<ProxyConnection>();
  let connects = 0;
  let isRefusing = false;
  let bytesPerSecond = Infinity;
  let gate = Promise.withResolvers<void>();
  gate.resolve();

  async function pipe(from: Deno.Conn, to: Deno.Conn, filter: Filter | undefined, own: ProxyConnection) {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const size = Number.isFinite(bytesPerSecond)
        ? Math.max(1, Math.floor(bytesPerSecond / 20))
        : buffer.length;
      const count = await from.read(buffer.subarray(0, size));
      if (count === null) return;
      await gate.promise;
      if (Number.isFinite(bytesPerSecond)) {
        await new Promise((resolve) => setTimeout(resolve, 1000 * count / bytesPerSecond));
      }
      let bytes = buffer.slice(0, count);
      if (filter !== undefined) bytes = Uint8Array.from(await filter(bytes, own));
      for (let done = 0; done < bytes.length;) done += await to.write(bytes.subarray(done));
    }
  }

  async function serve(client: Deno.Conn): Promise<void> {
    let server: Deno.Conn | undefined;
    const own: ProxyConnection = {
      number: ++connects,
      cut() {
        connections.delete(own);
        for (const side of [client, server]) {
          try {
            side?.close();
          } catch { /* closed already */ }
        }
      },
    };
    if (isRefusing) return own.cut();
    connections.add(own);
    onConnect?.(own);
    try {
      server = await Deno.connect({ hostname: target.hostname ?? "127.0.0.1", port: target.port });
      if (!connections.has(own)) return own.cut();
      await Promise.race([pipe(client, server, up, own), pipe(server, client, down, own)]);
    } catch { /* cut, refused or reset: the end of this connection */ }
    own.cut();
  }

  const accepting = (async () => {
    for (;;) {
      try {
        void serve(await listener.accept());
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
      }
    }
  })();

  return {
    port: (listener.addr as Deno.NetAddr).port,
    get connects() {
      return connects;
    },
    get open() {
      return connections.size;
    },
    cutAll() {
      for (const connection of [...connections]) connection.cut();
    },
    refuse(refusing) {
      isRefusing = refusing;
    },
    stall(isStalled) {
      gate.resolve();
      if (isStalled) gate = Promise.withResolvers<void>();
    },
    slow(rate) {
      bytesPerSecond = rate;
    },
    async [Symbol.asyncDispose]() {
      gate.resolve();
      listener.close();
      await accepting;
      for (const connection of [...connections]) connection.cut();
    },
  };
}
