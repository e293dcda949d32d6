// What do several places say in the same words? One function for each such sentence, with the code that it goes by.
import type { Span } from "../text/source.ts";
import type { DiagnosticDraft, Label } from "./diagnostic.ts";

type Said = Pick<DiagnosticDraft, "code" | "title">;
type Placed = Said & Pick<DiagnosticDraft, "at">;

/** Where what takes part is declared. */
export function declaredHere({ name, span }: { readonly name: string; readonly span: Span }): Label {
  return { span, message: `\`${name}\` is declared here` };
}

/** Two definitions of one name in one place. */
export function definedTwice(name: string, at: Span, first: Span): Placed & Pick<DiagnosticDraft, "secondary"> {
  return {
    code: "M0202",
    title: `\`${name}\` is defined twice`,
    at,
    secondary: [{ span: first, message: "first defined here" }],
  };
}

/** A definition that is asked for while it is computed. */
export function dependsOnItself(name: string, at: Span): Placed {
  return { code: "M0210", title: `\`${name}\` depends on itself`, at };
}

/** What has a value at each step is read without one. */
export function changesDuring(name: string, loop: string): Said {
  return { code: "M0401", title: `\`${name}\` changes during \`${loop}\`; say at which step you want it` };
}

/** An `@` behind what no loop changes. */
export function neverChanges(name: string): Said {
  return { code: "M0403", title: `No inner loop changes \`${name}\`, so it has no \`@\`` };
}

/** A start that its own declaration forbids. */
export function startsOutside(
  name: string,
  value: number,
  range: string,
  declared: Span,
): Said & Pick<DiagnosticDraft, "secondary"> {
  return {
    code: "M0606",
    title: `The initial value ${value} of \`${name}\` is outside its range ${range}`,
    secondary: [{ span: declared, message: "the range" }],
  };
}
