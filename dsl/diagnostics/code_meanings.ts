// What does each code mean? The text that stands under its title on the page of diagnostics (`deno task docs:diagnostics`) and that
// `meta.ts explain CODE` prints; the programs beside it stand in `tests/programs/codes/`.
import type { DiagnosticCode } from "./codes.ts";

/** For each code its paragraphs. */
export const codeMeanings: { readonly [C in DiagnosticCode]: readonly string[] } = {
  M0101: [
    'The language is written with ASCII letters, digits, the operators of arithmetic, brackets and `"`; names ' +
    "begin with a letter or `_`. Comments begin with `//`. Any character may stand in a comment or a text in " +
    "quotes.",
  ],
  M0102: [
    "The text stops making sense at the place marked: a bracket is missing, a clause stands in the wrong item, or " +
    "a word has no meaning there. The message names what could stand instead.",
  ],
  M0103: [
    "Every clause of a loop stands once, except `over … by …`, which may be repeated for other parameters.",
  ],
  M0104: [
    "An inner or outer loop needs an objective, what it changes with the rule, and its number of steps; an " +
    "evaluation needs a `report`.",
  ],
  M0105: [
    "Numbers are written `0.5`, `1e-3`, `10_000`. A digit stands on each side of the point.",
  ],
  M0106: [
    "There is one edition, `1`; a precision is `f32` or `f64`; `memory` takes `MB` or `GB`.",
  ],
  M0107: [
    "A program has at most four million characters with all that it imports, a million words, numbers and signs in " +
    "one file, and a thousand imported files; a name, a number or a path has at most 255 characters " +
    "(docs/limits.md). What is longer holds a table of numbers: keep it in a file beside the program, and load it " +
    'with `data d from "numbers.npz" { x : [_] }`.',
  ],
  M0201: [
    "Nothing of this name is defined where it is used: it may be misspelt, belong to a task or a model and need " +
    "its path, or stand in a file that was not imported.",
  ],
  M0202: [
    "A name means one thing in a file, a model, a task or a list. Names of the library may be defined anew.",
  ],
  M0203: [
    "The name exists, but what it names cannot stand here: a loop where a rule is expected, a task where a value " +
    "is expected.",
  ],
  M0204: [
    "The optimizer has no hyperparameter of this name. Its parameters in brackets are all there are.",
  ],
  M0205: [
    "Two entries give the same hyperparameter of the same loop.",
  ],
  M0206: [
    "The file of an import does not exist or cannot be read. Paths are relative to the importing file, and a " +
    "program compiled from a text needs `read`.",
  ],
  M0207: [
    "Files that import each other in a circle have no first one to read. Move what both need to a third file.",
  ],
  M0208: [
    "A parameter is changed by one rule of one loop. Two rules of a loop, or two outer loops, that learn the same " +
    "tensor would overwrite each other.",
  ],
  M0209: [
    "`fit.x` would mean the loop and the split at once. In what a loop minimizes, `t` is its step and `T` the " +
    "number of its steps, so nothing else that is read there can be called so.",
  ],
  M0210: [
    "A value is defined by way of itself, or a function calls itself without an end.",
  ],
  M0301: [
    "The sizes of the operands do not fit. Axes are matched from the last to the first, and only a nameless size 1 " +
    "stretches; `dot` needs the last axis of one to equal the first but last of the other.",
  ],
  M0302: [
    "A function, model, optimizer or distribution gets as many arguments as it has parameters; those with a " +
    "default may be left out.",
  ],
  M0303: [
    "An argument is given by a name that the function does not have.",
  ],
  M0304: [
    "The value is of another kind than the place needs: a float where an integer is needed, a distribution where a " +
    "value is, a tensor where a number known before the run is.",
  ],
  M0305: [
    "The value has another shape than its declaration says.",
  ],
  M0306: [
    "Sizes, numbers of steps and of tasks are positive integers that are known before the run: numbers, inputs and " +
    "what is computed from them.",
  ],
  M0307: [
    "Predictions and targets of a loss have the same shape. [n, 1] against [n] would be compared each with each, " +
    "which is [n, n].",
  ],
  M0308: [
    "What is minimized, maximized or differentiated is one number. Take a `mean` or a `sum`.",
  ],
  M0309: [
    "A parameter has one shape for all data. Its sizes come from the features of what the model is called with, " +
    "not from the number of examples.",
  ],
  M0310: [
    "A tensor has fewer than 2^31 entries and at most 64 axes. Often a layer is wider than meant, or two vectors " +
    "were combined into a matrix by a missing axis. Steps of scans and of loops that are differentiated, tasks and " +
    "times of a report are counted too. docs/limits.md has all limits, and says how one is raised.",
    "An array that is packed more than a hundredfold in an `.npz`, to more than 64 MB, is only read when its sizes " +
    "are declared. Numbers that stand in a program take at most 2 MB of its text; more belong into a file.",
  ],
  M0311: [
    "Functions and models are written out where they are called, and so are derivatives. These unfold into more " +
    "operations than can be compiled: call one of them fewer times, or put the repetition into a `scan`; nest " +
    "fewer loops that are differentiated. docs/limits.md has the limits, and says how one is raised.",
  ],
  M0312: [
    "A `let` is computed once, from the whole table. One that has a value for each of its rows does not fit to the " +
    "rows of a batch. A `fn` is evaluated where it is called, so it reads the rows of the batch; or make the value " +
    "a field of the table. What sums the rows up may stay a `let`.",
  ],
  M0313: [
    "The objective reads no rows of the table that a batch is taken of, so every step would be the same without " +
    "it. A `let` is computed once, from the whole table, and loops that run inside see it whole, or a batch of " +
    "their own.",
  ],
  M0314: [
    "An index or a label stands for one of so many things, counted from 0, and nothing outside is read as 0 or " +
    "left out: the message names the number, where it stands, and the range. An `int` is −2147483647 … 2147483647, " +
    "and so must be what `+`, `-`, `*` and `sum` make of ints; a float holds more. What is known before the run is " +
    "said before it; what only the run knows ends it with the step and the task. An index must also be right where " +
    "a `where` does not take what it reads: write `x[max(t - 1, 0)]`.",
  ],
  M0401: [
    "What a loop changes has a value at each time, and an expression outside of the loop must say which: `w@0` is " +
    "the start, `w@T` the end; `record` keeps all, `w@*`.",
  ],
  M0402: [
    "A loop of T steps has the times 0, before the first step, to T, after the last; losses and gradients have the " +
    "times 0 to T as well, each before the update.",
  ],
  M0403: [
    "Only what an inner loop changes has times; everything else is written without `@`.",
  ],
  M0404: [
    "`t` or `T` could be the time of more than one loop here. Give their numbers of steps different names.",
  ],
  M0405: [
    "Parameters, states and fields of tasks begin somewhere: a value or a draw. Only a field of `data` may be read " +
    "from a file or handed over, and a field of a task may be given by a function of a script.",
  ],
  M0501: [
    "No change of this parameter can change the objective, so its gradient is 0 whatever its value: it is not " +
    "used, acts only through a sign or a comparison, or only after the last step that counts.",
  ],
  M0502: [
    "Learned or differentiated with respect to are starts of inner loops (`w@0`), hyperparameters (`fit.lr`) and " +
    "`param`s and model parameters that no inner loop changes: what is given, not what follows from it.",
  ],
  M0503: [
    "The value is the same at every step, so there is nothing to keep.",
  ],
  M0504: [
    "`through` says how a loop is differentiated, and not every way fits every question. `implicit` and " +
    "`finite_difference` know a derivative where the loop ends and at no time before; `implicit` needs a loss with " +
    "curvature and, but for the solver `fixed_point`, a rule that leaves a parameter where it is when the gradient " +
    "is zero; `forward()` makes one pass for each number that is differentiated for; the loops of one objective " +
    "that are estimated by `es` must agree.",
  ],
  M0601: [
    "The file of a `data` item does not exist, is no regular file, is torn, was changed or is of another kind; or " +
    "a field has neither values nor a file. Of an array in an `.npz` the checksum is compared; of a table the row " +
    "is named.",
  ],
  M0602: [
    "What was read has another number of rows or another shape than declared, or an entry is missing or no number. " +
    "The message says row and column.",
  ],
  M0603: [
    "An `input` without a default needs a value (`--set NAME=VALUE`, or `inputs` in a script), and what is handed " +
    "over must be declared in the program.",
  ],
  M0604: [
    "The value of an `input` is not of its type, or lies outside of its range.",
  ],
  M0605: [
    "A program reads files of its own folder and of those below, so that it can be moved and trusted. Copy the " +
    "file there.",
  ],
  M0606: [
    "A hyperparameter or parameter with a range starts inside of it; with `via`, not at its bound either.",
  ],
  M0701: [
    "The language has this, and this version does not compute it yet. docs/open_work.md lists what is open.",
  ],
  W0101: [
    "The edition fixes what a program means. A program that names it goes on to mean the same when the language " +
    "changes.",
  ],
  W0102: [
    "In Python `//` divides and cuts to a whole number. Here it begins a comment, so what follows is not read.",
  ],
  W0201: [
    "Nothing uses this definition. It may be a leftover, or a use of it is misspelt.",
  ],
  W0401: [
    "A model holds this state, and only a training call moves it: one in what a loop minimizes that evolves the model as " +
    "a whole. Without one it stays as it is declared, and so a layer that takes running statistics takes those.",
  ],
  W0501: [
    "This parameter acts on the probabilities by which something is drawn, and in another way, too. No derivative goes " +
    "through a draw by probabilities, so what it does there is not part of the gradient. `es` and `pes` look at values " +
    "and see all of it.",
  ],
  W0601: [
    "The first row of a `.csv` has semicolons and no commas outside of quotes, so semicolons separate its columns. " +
    "Where that is usual, numbers are often written with commas: those are errors, as a comma may part thousands, " +
    "too. Commas as separators and points in numbers mean the same everywhere.",
  ],
  W0602: [
    "`draw 2 of each` numbers the task's classes as they were drawn, alike in all splits that say so. A split that draws of " +
    "the whole table keeps the numbers that the table has. Here both are held against the same number of classes, as " +
    "labels, as indices or by `==`, so that a network that learned the one is asked by the other: it looks as if it had " +
    "learned nothing.",
  ],
};
