// Runs in: tests.
import type { AgentProcess } from "./agent_process.ts";
import { type TestConfig, TestNode, type TestNodeOptions } from "./node.ts";
import type { Program } from "./program.ts";
import { parseAnswer, type RawAnswer, readAll, sendRaw } from "./raw_http.ts";

/** A real node that serves its status page on a free port. */
export class PageNode implements AsyncDisposable {
  private constructor(readonly node: TestNode, readonly agent: AgentProcess, readonly port: number) {}

  /** @param token null = none */
  static async start(
    { token = null, configure = () => {}, before = () => Promise.resolve(), ...options }: TestNodeOptions & {
      token?: unknown;
      configure?: (config: TestConfig) => void;
      /** Prepares the root before the agent is started. */
      before?: (node: TestNode) => Promise<void>;
    },
  ): Promise<PageNode> {
    const node = new TestNode(options);
    node.configure((config) => {
      config["status_page"] = { port: 0, token };
      configure(config);
    });
    await before(node);
    const agent = await node.run().ready();
    const [, port] = await agent.log.until(
      /status_page {2}the status page is at http:\/\/127\.0\.0\.1:(\d+)/,
    );
    return new PageNode(node, agent, Number(port));
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  send(text: string): Promise<RawAnswer> {
    return sendRaw(this.port, text);
  }

  connect(): Promise<Deno.TcpConn> {
    return Deno.connect({ hostname: "127.0.0.1", port: this.port });
  }

  /** How many file descriptors the node has open. */
  get openFiles(): number {
    return [...Deno.readDirSync(`/proc/${this.agent.pid}/fd`)].length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent.stop();
    await this.node[Symbol.asyncDispose]();
  }
}

/** The same program with few file descriptors, as a service may have. */
export function withOpenFiles(limit: number, program: Program): Program {
  return ["sh", "-c", `ulimit -n ${limit}; exec "$0" "$@"`, ...program];
}

/** Reads what a connection still gives; empty when the server has turned it away. */
export async function restOf(conn: Deno.Conn): Promise<RawAnswer> {
  return parseAnswer(await readAll(conn));
}
