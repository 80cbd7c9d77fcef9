// Runs in: tests.
import { assertEquals, assertMatch } from "@std/assert";
import type { AgentProcess } from "../support/agent_process.ts";
import { needs } from "../support/needs.ts";
import { TestNode } from "../support/node.ts";
import { misbehavingIvy } from "../support/program.ts";
import { Scratch } from "../support/scratch.ts";
import { TerminalPair } from "../support/terminal_pair.ts";

const INTERRUPT = new Uint8Array([0x03]);

Deno.test({
  name: "a service that reads a serial line is not ended by a byte from it, nor by an unplugged adapter",
  ignore: needs("socat") !== undefined,
  fn: async () => {
    await using scratch = new Scratch("ivy-serial-");
    await using pair = await TerminalPair.open(scratch.path);
    await using node = new TestNode({
      program: ["setsid", ...await misbehavingIvy()], // as under systemd: a session of its own, and no terminal
      procedures: { reads_device: { path: pair.near } },
    });
    await using agent = await node.run().ready();
    assertEquals(sessionOf(agent.pid), agent.pid);
    await agent.log.until(/tick \d+: cannot read .*near/);
    assertEquals(terminalOf(agent.pid), 0, "it has no controlling terminal");
    await pair.send(INTERRUPT);
    await moreTicks(agent);
    await pair.unplug();
    await moreTicks(agent);
    assertMatch(agent.log.text, /tick \d+: cannot read \S+near: it is a serial line .*ser2net/);
    const { code } = await agent.stop();
    assertEquals(code, 0);
    assertEquals(agent.log.text.match(/ stopping: .*/g)?.length, 1, "only the test ends it");
  },
});

async function moreTicks(agent: AgentProcess): Promise<void> {
  const before = ticksIn(agent.log.text);
  await agent.log.untilTrue("five more ticks", (text) => ticksIn(text) >= before + 5 || undefined);
}

function ticksIn(text: string): number {
  return text.match(/tick \d+:/g)?.length ?? 0;
}

/** The fields of `/proc/PID/stat` after the name, see proc(5): state, parent, group, session, terminal, … */
function statOf(pid: number): number[] {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
}

const sessionOf = (pid: number) => statOf(pid)[3];
const terminalOf = (pid: number) => statOf(pid)[4];
