// Runs in: tests.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { LAUNCHER } from "../../src/agent/launcher.ts";
import { until } from "../support/until.ts";

/** A root with two versions that are shell scripts, the newer one active. */
class Lab implements Disposable {
  readonly root = Deno.makeTempDirSync({ prefix: "ivy-launcher-" });

  constructor(counter?: string) {
    this.write("ivy", LAUNCHER, 0o755);
    this.write("1.2.3/ivy", program("1.2.3"), 0o755);
    this.write("4.5.6/ivy", program("4.5.6"), 0o755);
    this.write("4.5.6/previous", "1.2.3\n");
    Deno.symlinkSync("4.5.6", join(this.root, "current"));
    Deno.mkdirSync(join(this.root, "control"));
    if (counter !== undefined) this.write("control/probation", counter);
  }

  path(name: string): string {
    return join(this.root, name);
  }

  write(name: string, text: string, mode = 0o644): void {
    Deno.mkdirSync(dirname(this.path(name)), { recursive: true });
    Deno.writeTextFileSync(this.path(name), text);
    Deno.chmodSync(this.path(name), mode);
  }

  /** What the launcher printed with dash, and which version it ran. */
  launch(...args: string[]): { ran: string; stderr: string } {
    const { ran, stderr } = this.end(...args);
    return { ran, stderr };
  }

  /** The same with the exit status. */
  end(...args: string[]): { ran: string; stderr: string; code: number } {
    const command = new Deno.Command("dash", { args: [this.path("ivy"), ...args], stdin: "null" });
    const { stdout, stderr, code } = command.outputSync();
    return { ran: new TextDecoder().decode(stdout).trim(), stderr: new TextDecoder().decode(stderr), code };
  }

  get counter(): string {
    return Deno.readTextFileSync(this.path("control/probation")).replace(/( -)(,\w{8})*\n$/, "$1");
  }

  get active(): string {
    return Deno.readLinkSync(this.path("current"));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }
}

function program(version: string, then = ""): string {
  return `#!/bin/sh\n[ "$1" = info ] && { echo "version ${version}"; exit; }\n${then}echo "${version}:$*:$IVY_ROOT"\n`;
}

Deno.test("the launcher has at most 40 lines, and none that dash does not understand", async () => {
  assert(LAUNCHER.trimEnd().split("\n").length <= 40);
  using lab = new Lab();
  const { success } = await new Deno.Command("dash", { args: ["-n", lab.path("ivy")] }).output();
  assert(success);
});

Deno.test("it runs the active version with its words and the root", () => {
  using lab = new Lab();
  assertEquals(lab.launch("run", "a b", "--root=$x"), {
    ran: `4.5.6:run a b --root=$x:${lab.root}`,
    stderr: "",
  });
});

Deno.test("a version on probation is started three times, then the old one runs", () => {
  using lab = new Lab("4.5.6 1.2.3 0 60 -\n");
  for (const [starts, word] of ["run", "start", "restart"].entries()) {
    assertStringIncludes(lab.launch(word).ran, `4.5.6:${word}:`);
    assertEquals(lab.counter, `4.5.6 1.2.3 ${starts + 1} 60 -`);
  }
  const { ran, stderr } = lab.launch("run");
  assertStringIncludes(ran, "1.2.3:run:");
  assertEquals(stderr, "ivy: back to 1.2.3, because 4.5.6 did not get well in 3 starts\n");
  assertEquals([lab.active, lab.counter], ["1.2.3", "4.5.6 1.2.3 back 60 -"]);
  assertStringIncludes(lab.launch("run").ran, "1.2.3:run:");
  assertEquals([lab.active, lab.counter], ["1.2.3", "4.5.6 1.2.3 back 60 -"]);
});

Deno.test("other commands are no starts", () => {
  using lab = new Lab("4.5.6 1.2.3 3 60 -\n");
  for (const word of ["status", "stop", "logs", "--help"]) {
    assertStringIncludes(lab.launch(word).ran, "4.5.6:");
  }
  assertEquals(lab.counter, "4.5.6 1.2.3 3 60 -");
});

Deno.test("a counter that was made before the switch counts nothing", () => {
  using lab = new Lab("7.8.9 4.5.6 0 60 -\n");
  assertStringIncludes(lab.launch("run").ran, "4.5.6:run:");
  assertEquals(lab.counter, "7.8.9 4.5.6 0 60 -");
});

