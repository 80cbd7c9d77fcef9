// Runs in: main thread.
import { sentenceOf } from "../shared/errors.ts";
import { encodeField, type FieldTexts, isVolatile, type StateFields } from "../shared/state_fields.ts";
import type { StoredState } from "./state_file.ts";

/** What of a saved state can be used. */
export interface FittedState {
  /** The fields that fit. The others keep their defaults. */
  texts: FieldTexts;
  /** The fields that are lost, each with a sentence that says why. */
  faults: { name: string; reason: string }[];
  /** Fields that are volatile by now: nothing is lost with them. */
  outdated: string[];
}

/**
 * Judges each saved field by the schema of today, which may be newer or older than the one it was saved by.
 *
 * @param saved JSON in UTF-8 by field.
 */
export function fitState(saved: Map<string, Uint8Array>, fields: StateFields): FittedState {
  const fitted: FittedState = { texts: {}, faults: [], outdated: [] };
  for (const [name, bytes] of saved) {
    const schema = Object.hasOwn(fields, name) ? fields[name]! : undefined;
    if (schema !== undefined && isVolatile(schema)) fitted.outdated.push(name);
    else {
      try {
        if (schema === undefined) throw new TypeError(`${name}: there is no such field any more`);
        fitted.texts[name] = encodeField(name, schema, decode(name, bytes));
      } catch (error) {
        fitted.faults.push({ name, reason: sentenceOf(error) });
      }
    }
  }
  return fitted;
}

/**
 * The same with a way back: a field that another version has left out, or in a shape that does not fit, is taken as it was
 * before that version came.
 *
 * @param version The one that is to go on with the state.
 */
export function fitStored(
  { fields: saved, before, writer }: StoredState,
  fields: StateFields,
  version: string,
) {
  const fitted = fitState(saved, fields);
  const isLeftOut = (name: string) => writer !== version && !saved.has(name);
  const lost = [...before].filter(([name]) =>
    isLeftOut(name) || fitted.faults.some((fault) => fault.name === name)
  );
  const { texts: restored } = fitState(new Map(lost), fields);
  return {
    ...fitted,
    texts: { ...fitted.texts, ...restored },
    faults: fitted.faults.filter(({ name }) => !Object.hasOwn(restored, name)),
    /** The fields that were taken as they were before. */
    restored,
  };
}

/** @throws {TypeError} when the bytes are no JSON in UTF-8. */
function decode(name: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new TypeError(`${name}: what was saved is not JSON`, { cause });
  }
}
