// Runs in: tests.

const PROGRAM = "/usr/bin/vcgencmd";

/** Stand-ins for the sensors of `procedures/README.md` that are no files of the kernel. */
export interface Equipment extends AsyncDisposable {
  /** The same code, with this machine's program. */
  adapt(code: string): string;
  /** The same settings, with this machine's addresses and faster. */
  settings(written: Record<string, Record<string, unknown>>): Record<string, Record<string, unknown>>;
}

export function startEquipment(): Equipment {
  const folder = Deno.makeTempDirSync({ prefix: "ivy-equipment-" });
  const program = `${folder}/vcgencmd`;
  Deno.writeTextFileSync(program, '#!/bin/sh\n[ "$1 $2" = "measure_volts core" ] && echo "volt=0.8600V"\n', {
    mode: 0o700,
  });
  const station = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => Response.json({ temperature: -3.5, wind_speed: 12, model: "WS-1" }),
  );
  const line = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const spoken = speak(line);
  const addresses: Record<string, Record<string, unknown>> = {
    co2_sensor: { port: line.addr.port },
    weather_station: { url: `http://127.0.0.1:${station.addr.port}/api` },
  };
  return {
    adapt: (code) => code.replaceAll(PROGRAM, program),
    settings: (written) =>
      Object.fromEntries(
        Object.entries(written).map(([name, own]) => {
          const faster = Object.keys(own).filter((key) => key.startsWith("seconds_between_"));
          return [name, { ...own, ...addresses[name], ...Object.fromEntries(faster.map((key) => [key, 1])) }];
        }),
      ),
    async [Symbol.asyncDispose]() {
      line.close();
      await Promise.all([spoken, station.shutdown()]);
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** A serial sensor behind a TCP port: whoever connects hears it. */
async function speak(line: Deno.TcpListener): Promise<void> {
  for await (const connection of line) {
    await connection.write(new TextEncoder().encode("CO2=412.5 T=21.4\r\n")).catch(() => {}); // it has gone
    void connection.readable.pipeTo(new WritableStream()).catch(() => {}); // until it goes
  }
}
