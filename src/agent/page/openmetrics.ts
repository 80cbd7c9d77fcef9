// Runs in: main thread.

export type Labels = Record<string, string>;

/** One family of metrics. A counter's name ends with `_total`. */
export interface Metric {
  name: string;
  type: "counter" | "gauge";
  help: string;
  /** Values that are not known are left out. */
  samples: { labels: Labels; value: number | null | undefined }[];
}

export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
export const OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/**
 * Writes metrics as text, in OpenMetrics 1.0 or in Prometheus' own older format: they differ in the name of a counter's
 * family and in the end mark. (The usual client library brings tracing and statistics of its own, 180 kB.)
 */
export function formatMetrics(metrics: Metric[], isOpenMetrics: boolean): string {
  const families = metrics.map(({ name, type, help, samples }) => {
    const family = isOpenMetrics ? name.replace(/_total$/, "") : name;
    const lines = samples.filter(({ value }) => typeof value === "number")
      .map(({ labels, value }) => `${name}${formatLabels(labels)} ${value}\n`);
    return `# HELP ${family} ${escape(help)}\n# TYPE ${family} ${type}\n${lines.join("")}`;
  });
  return families.join("") + (isOpenMetrics ? "# EOF\n" : "");
}

function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escape(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
