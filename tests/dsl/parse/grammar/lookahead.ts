// Does one token tell what a grammar reads next? FIRST and FOLLOW of every place where a parser chooses: alternatives must begin
// differently, and what may be left out or repeated must not begin with what may come after it. Where it does, Chevrotain takes the
// first alternative and the optional part, without a word.
import { firstOf, type Grammar, isNullable, type Production } from "../../../../dsl/parse/grammar/grammar_lookup.ts";
import type { CstParser, TokenType } from "../../../../dsl/parse/tokens/chevrotain.ts";

/** The rules that a parser recorded when it was made. */
export function grammarOf(parser: CstParser): Grammar {
  const rules = parser.getSerializedGastProductions() as readonly Production[];
  return new Map(rules.map((rule) => [rule.name!, rule]));
}

/** Every clash: `RULE: TOKEN`, with what both want it. A token that stands for others (`Name`) counts as each of them. */
export function clashesOf(grammar: Grammar, tokens: readonly TokenType[]): string[] {
  const sets = new Sets(grammar, tokens);
  const found: string[] = [];
  for (const [rule, { definition }] of grammar) {
    sets.walk(definition!, sets.follow(rule), (part, after) => {
      for (const [what, one, other] of choicesAt(sets, part, after)) {
        for (const token of one) if (other.has(token)) found.push(`${rule}: ${token} ${what}`);
      }
    });
  }
  return found;
}

type Tokens = ReadonlySet<string>;

/** The choices that a parser makes where a part begins, or has been read once: two sets that must have nothing in common. */
function* choicesAt(sets: Sets, part: Production, after: Tokens): Generator<readonly [string, Tokens, Tokens]> {
  if (part.type === "Alternation") {
    // an alternative that may be empty is taken for what comes after
    const starts = part.definition!.map((each) => sets.beginning(each.definition!, after));
    for (const [i, one] of starts.entries()) {
      for (let k = i + 1; k < starts.length; k++) {
        yield [`begins alternatives ${i + 1} and ${k + 1}`, one, starts[k]!];
      }
    }
  }
  if (optional.includes(part.type)) yield ["begins a part and what comes after", sets.first(part.definition!), after];
  if (part.separator) yield ["goes on and comes after", sets.concrete([part.separator.name]), after];
  if (part.type === "RepetitionMandatory") {
    yield ["goes on and comes after", sets.first(part.definition!), after];
  }
}

const optional = ["Option", "Repetition", "RepetitionWithSeparator"];

class Sets {
  readonly #grammar: Grammar;
  readonly #members: ReadonlyMap<string, readonly string[]>;
  readonly #follow: ReadonlyMap<string, Set<string>>;

  constructor(grammar: Grammar, tokens: readonly TokenType[]) {
    this.#grammar = grammar;
    this.#members = new Map(
      tokens.map(({ name }) => [
        name,
        tokens.filter((each) => each.CATEGORIES?.some((category) => category.name === name)).map((each) => each.name),
      ]),
    );
    this.#follow = new Map([...grammar.keys()].map((rule) => [rule, new Set<string>()]));
    // grows until nothing is added
    const size = () => [...this.#follow.values()].reduce((sum, set) => sum + set.size, 0);
    for (let before = -1; before !== size();) {
      before = size();
      for (const [rule, { definition }] of grammar) {
        this.walk(definition!, this.follow(rule), (part, after) => {
          if (part.type === "NonTerminal") { for (const token of after) this.#follow.get(part.name!)!.add(token); }
        });
      }
    }
  }

  /** What can come after a rule. */
  follow(rule: string): Tokens {
    return this.#follow.get(rule)!;
  }

  /** The tokens that these stand for: themselves, or those that are of their kind. */
  concrete(names: Iterable<string>): Tokens {
    return new Set(
      [...names].flatMap((name) => {
        const members = this.#members.get(name) ?? [];
        return members.length > 0 ? members : [name];
      }),
    );
  }

  /** What a sequence can begin with, where it is not empty. */
  first(sequence: readonly Production[]): Tokens {
    return this.concrete(firstOf(this.#grammar, sequence));
  }

  /** What a sequence can begin with, and where it can be empty, what comes after it. */
  beginning(sequence: readonly Production[], after: Tokens): Tokens {
    const first = this.first(sequence);
    return sequence.every((part) => isNullable(this.#grammar, part)) ? new Set([...first, ...after]) : first;
  }

  /** Calls `visit` with every part of a sequence, and of its parts, and with the tokens that can come after it. */
  walk(sequence: readonly Production[], outside: Tokens, visit: (part: Production, after: Tokens) => void): void {
    for (const [i, part] of sequence.entries()) {
      const after = this.beginning(sequence.slice(i + 1), outside);
      visit(part, after);
      if (part.type === "Alternation") {
        for (const each of part.definition!) this.walk(each.definition!, after, visit);
      } else if (part.type !== "NonTerminal" && part.definition) {
        const again = !part.type.startsWith("Repetition")
          ? []
          : part.separator
          ? this.concrete([part.separator.name])
          : this.first(part.definition);
        this.walk(part.definition, new Set([...after, ...again]), visit);
      }
    }
  }
}
