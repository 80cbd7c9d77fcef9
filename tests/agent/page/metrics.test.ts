// Runs in: tests.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { nodeMetrics } from "../../../src/agent/page/metrics.ts";
import { formatMetrics } from "../../../src/agent/page/openmetrics.ts";
import { FakePage } from "../../support/fake_page.ts";
import { fakeBackend, fakeStatus, fakeWorker, NOW_MS } from "../../support/fake_status.ts";
import { needs } from "../../support/needs.ts";

const OPEN = { accept: "application/openmetrics-text; version=1.0.0,text/plain;q=0.5" };

const crowded = fakeStatus({
  procedures: { walk: fakeWorker({ last_error: { time_ms: NOW_MS - 90_000, message: "gone" } }) },
  backends: { tenta: fakeBackend(), 'odd "name"\\': fakeBackend({ messages: null, last_sent_ms: null }) },
});

async function promtool(args: string[], input: string): Promise<{ code: number; said: string }> {
  const child = new Deno.Command("promtool", { args, stdin: "piped", stdout: "piped", stderr: "piped" })
    .spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  return { code, said: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test({
  name: "promtool finds nothing wrong with the metrics",
  ignore: needs("promtool") !== undefined,
  async fn() {
    for (const status of [crowded, fakeStatus({ backends: {}, disk: null })]) {
      const checked = await promtool(["check", "metrics"], formatMetrics(nodeMetrics(status), false));
      assertEquals(checked, { code: 0, said: "" });
    }
  },
});

Deno.test({
  name: "Prometheus reads the OpenMetrics form",
  ignore: needs("promtool") !== undefined,
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "ivy-metrics-" });
    const dated = formatMetrics(nodeMetrics(crowded), true)
      .replace(/^(?!#)(.+)$/gm, `$1 ${NOW_MS / 1000}`); // the importer wants a time with each sample
    await Deno.writeTextFile(`${folder}/metrics.txt`, dated);
    const args = ["tsdb", "create-blocks-from", "openmetrics", `${folder}/metrics.txt`, `${folder}/blocks`];
    const { code, said } = await promtool(args, "");
    assertEquals(code, 0, said);
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("metrics: both formats, as the reader asks", async () => {
  await using page = new FakePage();
  page.source.shown = crowded;
  const plain = await fetch(`${page.url}/metrics`);
  assertEquals(plain.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const text = await plain.text();
  assertMatch(
    text,
    /^# TYPE ivy_messages_stored_total counter\nivy_messages_stored_total{variant="data"} 100$/m,
  );
  assertMatch(text, /^ivy_worker_last_failure_age_seconds{kind="procedure",worker="walk"} 90$/m);
  assertMatch(text, /^ivy_backend_oldest_waiting_age_seconds{backend="tenta",provider="tenta"} 5$/m);
  assertStringIncludes(text, 'ivy_backend_connected{backend="odd \\"name\\"\\\\",provider="tenta"} 1\n');
  assert(!text.includes('ivy_backend_messages_waiting{backend="odd'), "what is not known is left out");
  const open = await fetch(`${page.url}/metrics`, { headers: OPEN });
  assertEquals(
    open.headers.get("content-type"),
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
  );
  const openText = await open.text();
  assertMatch(
    openText,
    /^# TYPE ivy_messages_stored counter\nivy_messages_stored_total{variant="data"} 100$/m,
  );
  assert(openText.endsWith("\n# EOF\n"));
});

Deno.test("metrics: names in the field's convention, none twice, all in the README", async () => {
  const readme = await Deno.readTextFile(new URL("../../../README.md", import.meta.url));
  const names = nodeMetrics(crowded).map(({ name }) => name);
  assertEquals(new Set(names).size, names.length);
  for (const { name, type } of nodeMetrics(crowded)) {
    assertMatch(name, /^(ivy|process)_[a-z]+(_[a-z]+)*$/);
    assertEquals(name.endsWith("_total"), type === "counter", name);
    assert(!/_(ms|mb|kb|percent)$/.test(name), `${name}: base units only`);
    assertStringIncludes(readme, `\`${name}\``);
  }
});
