// Runs in: any thread.

/** An error as it crosses threads: plain values, with its chain of causes. */
export interface ErrorReport {
  name: string;
  message: string;
  stack: string;
  cause?: ErrorReport;
}

const MAX_CAUSES = 8;

/** Makes any thrown value into a report that survives `postMessage`. */
export function reportError(thrown: unknown, depth = 0): ErrorReport {
  if (!(thrown instanceof Error)) return { name: "Error", message: String(thrown), stack: "" };
  const report: ErrorReport = { name: thrown.name, message: thrown.message, stack: thrown.stack ?? "" };
  if (thrown.cause !== undefined && depth < MAX_CAUSES) report.cause = reportError(thrown.cause, depth + 1);
  return report;
}

/** One sentence: the message and the messages of its causes. */
export function errorSentence(report: ErrorReport): string {
  const own = report.message === "" ? report.name : report.message;
  return report.cause === undefined ? own : `${own}, because ${errorSentence(report.cause)}`;
}

/** The stack traces of the whole chain, for the indented block under a log line. */
export function errorDetails(report: ErrorReport): string {
  const own = report.stack === "" ? `${report.name}: ${report.message}` : report.stack;
  return report.cause === undefined ? own : `${own}\ncaused by ${errorDetails(report.cause)}`;
}

/** The sentence of any thrown value. */
export function sentenceOf(thrown: unknown): string {
  return errorSentence(reportError(thrown));
}
