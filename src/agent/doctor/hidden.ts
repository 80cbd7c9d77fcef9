// Runs in: main thread.
import { join } from "@std/path";
import { isSecret, isSecretKey, type JsonSchema, referenceIn, schemaOfKey } from "../../shared/secrets.ts";
import { type AnnouncedSettings, wholeSchema } from "../configuration.ts";
import { HiddenTexts } from "../hidden_texts.ts";
import { exists, type Paths } from "../paths.ts";
import { environmentReferences, variable } from "../secret_values.ts";

/** Removes what nobody else may read from a text. */
export type Redact = (text: string) => string;

/**
 * Knows the secrets of a node: those in every configuration that lies around, what they refer to, and what servers have
 * given out.
 *
 * @param environment As it was when the process started.
 */
export function hideSecrets(
  { paths, environment, schemas }: {
    paths: Paths;
    environment: Record<string, string>;
    schemas: AnnouncedSettings;
  },
): Redact {
  const hidden = new HiddenTexts();
  const schema = wholeSchema(schemas);
  for (const raw of configurations(paths)) hidden.add(secretsIn(raw, schema, environment));
  for (const value of jsonFiles(paths.kept)) hidden.add(textsIn(value));
  return (text) => hidden.redact(text);
}

/** Every text where a schema or a key's name says that a secret is, and what variables and files hold for it. */
function secretsIn(raw: unknown, schema: JsonSchema, environment: Record<string, string>): string[] {
  const found: string[] = [];
  const walk = (value: unknown, own: JsonSchema | undefined, key: string, isInSecret: boolean): void => {
    const isHidden = isInSecret || isSecret(own) || isSecretKey(key);
    if (typeof value === "string") found.push(...(isHidden ? [value] : passwordsIn(value)));
    if (typeof value !== "object" || value === null) return;
    const reference = referenceIn(value);
    if (isHidden && reference !== undefined && "file" in reference) found.push(...readLines(reference.file));
    for (const [name, item] of Object.entries(value)) {
      walk(item, schemaOfKey(own, Array.isArray(value) ? Number(name) : name), name, isHidden);
    }
  };
  walk(raw, schema, "", false);
  return [...found, ...environmentReferences(raw).flatMap((name) => variable(environment, name) ?? [])];
}

/** What stands between user and host in a web address. */
function passwordsIn(text: string): string[] {
  const password = URL.canParse(text) ? new URL(text).password : "";
  return password === "" ? [] : [password, decodeURIComponent(password)];
}

/** The configurations of every version, also those that are tried, kept or over. */
function configurations({ root }: Paths): unknown[] {
  if (!exists(root)) return [];
  return [...Deno.readDirSync(root)].filter(({ isDirectory }) => isDirectory)
    .flatMap(({ name }) => jsonFiles(join(root, name, "config")));
}

/** What the JSON files of a folder hold; what cannot be read is left out of the bundle as well. */
function jsonFiles(folder: string): unknown[] {
  if (!exists(folder)) return [];
  return [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".json")).flatMap(({ name }) => {
    try {
      return [JSON.parse(Deno.readTextFileSync(join(folder, name)))];
    } catch {
      return [];
    }
  });
}

/** A file may hold several lines (a key), which a log may show one by one. */
function readLines(file: string): string[] {
  try {
    const text = Deno.readTextFileSync(file).trim();
    return [text, ...text.split("\n")];
  } catch {
    return [];
  }
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
