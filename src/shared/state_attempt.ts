// Runs in: any worker thread.
import { formatPath } from "./faults.ts";
import { didYouMean } from "./nearest.ts";
import { encodeField, type FieldTexts, type StateFields } from "./state_fields.ts";

/** Update functions tried out one after the other on top of a state, before anybody else sees what they did. */
export class StateAttempt {
  /** Every field that a function has read or written. */
  readonly touched = new Set<string>();
  /** The fields that are different now. */
  readonly changed: FieldTexts = {};
  #fields: StateFields;
  #base: FieldTexts;

  constructor(fields: StateFields, base: FieldTexts) {
    this.#fields = fields;
    this.#base = base;
  }

  /**
   * Runs one function on a draft. When it throws, or leaves a draft that is no valid state, nothing of it remains.
   *
   * @throws {TypeError} with path and reason, or whatever the function throws.
   */
  run(change: (draft: never) => unknown): void {
    const values = new Map<string, unknown>();
    const draft = this.#createDraft(values);
    const result = change(draft as never);
    for (const name of values.keys()) this.touched.add(name);
    refuseAsync(result);
    this.#refuseUnknown(draft);
    Object.assign(this.changed, this.#encodeChanged(values));
  }

  /** Only fields that are looked at are copied. */
  #createDraft(values: Map<string, unknown>): object {
    const draft = {};
    for (const name of Object.keys(this.#fields)) {
      Object.defineProperty(draft, name, {
        enumerable: true,
        get: () => {
          if (!values.has(name)) values.set(name, JSON.parse(this.#text(name)));
          return values.get(name);
        },
        set: (value) => void values.set(name, value),
      });
    }
    return draft;
  }

  #encodeChanged(values: Map<string, unknown>): FieldTexts {
    const changed: FieldTexts = {};
    for (const [name, value] of values) {
      const text = encodeField(name, this.#fields[name]!, value);
      if (text !== this.#text(name)) changed[name] = text;
    }
    return changed;
  }

  #text(name: string): string {
    return this.changed[name] ?? this.#base[name]!;
  }

  #refuseUnknown(draft: object): void {
    const known = Object.keys(this.#fields);
    const unknown = Object.keys(draft).find((name) => !known.includes(name));
    if (unknown === undefined) return;
    throw new TypeError(
      `${formatPath([unknown])}: there is no such field in src/shared/state.ts${didYouMean(unknown, known)}`,
    );
  }
}

/** What an async function does to its draft after the first `await` would be lost without a word. */
function refuseAsync(result: unknown): void {
  if (typeof (result as PromiseLike<unknown> | null | undefined)?.then !== "function") return;
  Promise.resolve(result).catch(() => {}); // the refusal below is the error to see
  throw new TypeError("the update function must not be async: await first, then update");
}
