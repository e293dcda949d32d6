// Which kinds of mistakes are known, and what is true of each? One row per stable code: M01 syntax, M02 names, M03 shapes and types,
// M04 time, M05 gradients, M06 data and inputs, M07 not yet supported; the same numbers with W are warnings.

/** What is true of every diagnostic with a code. */
export interface CodeRow {
  /** A short name of the mistake. */
  readonly name: string;
  /** An error, where nothing is said. */
  readonly severity?: "warning";
  /** The calls that led to the place are shown, with the shapes that they passed. */
  readonly shows?: "shapes";
  /** The mistake does not come from where a thing is used: it is said of a definition that nothing calls, too. */
  readonly anywhere?: true;
}

/** The table of codes.
 *
 *  @category Diagnostics and errors */
export const diagnosticCodes = {
  M0101: { name: "A character that no token starts with" },
  M0102: { name: "A token where the grammar has no place for it" },
  M0103: { name: "A clause given twice" },
  M0104: { name: "A clause missing", anywhere: true },
  M0105: { name: "A number that cannot be read" },
  M0106: { name: "An unknown edition, precision or unit" },
  M0107: { name: "A program that is too long" },
  M0201: { name: "An unknown name" },
  M0202: { name: "A name defined twice", anywhere: true },
  M0203: { name: "A name of the wrong kind", anywhere: true },
  M0204: { name: "An unknown hyperparameter" },
  M0205: { name: "A hyperparameter overridden twice" },
  M0206: { name: "An import that cannot be resolved" },
  M0207: { name: "An import cycle" },
  M0208: { name: "A parameter with more than one owner" },
  M0209: { name: "A name that could mean two things" },
  M0210: { name: "A definition that depends on itself", anywhere: true },
  M0301: { name: "Shapes that do not fit an operation", shows: "shapes", anywhere: true },
  M0302: { name: "A wrong number of arguments", shows: "shapes", anywhere: true },
  M0303: { name: "An unknown argument name", shows: "shapes", anywhere: true },
  M0304: { name: "A value of the wrong type", shows: "shapes", anywhere: true },
  M0305: { name: "A shape that does not match its declaration", shows: "shapes", anywhere: true },
  M0306: { name: "A size that is not a positive integer", shows: "shapes", anywhere: true },
  M0307: { name: "Losses do not broadcast", shows: "shapes", anywhere: true },
  M0308: { name: "An objective that is not a scalar", shows: "shapes", anywhere: true },
  M0309: { name: "A parameter whose shape depends on the batch", shows: "shapes", anywhere: true },
  M0310: { name: "A tensor that is too large", shows: "shapes", anywhere: true },
  M0311: { name: "Definitions that unfold too far", shows: "shapes" },
  M0312: { name: "A value of the whole table where a batch is read", shows: "shapes" },
  M0313: { name: "A batch that nothing reads", shows: "shapes" },
  M0314: { name: "An integer outside its range", shows: "shapes" },
  M0401: { name: "A time is needed" },
  M0402: { name: "A time out of range" },
  M0403: { name: "A time on something that does not change" },
  M0404: { name: "A time that could mean two loops" },
  M0405: { name: "A thing without an initial value", anywhere: true },
  M0501: { name: "A meta-parameter that cannot influence the objective" },
  M0502: { name: "A thing that cannot be a meta-parameter" },
  M0503: { name: "A record of a thing that never changes" },
  M0504: { name: "An estimator that does not fit" },
  M0601: { name: "Data that cannot be read" },
  M0602: { name: "Data that does not fit its declaration" },
  M0603: { name: "An unknown or missing input" },
  M0604: { name: "An input value that does not fit" },
  M0605: { name: "A path out of the program's folder" },
  M0606: { name: "An initial value outside its range", anywhere: true },
  M0701: { name: "Not yet supported" },
  W0101: { name: "No edition", severity: "warning" },
  W0102: { name: "A comment where a division may be meant", severity: "warning" },
  W0201: { name: "A definition that is never used", severity: "warning" },
  W0401: { name: "A state that nothing moves", severity: "warning" },
  W0501: { name: "A derivative that leaves out the probabilities of a draw", severity: "warning" },
  W0601: { name: "A table whose columns semicolons separate", severity: "warning" },
  W0602: { name: "Numbers of a table where drawn classes are meant", severity: "warning" },
} as const satisfies { readonly [code: string]: CodeRow };

/** A stable code of a diagnostic.
 *
 *  @category Diagnostics and errors */
export type DiagnosticCode = keyof typeof diagnosticCodes;

/** The row of a code. */
export const codeRow = (code: DiagnosticCode): CodeRow => diagnosticCodes[code];

/** True for what does not keep a program from running. */
export const isWarning = ({ code }: { readonly code: DiagnosticCode }): boolean => codeRow(code).severity === "warning";
