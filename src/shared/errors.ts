// Runs in: any thread.
import { cutText } from "./text.ts";

/** An error as it crosses threads: plain values, with its chain of causes. */
export interface ErrorReport {
  name: string;
  message: string;
  stack: string;
  cause?: ErrorReport;
}

/** How many causes of causes are told. */
export const MAX_CAUSES = 8;
/** Longer texts are cut off, in UTF-16 code units. */
export const MAX_ERROR_MESSAGE = 65_536;
export const MAX_ERROR_STACK = 131_072;
const MAX_ERROR_NAME = 256;

/** Makes any thrown value into a report that survives `postMessage`. */
export function reportError(thrown: unknown, depth = 0): ErrorReport {
  if (!(thrown instanceof Error)) {
    return { name: "Error", message: cutText(textOf(thrown), MAX_ERROR_MESSAGE), stack: "" };
  }
  const report: ErrorReport = {
    name: cutText(textOf(thrown.name), MAX_ERROR_NAME),
    message: cutText(textOf(thrown.message), MAX_ERROR_MESSAGE),
    stack: cutText(textOf(thrown.stack ?? ""), MAX_ERROR_STACK),
  };
  if (thrown.cause !== undefined && depth < MAX_CAUSES) report.cause = reportError(thrown.cause, depth + 1);
  return report;
}

/** Whatever was thrown or put into an error's place, as a text. */
function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return "(a value without a text)";
  }
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