for (
  const damage of [
    "",
    "\n",
    "\0\0\0\0\0\0\0\0\n",
    "4.5.6",
    "4.5.6 1.2.3 x 60 -\n",
    "4.5.6 1.2.3 9 60 -\n",
    "4.5.6 1.2.3 1 6o -\n",
    "4.5.6 1.2.3 1 60\n",
    "garbage garbage garbage garbage garbage\n",
  ]
) {
  Deno.test(`a damaged counter leads to the previous version: ${JSON.stringify(damage)}`, () => {
    using lab = new Lab(damage);
    assertStringIncludes(lab.launch("run").ran, "1.2.3:run:");
    assertEquals(lab.active, "1.2.3");
    assertStringIncludes(lab.launch("run").ran, "1.2.3:run:");
  });
}

const UNUSABLE: [name: string, spoil: (lab: Lab) => void][] = [
  ["missing", (lab) => Deno.removeSync(lab.path("4.5.6/ivy"))],
  ["empty", (lab) => lab.write("4.5.6/ivy", "", 0o755)],
  ["not executable", (lab) => Deno.chmodSync(lab.path("4.5.6/ivy"), 0o644)],
  ["a folder", (lab) => {
    Deno.removeSync(lab.path("4.5.6/ivy"));
    Deno.mkdirSync(lab.path("4.5.6/ivy"));
  }],
  ["zeros", (lab) => lab.write("4.5.6/ivy", "\0".repeat(4096), 0o755)],
  ["no program", (lab) => lab.write("4.5.6/ivy", "echo a shell would run this\n", 0o755)],
];

for (const [name, spoil] of UNUSABLE) {
  for (const counter of ["4.5.6 1.2.3 0 60 -\n", undefined]) {
    Deno.test(`a binary that is ${name} is not started, ${counter ? "" : "not "}on probation`, () => {
      using lab = new Lab(counter);
      spoil(lab);
      assertStringIncludes(lab.launch("run").ran, "1.2.3:run:");
      assertEquals(lab.active, "1.2.3");
    });
  }
}

for (const [name, spoil] of UNUSABLE) {
  Deno.test(`where nothing else is there, a binary that is ${name} is refused, and no command succeeds`, () => {
    using lab = new Lab();
    Deno.removeSync(lab.path("1.2.3"), { recursive: true });
    spoil(lab);
    for (const word of ["run", "start", "status"]) {
      const { ran, stderr, code } = lab.end(word);
      assertEquals([ran, code === 0], ["", false]);
      assertStringIncludes(stderr, "ivy: ");
      assertStringIncludes(stderr, "/ivy is missing");
    }
  });
}

const NOT_EXECUTABLE: [name: string, text: string][] = [
  ["of another processor", "\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0"],
  ["without its interpreter", "#!/nowhere/sh\n"],
  ["that ends with 1", "#!/bin/sh\nexit 1\n"],
  ["that ends with 0 and says nothing", "#!/bin/sh\n"],
  ["that is another version", program("4.5.7")],
];

for (const [name, text] of NOT_EXECUTABLE) {
  Deno.test(`on probation a binary ${name} is given up at once`, () => {
    using lab = new Lab("4.5.6 1.2.3 0 60 -\n");
    lab.write("4.5.6/ivy", text, 0o755);
    const { ran, stderr } = lab.launch("run");
    assertStringIncludes(ran, "1.2.3:run:");
    assertEquals(stderr, "ivy: back to 1.2.3, because 4.5.6 cannot be executed\n");
    assertEquals([lab.active, lab.counter], ["1.2.3", "4.5.6 1.2.3 back 60 -"]);
  });
}

Deno.test("where there is no version to go back to, the active one runs on", () => {
  using lab = new Lab("4.5.6 1.2.3 3 60 -\n");
  Deno.removeSync(lab.path("1.2.3"), { recursive: true });
  assertStringIncludes(lab.launch("run").ran, "4.5.6:run:");
  lab.write("control/probation", "4.5.6 ../../bin 3 60 -\n");
  assertStringIncludes(lab.launch("run").ran, "4.5.6:run:");
});

