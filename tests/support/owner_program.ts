// Runs in: tests.
import { becomeOwnerOf } from "../../src/agent/owner.ts";

const [root, secret] = Deno.args as [string, string];
await Promise.all([1, 2, 3, 4].map(() => Deno.readTextFile(secret))); // threads of the runtime are there already

becomeOwnerOf(root);
const threads = [...Deno.readDirSync("/proc/self/task")].flatMap(({ name }) => {
  const text = Deno.readTextFileSync(`/proc/self/task/${name}/status`);
  return /^Uid:\t.*\nGid:\t.*\n[^]*?^Groups:\t.*\n[^]*?^CapPrm:.*\n^CapEff:.*$/m.exec(text)?.[0] ?? [];
});
const refusals = [
  () => Deno.readTextFileSync(secret),
  () => Deno.readTextFile(secret),
  () => Deno.chown(root, 0, 0),
  () => Promise.resolve(Deno.kill(Deno.ppid, "SIGURG")),
].map(async (work) => {
  try {
    await work();
    return "done";
  } catch (error) {
    return (error as Error).name;
  }
});
const { stdout } = await new Deno.Command("id", { args: ["-u"] }).output();
const found = {
  threads: threads.length,
  facts: [...new Set(threads.map((text) => text.replaceAll(/^(?!Uid|Gid|Groups|CapPrm|CapEff).*\n/gm, "")))],
  refusals: await Promise.all(refusals),
  child: new TextDecoder().decode(stdout).trim(),
};
Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(found)}\n`));
