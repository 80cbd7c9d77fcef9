// Runs in: main thread.
import { runCommandLine } from "./src/cli/command_line.ts";

Deno.exit(await runCommandLine(Deno.args));
