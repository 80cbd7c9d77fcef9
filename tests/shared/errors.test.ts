// Runs in: tests.
import { assertEquals, assertMatch } from "@std/assert";
import { errorDetails, errorSentence, reportError, sentenceOf } from "../../src/shared/errors.ts";

const chain = new Error("the pump stands still", { cause: new TypeError("no pulse", { cause: "cable" }) });

Deno.test("an error crosses threads as plain values, with its chain of causes", () => {
  const report = structuredClone(reportError(chain));
  assertEquals([report.name, report.message, report.cause?.name, report.cause?.cause?.message], [
    "Error",
    "the pump stands still",
    "TypeError",
    "cable",
  ]);
  assertEquals(errorSentence(report), "the pump stands still, because no pulse, because cable");
  assertMatch(
    errorDetails(report),
    /^Error: the pump stands still\n +at [^]*\ncaused by TypeError: no pulse\n +at [^]*\ncaused by Error: cable$/,
  );
});

Deno.test("whatever is thrown has a sentence", () => {
  assertEquals(sentenceOf("text"), "text");
  assertEquals(sentenceOf(undefined), "undefined");
  assertEquals(sentenceOf({ code: 5 }), "[object Object]");
  assertEquals(sentenceOf(new RangeError()), "RangeError");
});

Deno.test("a chain of causes that bites its own tail ends", () => {
  const error = new Error("again");
  error.cause = error;
  assertEquals(sentenceOf(error).split(", because ").length, 9);
});
