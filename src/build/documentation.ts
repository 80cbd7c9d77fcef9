// Runs in: build time.

/** A documentation comment on lines of its own; licences say so, and stay. */
const DOCUMENTATION = /^[ \t]*\/\*\*(?!.*(?:@license|@preserve|Copyright))(?:[^*]|\*(?!\/))*\*\/[ \t]*\n/gm;

/** JavaScript as the bundler prints it, without the documentation that it leaves in: nobody reads it in a binary. */
export function withoutDocumentation(text: string): string {
  return text.replace(DOCUMENTATION, "");
}
