// Runs in: tests.
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { DuplicateKeyError, JsonError, MAX_CONFIG_LENGTH, parseJson } from "../../src/shared/json.ts";

const BAD: { text: string; sentence: string }[] = [
  { text: "", sentence: "it is empty" },
  { text: "\n \t", sentence: "it is empty" },
  { text: "{", sentence: "it is not JSON: it ends too early, at line 1, column 2" },
  { text: '{\n  "a": [1,\n', sentence: "it is not JSON: it ends too early, at line 3, column 1" },
  { text: '{"a": "b', sentence: "it is not JSON: it ends too early, at line 1, column 9" },
  { text: "tru", sentence: "it is not JSON: it ends too early, at line 1, column 4" },
  { text: "hello", sentence: 'it is not JSON: "h" is not expected at line 1, column 1' },
  { text: '{\n  "a": 1\n  "b": 2\n}', sentence: 'it is not JSON: "\\"" is not expected at line 3, column 3' },
  { text: '{"a": 1,}', sentence: 'it is not JSON: "}" is not expected at line 1, column 9' },
  { text: "{'a': 1}", sentence: `it is not JSON: "'" is not expected at line 1, column 2` },
  { text: "{} // done", sentence: 'it is not JSON: "/" is not expected at line 1, column 4' },
  { text: "\0\0", sentence: 'it is not JSON: "\\u0000" is not expected at line 1, column 1' },
  { text: '{"password": hunter2}', sentence: 'it is not JSON: "h" is not expected at line 1, column 14' },
];

for (const { text, sentence } of BAD) {
  Deno.test(`a text that is no JSON is refused with its place: ${JSON.stringify(text)}`, () => {
    const { message } = assertThrows(() => parseJson(text), JsonError);
    assertEquals(message, sentence);
  });
}

const TWICE: { text: string; sentence: string | undefined }[] = [
  {
    text: '{"a": 1, "a": 2}',
    sentence: 'the key "a" stands twice in one object, again at line 1, column 10',
  },
  {
    text: '{"a": {"b": 1,\n"b": 2}}',
    sentence: 'the key "b" stands twice in one object, again at line 2, column 1',
  },
  { text: '[{"a": 1}, {"a": 1}]', sentence: undefined },
  { text: '{"a": {"a": {"a": "a"}}, "b": "a"}', sentence: undefined },
  { text: '{"a": "{\\"a\\": 1, \\"a\\": 2}"}', sentence: undefined },
  {
    text: '{"a": 1, "\\u0061": 2}',
    sentence: 'the key "a" stands twice in one object, again at line 1, column 10',
  },
];

for (const { text, sentence } of TWICE) {
  Deno.test(`a key twice in one object is an error, elsewhere it is none: ${text}`, () => {
    if (sentence === undefined) return void parseJson(text);
    assertEquals(assertThrows(() => parseJson(text), DuplicateKeyError).message, sentence);
  });
}

Deno.test("a text of more than 1 MiB is refused unread", () => {
  const text = `"${"x".repeat(MAX_CONFIG_LENGTH - 2)}"`;
  assertEquals(parseJson(text), text.slice(1, -1));
  const { message } = assertThrows(() => parseJson(`${text} `), JsonError);
  assertEquals(message, "it is 1.0 MiB big; at most 1 MiB is read");
});

Deno.test("any JSON value is read as JSON.parse reads it", () => {
  fc.assert(fc.property(fc.json(), (text) => assertEquals(parseJson(text), JSON.parse(text))));
});

Deno.test("any JSON object that is cut off anywhere is refused, and never as anything but JSON", () => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(), (value, at) => {
    const text = JSON.stringify(value, null, 1);
    const { message } = assertThrows(() => parseJson(text.slice(0, at % text.length)), JsonError);
    assert(/^it is (empty|not JSON: it ends too early, at line \d+, column \d+)$/.test(message), message);
  }));
});