Deno.test("what the store has put into its folder does nothing: no counter, no program, no PID", () => {
  using lab = new Lab();
  lab.write("data/ivy", program("of the store"), 0o755);
  lab.write("data/probation", "4.5.6 data 3 60 -\n");
  lab.write("data/run.lock", "1\n");
  assertEquals(lab.launch("run"), { ran: `4.5.6:run:${lab.root}`, stderr: "" });
  lab.write("data/probation", "garbage\n");
  assertEquals(lab.launch("run"), { ran: `4.5.6:run:${lab.root}`, stderr: "" });
  assertEquals(lab.active, "4.5.6");
});

const NO_VERSIONS = [
  "data",
  "..",
  ".",
  "/tmp",
  "-n",
  "1.2",
  "1.2.3/../data",
  "1.2.3 data",
  "1.2.x",
  "1.2.3-",
  "x1.2.3",
];

for (const name of NO_VERSIONS) {
  Deno.test(`only the name of a version leads to a program: ${name}`, () => {
    using lab = new Lab();
    lab.write("data/ivy", program("of the store"), 0o755);
    for (const counter of [`4.5.6 ${name} 3 60 -\n`, `4.5.6 ${name} back 60 -\n`, "lost"]) {
      lab.write("control/probation", counter);
      lab.write("4.5.6/previous", `${name}\n`);
      assertStringIncludes(lab.launch("run").ran, "4.5.6:run:");
    }
    Deno.removeSync(lab.path("current"));
    Deno.symlinkSync(name, lab.path("current"));
    const { ran, stderr } = lab.launch("run");
    assertEquals(ran, "");
    assertStringIncludes(stderr, "is missing, empty or no program");
  });
}

Deno.test("a binary of which the power left zeros is none, and no script that does nothing either", () => {
  using lab = new Lab();
  lab.write("4.5.6/ivy", "\0".repeat(10_000), 0o755);
  assertStringIncludes(lab.launch("run").ran, "1.2.3:run:");
  lab.write("1.2.3/ivy", "\0".repeat(10_000), 0o755);
  assertStringIncludes(
    lab.launch("run").stderr,
    `${lab.root}/1.2.3/ivy is missing, empty or no program`,
  );
});

Deno.test("start is no new start while the agent runs, as cron calls it every minute; restart is one", () => {
  using lab = new Lab("4.5.6 1.2.3 1 60 -\n");
  Deno.copyFileSync("/bin/sleep", lab.path("4.5.6/agent"));
  const agent = new Deno.Command(lab.path("4.5.6/agent"), { args: ["60"] }).spawn();
  try {
    lab.write("control/run.lock", `${agent.pid}\n`);
    for (let minute = 0; minute < 5; minute++) assertStringIncludes(lab.launch("start").ran, "4.5.6:start:");
    assertEquals(lab.counter, "4.5.6 1.2.3 1 60 -");
    lab.launch("restart");
    assertEquals(lab.counter, "4.5.6 1.2.3 2 60 -");
  } finally {
    agent.kill("SIGKILL");
  }
});

Deno.test("a start that hung counts like any other", () => {
  using lab = new Lab("4.5.6 1.2.3 1 60 -,0123abcd,hung\n");
  assertStringIncludes(lab.launch("run").ran, "4.5.6:run:");
  assertStringIncludes(
    Deno.readTextFileSync(lab.path("control/probation")),
    "4.5.6 1.2.3 2 60 -,0123abcd,hung,",
  );
});

Deno.test("a version that hangs is ended after its time", async () => {
  using lab = new Lab("4.5.6 1.2.3 0 1 -\n");
  Deno.copyFileSync("/bin/sleep", lab.path("4.5.6/sleep"));
  lab.write("4.5.6/ivy", program("4.5.6", `exec "${lab.path("4.5.6/sleep")}" 60\n`), 0o755);
  const child = new Deno.Command("dash", { args: [lab.path("ivy"), "run"] }).spawn();
  const { signal } = await child.status;
  assertEquals(signal, "SIGKILL");
  const counter = () => Deno.readTextFileSync(lab.path("control/probation"));
  await until("it was counted", () => /^4\.5\.6 1\.2\.3 1 1 -,\w{8},hung\n$/.test(counter()));
});
