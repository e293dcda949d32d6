// What is a diagnostic? One thing that is wrong with a program, as a value: made by the stages of `dsl/`, collected,
// never thrown there, turned into text by `render.ts`.
import type { Span } from "./source.ts";
import type { DiagnosticCode } from "./codes.ts";

/** A place and what is to be said about it. */
export interface Label {
  /** The place. */
  readonly span: Span;
  /** May be empty: the place alone says enough. */
  readonly message: string;
}

/** One thing that is wrong (`error`) or suspicious (`warning`) in a program. */
export interface Diagnostic {
  /** Stable: `M0301`, a warning `W0101`. */
  readonly code: DiagnosticCode;
  /** A program with errors is not run. */
  readonly severity: "error" | "warning";
  /** One sentence, no final period, names in backquotes. */
  readonly title: string;
  /** Where it is. */
  readonly primary: Label;
  /** What else takes part: declarations, the other operand, shapes of subexpressions. */
  readonly secondary: readonly Label[];
  /** Further facts, one sentence each. */
  readonly notes: readonly string[];
  /** One cure, imperative, only when it is sure to be one. */
  readonly hint?: string;
}

/** What `report` needs; the severity follows from the code. */
export interface DiagnosticDraft {
  readonly code: DiagnosticCode;
  readonly title: string;
  readonly at: Span;
  readonly label?: string | undefined;
  readonly secondary?: readonly Label[];
  readonly notes?: readonly string[];
  readonly hint?: string | undefined;
}

/** Collects the diagnostics of a compilation. The same code at the same place is kept once. */
export class DiagnosticSink {
  readonly #seen = new Set<string>();
  readonly #list: Diagnostic[] = [];

  report(draft: DiagnosticDraft): void {
    const key = `${draft.code} ${draft.at.source} ${draft.at.start} ${draft.at.end}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const base = {
      code: draft.code,
      severity: draft.code.startsWith("W") ? "warning" as const : "error" as const,
      title: draft.title,
      primary: { span: draft.at, message: draft.label ?? "" },
      secondary: draft.secondary ?? [],
      notes: draft.notes ?? [],
    };
    this.#list.push(draft.hint === undefined ? base : { ...base, hint: draft.hint });
  }

  /** In the order of the places, sources in the order of their first diagnostic. */
  get diagnostics(): readonly Diagnostic[] {
    const order = new Map<string, number>();
    for (const d of this.#list) {
      if (!order.has(d.primary.span.source)) order.set(d.primary.span.source, order.size);
    }
    return [...this.#list].sort((a, b) =>
      order.get(a.primary.span.source)! - order.get(b.primary.span.source)! ||
      a.primary.span.start - b.primary.span.start
    );
  }

  get hasErrors(): boolean {
    return this.#list.some((d) => d.severity === "error");
  }
}
