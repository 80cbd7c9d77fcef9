// Runs in: tests.
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { linesOf } from "../../src/runtime/procedure.ts";
import { blocksOf } from "../support/documents.ts";
import { freePort } from "../support/free_port.ts";
import { findProgram, needs } from "../support/needs.ts";
import { Scratch } from "../support/scratch.ts";
import { until } from "../support/until.ts";

/** Runs a program until it is disposed of. */
function start(name: "socat" | "ser2net", args: string[]): AsyncDisposable {
  const child = new Deno.Command(findProgram(name)!, {
    args,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
    },
  };
}

async function connect(port: number): Promise<Deno.TcpConn | undefined> {
  return await Deno.connect({ hostname: "127.0.0.1", port }).catch(() => undefined);
}

Deno.test({
  name: "ser2net, as the documents configure it, carries lines from a serial device to linesOf",
  ignore: needs("ser2net") !== undefined || needs("socat") !== undefined,
  fn: async () => {
    const [yaml] = blocksOf("procedures/README.md").filter(({ language }) => language === "yaml");
    await using scratch = new Scratch("ivy-serial-");
    const folder = scratch.path;
    const port = freePort();
    const end = (name: string) => `pty,raw,echo=0,link=${join(folder, name)}`;
    await using _wire = start("socat", [end("sensor"), end("ttyUSB0")]);
    await until("there are two ends", () => [...Deno.readDirSync(folder)].length === 2);
    const config = yaml!.text.replace("/dev/ttyUSB0", join(folder, "ttyUSB0")).replace("3001", `${port}`);
    await Deno.writeTextFile(join(folder, "ser2net.yaml"), `${config}\n`);
    await using _ser2net = start("ser2net", ["-n", "-c", join(folder, "ser2net.yaml")]);

    let connection: Deno.TcpConn | undefined;
    await until("ser2net listens", async () => (connection = await connect(port)) !== undefined);
    const found: string[] = [];
    const signal = AbortSignal.timeout(20_000);
    const talking = setInterval(
      () => Deno.writeTextFileSync(join(folder, "sensor"), "CO2=412.5 T=21.4\r\n"),
      50,
    );
    for await (const line of linesOf(connection!.readable, { signal, silenceMs: 20_000 })) {
      if (found.push(line) === 2) break;
    }
    clearInterval(talking);
    assertEquals(found[1], "CO2=412.5 T=21.4");
  },
});
