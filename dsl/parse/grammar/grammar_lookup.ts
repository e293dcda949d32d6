// What could have stood here? Read from the grammar itself, so that messages cannot fall behind it.
/** A production, as Chevrotain writes it out (`getSerializedGastProductions`). */
export interface Production {
  readonly type: string;
  readonly name?: string;
  readonly separator?: { readonly name: string };
  readonly definition?: readonly Production[];
}

/** The grammar's rules by name. */
export type Grammar = ReadonlyMap<string, Production>;

/** Can it stand for nothing? */
export function isNullable(grammar: Grammar, production: Production): boolean {
  switch (production.type) {
    case "Terminal":
      return false;
    case "NonTerminal":
      return grammar.get(production.name!)!.definition!.every((part) => isNullable(grammar, part));
    case "Option":
    case "Repetition":
    case "RepetitionWithSeparator":
      return true;
    case "Alternation":
      return production.definition!.some((part) => isNullable(grammar, part));
    default:
      return production.definition!.every((part) => isNullable(grammar, part));
  }
}

/** The tokens a sequence can start with. */
export function firstOf(grammar: Grammar, sequence: readonly Production[]): Set<string> {
  const found = new Set<string>();
  for (const part of sequence) {
    for (const token of firstOfPart(grammar, part)) found.add(token);
    if (!isNullable(grammar, part)) break;
  }
  return found;
}

function firstOfPart(grammar: Grammar, part: Production): Iterable<string> {
  if (part.type === "Terminal") return [part.name!];
  if (part.type === "NonTerminal") return firstOf(grammar, grammar.get(part.name!)!.definition!);
  if (part.type === "Alternation") return part.definition!.flatMap((each) => [...firstOfPart(grammar, each)]);
  return firstOf(grammar, part.definition!);
}

/** What could have stood where `rule` wanted `terminal`, besides that terminal: what may be left out or repeated right
 *  before it. `previous` are the names (type and categories) of the token before: after the one that opens the optional
 *  part, that part's start is offered; later on, what can go on. */
export function optionalBefore(
  grammar: Grammar,
  rule: string,
  terminal: string,
  previous: readonly string[],
): readonly string[] {
  const sequence = sequenceWith(grammar.get(rule)?.definition ?? [], terminal);
  if (sequence === undefined) return [];
  const end = sequence.findIndex((part) => part.type === "Terminal" && part.name === terminal);
  let start = end;
  while (start > 0 && isNullable(grammar, sequence[start - 1]!)) start--;
  const opener = sequence[start - 1];
  const atStart = opener?.type === "Terminal" && previous.includes(opener.name!);
  const found = new Set<string>();
  for (const part of sequence.slice(start, end)) {
    const tokens = atStart ? firstOf(grammar, [part]) : goesOn(grammar, part);
    for (const token of tokens) found.add(token);
  }
  return [...found];
}

/** What can follow inside an optional part that has begun. */
function goesOn(grammar: Grammar, part: Production): Set<string> {
  const found = new Set<string>();
  if (part.separator !== undefined) found.add(part.separator.name);
  else if (part.type === "Repetition") { for (const token of firstOf(grammar, part.definition!)) found.add(token); }
  else if (part.type === "Option") {
    for (const inner of [...part.definition!].reverse()) {
      if (!isNullable(grammar, inner)) break;
      const tokens = inner.type === "Option" ? firstOf(grammar, inner.definition!) : goesOn(grammar, inner);
      for (const token of tokens) found.add(token);
    }
  }
  return found;
}

/** The innermost sequence that has the terminal as a direct part. */
function sequenceWith(sequence: readonly Production[], terminal: string): readonly Production[] | undefined {
  if (sequence.some((part) => part.type === "Terminal" && part.name === terminal)) return sequence;
  for (const part of sequence) {
    const inner = part.definition && sequenceWith(part.definition, terminal);
    if (inner !== undefined) return inner;
  }
  return undefined;
}
