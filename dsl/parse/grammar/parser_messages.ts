// What does the parser remember of a mistake? Chevrotain keeps only the text of a message, so the text holds what
// `syntax_errors.ts` needs to find better words: the token that was expected.
import type { IParserErrorMessageProvider } from "../tokens/chevrotain.ts";

/** What the grammar wanted where it failed. */
export type Expectation =
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "oneOf"; readonly tokens: readonly string[] };

/** Puts the expectation into the message. */
export const encodingMessages: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => encode({ kind: "token", token: expected.name }),
  buildNotAllInputParsedMessage: () => encode({ kind: "token", token: "EOF" }),
  buildNoViableAltMessage: ({ expectedPathsPerAlt }) =>
    encode({ kind: "oneOf", tokens: firstTokens(expectedPathsPerAlt.flat()) }),
  buildEarlyExitMessage: ({ expectedIterationPaths }) =>
    encode({ kind: "oneOf", tokens: firstTokens(expectedIterationPaths) }),
};

/** The expectation that a message holds. */
export function decodeExpectation(message: string): Expectation {
  return JSON.parse(message);
}

function encode(expectation: Expectation): string {
  return JSON.stringify(expectation);
}

function firstTokens(paths: readonly (readonly { readonly name: string }[])[]): readonly string[] {
  return [...new Set(paths.flatMap((path) => path.slice(0, 1).map((token) => token.name)))];
}
