// Runs in: build time.
import type { JsonSchema } from "../shared/secrets.ts";
import { defaultText, objectIn, typeText } from "./config_words.ts";

const INTRODUCTION = `# Every setting

<!-- Written by "deno task config-readme" from the schemas in the source. Do not edit it by hand. -->

The configuration of a node is \`<root>/current/config/config.json\`. It is JSON. \`config.template.json\` in this
folder is what \`ivy init\` starts from. Unknown keys are errors. \`ivy config validate\` shows every fault at once: the
key, what was found and what is allowed. \`ivy config schema\` prints the same as this page as JSON Schema, for an
editor.

- **must be given**: the configuration is refused without it. **not set**: it may be left out.
- A **secret** is the text itself, or \`{"env": "NAME"}\`, or \`{"file": "/path"}\`. It never reaches a log, a message,
  the status page or the output of a command; there it is \`"•••"\`.
- A **certificate** is PEM text, or \`{"file": "/path"}\`.
- Numbers are in the unit that the key ends with. Levels: DEBUG < INFO < WARNING < ERROR < EXCEPTION.
`;

/** A table of keys. `title` is a heading of Markdown. */
interface Section {
  title: string;
  note: string;
  schema: JsonSchema;
  prefix: string;
}

/** The reference of a whole configuration, as Markdown. */
export function renderReference(whole: JsonSchema): string {
  const { backends, procedures, $schema: _, ...main } = whole.properties!;
  const providers = backends!.items!.oneOf!;
  const shared = sharedObjects(providers);
  return [
    INTRODUCTION,
    ...mainSections(main, whole).map(renderSection),
    `## \`backends\`\n\n${sentence(backends!.description)} Each entry is one of those below.`,
    ...providers.map((provider) => renderSection(providerSection(provider, shared))),
    ...[...shared.values()].map(renderSection),
    "## `procedures`\n\nOne entry for each procedure, by its name.",
    ...Object.entries(procedures!.properties!).map(([name, schema]) =>
      renderSection({ title: `### ${name}`, note: "", schema, prefix: `procedures.${name}.` })
    ),
  ].join("\n\n");
}

function mainSections(main: Record<string, JsonSchema>, whole: JsonSchema): Section[] {
  return Object.entries(main).map(([key, schema]) => {
    const isLeftOut = !(whole.required ?? []).includes(key);
    const note = isLeftOut ? `${sentence(schema.description)} Default: ${defaultText(schema)}.` : "";
    return { title: `## \`${key}\``, note, schema: objectIn(schema)!, prefix: `${key}.` };
  });
}

/** Objects that several providers take, word for word the same but for their user name. */
function sharedObjects(providers: JsonSchema[]): Map<string, Section> {
  const found = Map.groupBy(
    providers.flatMap((provider) => Object.entries(provider.properties!)),
    ([key, schema]) => objectIn(schema) === undefined ? "" : key,
  );
  return new Map(
    [...found].filter(([key, uses]) => key !== "" && uses.length > 1).map(([key, uses]) => {
      const note = `The object that ${uses.length} of the backends take as \`${key}\`.`;
      return [key, { title: `### ${key}`, note, schema: objectIn(uses[0]![1])!, prefix: `${key}.` }];
    }),
  );
}

function providerSection(provider: JsonSchema, shared: Map<string, Section>): Section {
  const { provider: { const: name } = {}, ...properties } = provider.properties!;
  const own = Object.fromEntries(
    Object.entries(properties).map(([key, schema]) => {
      const common = shared.get(key);
      return [key, common === undefined ? schema : differenceFrom(common.schema, schema, key)];
    }),
  );
  return {
    title: `### ${name}`,
    note: `\`"provider": "${name}"\``,
    schema: { ...provider, properties: own },
    prefix: "",
  };
}

/** Of an object that has a section of its own, only the keys that are different here. */
function differenceFrom(common: JsonSchema, schema: JsonSchema, key: string): JsonSchema {
  const different = Object.entries(objectIn(schema)!.properties!)
    .filter(([name, own]) => JSON.stringify(own) !== JSON.stringify(common.properties![name]));
  const description = `see [${key}](#${key})`;
  return { type: "object", description, properties: Object.fromEntries(different) };
}

function renderSection({ title, note, schema, prefix }: Section): string {
  const rows = rowsOf(schema, prefix);
  const table = [["key", "type", "default", "meaning"], ["---", "---", "---", "---"], ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`).join("\n");
  return [title, note, table].filter((part) => part !== "").join("\n\n");
}

/** One row for each key, those of objects within it below it. */
function rowsOf(schema: JsonSchema, prefix: string): string[][] {
  return Object.entries(schema.properties!).flatMap(([key, own]) => {
    const isGiven = (schema.required ?? []).includes(key);
    const row = [
      `\`${prefix}${key}\``,
      typeText(own),
      isGiven ? "must be given" : defaultText(own),
      own.description ?? "",
    ];
    const within = objectIn(own);
    if (within === undefined) return [row];
    const inner = rowsOf(within, `${prefix}${key}.`);
    return own.description === undefined ? inner : [row, ...inner];
  });
}

function sentence(text = ""): string {
  return text === "" ? "" : `${text.replace(/^(null|\[\])(?=:)/, "`$1`")}.`;
}
