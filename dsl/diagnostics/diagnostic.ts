// What is a diagnostic? One thing that is wrong with a program, as a value: made by the stages of `dsl/`, collected,
// never thrown there, turned into text by `render.ts`.
import { type Limits, raising, usualLimits } from "../../runtime/limits.ts";
import type { Span } from "../text/source.ts";
import { codeRow, type DiagnosticCode } from "./codes.ts";

/** A place and what is to be said about it.
 *
 *  @category Diagnostics and errors */
export interface Label {
  /** The place. */
  readonly span: Span;
  /** May be empty: the place alone says enough. */
  readonly message: string;
}

/** One thing that is wrong (`error`) or suspicious (`warning`) in a program.
 *
 *  @category Diagnostics and errors */
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
  /** What the names in shapes stand for: the first note, where the sizes mean something to a reader. */
  readonly sizes?: readonly string[];
  /** Or how it is found, where that takes work: of very many mistakes the later ones get none. */
  readonly hint?: string | undefined | (() => string | undefined);
}

/** A text no longer than `most`: the middle of a longer one is left out, and said to be. */
function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  // what stands in the middle has fewer than 40 characters
  const half = Math.max(0, Math.floor((most - 40) / 2));
  return `${text.slice(0, half)} … (${text.length - 2 * half} characters left out) … ${text.slice(text.length - half)}`;
}

/** Collects the diagnostics of a compilation. The same code at the same place is kept once; of very many the first, and of very
 *  long sentences the ends. */
export class DiagnosticSink {
  readonly #seen = new Set<string>();
  readonly #list: Diagnostic[] = [];
  readonly #limits: Limits;
  readonly #standIns: boolean;
  #errors = 0;
  /** How often something was reported, repetitions too. */
  reports = 0;

  /** `after`: there are errors elsewhere, and what may follow from them is not said. `standIns`: sizes are such. */
  constructor(limits: Limits = usualLimits, { after = false, standIns = false } = {}) {
    this.#limits = limits;
    this.#standIns = standIns;
    if (after) this.#errors = 1;
  }

  report(draft: DiagnosticDraft): void {
    this.reports++;
    const severity: Diagnostic["severity"] = codeRow(draft.code).severity ?? "error";
    const short = (text: string) => shortened(text, this.#limits.message);
    const base = {
      code: draft.code,
      severity,
      title: short(draft.title),
      primary: { span: draft.at, message: short(draft.label ?? "") },
      secondary: (draft.secondary ?? []).map(({ span, message }) => ({ span, message: short(message) })),
      notes: [...(!this.#standIns && draft.sizes || []), ...(draft.notes ?? [])].map(short),
    };
    const hint = typeof draft.hint === "function" ? this.isFull ? undefined : draft.hint() : draft.hint;
    this.add(hint === undefined ? base : { ...base, hint: short(hint) });
  }

  /** Takes what was collected elsewhere. */
  add(diagnostic: Diagnostic): void {
    const { code, severity, primary: { span } } = diagnostic;
    const key = `${code} ${span.source} ${span.start} ${span.end}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    if (severity === "error") this.#errors++;
    this.#list.push(diagnostic);
  }

  /** In the order of the places, sources in the order of their first diagnostic; of more than the limit the first, the last of
   *  which says how many there are. */
  get diagnostics(): readonly Diagnostic[] {
    const order = new Map<string, number>();
    for (const d of this.#list) {
      if (!order.has(d.primary.span.source)) order.set(d.primary.span.source, order.size);
    }
    const sorted = [...this.#list].sort((a, b) =>
      order.get(a.primary.span.source)! - order.get(b.primary.span.source)! ||
      a.primary.span.start - b.primary.span.start
    );
    const most = this.#limits.diagnostics;
    if (sorted.length <= most) return sorted;
    const errors = sorted.filter((d) => d.severity === "error");
    const shown = sorted.slice(0, most);
    // warnings alone do not stop a program
    const first = shown.some((d) => d.severity === "error") || errors.length === 0 ? shown : errors.slice(0, most);
    const last = first.at(-1)!;
    const more = `The first ${first.length} of at least ${sorted.length} mistakes and warnings are shown`;
    return [...first.slice(0, -1), { ...last, notes: [...last.notes, more, raising("diagnostics")] }];
  }

  /** There are many more than are shown: what a further one says is not worth work. */
  get isFull(): boolean {
    return this.#list.length > 10 * this.#limits.diagnostics;
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }
}
