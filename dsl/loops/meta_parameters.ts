// What may be learned? Turns the references of `over` (in an outer) and `wrt` into leaves, and says why one cannot be.
import type { Expression } from "../syntax/ast.ts";
import { fail, needShape, sourceText } from "../world/report.ts";
import type { Context, MetaReference, Reference } from "../world/world.ts";
import { evaluate } from "../world/evaluator.ts";
import { changesUnknown, referenceLeaves, resolveReference } from "../elaborate/references.ts";
import { loopsChanging, outersLearning } from "../elaborate/ownership.ts";
import { hyperparameterPath } from "../world/loop.ts";
import { pathText, referencePath, referenceText } from "../syntax/paths.ts";
import { isLibrary } from "../text/source.ts";
import { declaredHere, neverChanges } from "../diagnostics/messages.ts";

/** Reads one entry of `over` or `wrt`. Undefined when it cannot be a meta-parameter (reported) or is not shaped yet. */
export function readMetaReference(cx: Context, expression: Expression): MetaReference | undefined {
  if (expression.kind === "Missing") return undefined;
  const timed = expression.kind === "Time";
  const object = timed ? expression.object : expression;
  const text = referenceText(object.kind === "Index" ? object.object : object) ?? "this";
  const reference = resolveReference(cx, object);
  if (reference === undefined) return undefined;
  if (reference === "not a reference") {
    const value = evaluate(cx, object);
    if (value.kind !== "error") {
      fail(cx, {
        code: "M0502",
        title: `\`${text}\` cannot be learned: it is not a parameter, a model or a hyperparameter`,
        at: expression.span,
      });
    }
    return undefined;
  }
  if (!checkTime(cx, expression, reference, text)) return undefined;
  if (reference.kind === "leaf" && reference.leaf.state) {
    return void fail(cx, {
      code: "M0502",
      title: `\`${text}\` is a state of its model, and is not learned`,
      at: expression.span,
      hint: "write what it starts as by a `param`, and learn that: `param start = 0`, `state s = start` in the model",
    });
  }
  const leaves = referenceLeaves(cx.elaboration, reference);
  if (leaves.length === 0) {
    reportEmpty(cx, expression, reference);
    return undefined;
  }
  return { label: sourceText(cx.elaboration, expression), expression, leaves };
}

/** A thing that an inner loop changes is learned at its start, `@0`; anything else as it is. */
function checkTime(cx: Context, expression: Expression, reference: Reference, text: string): boolean {
  switch (reference.kind) {
    case "model":
    case "leaf":
      return checkStart(cx, expression, reference, text);
    case "hyperparameter":
      if (expression.kind !== "Time") return true;
      fail(cx, {
        code: "M0403",
        title: `A hyperparameter is learned as a whole`,
        at: expression.span,
        hint: `write \`${text}\``,
      });
      return false;
    default:
      fail(cx, {
        code: "M0502",
        title: `\`${text}\` cannot be learned: it is ${
          reference.kind === "loop"
            ? "a loop"
            : reference.kind === "rule"
            ? "what a rule changes, and a hyperparameter's name is missing"
            : reference.kind === "count" || reference.kind === "made"
            ? "a number of steps"
            : "computed by its loop"
        }`,
        at: expression.span,
      });
      return false;
  }
}

/** Of what an inner loop changes only the start is learned. */
function checkStart(
  cx: Context,
  expression: Expression,
  reference: Reference & { kind: "model" | "leaf" },
  text: string,
): boolean {
  const loops = loopsChanging(cx.elaboration, reference);
  if (expression.kind !== "Time") {
    const loop = loops[0];
    if (!loop) return true;
    fail(cx, {
      code: "M0401",
      title: `\`${text}\` is evolved by \`${loop.name}\`; an outer can learn where it starts`,
      at: expression.span,
      secondary: [declaredHere(loop.item.name)],
      hint: `write \`${text}@0\``,
    });
    return false;
  }
  if (loops.length === 0 && outersLearning(cx.elaboration, referencePath(expression.object), false).length === 0) {
    if (changesUnknown(cx.elaboration)) return false;
    fail(cx, {
      ...neverChanges(text),
      at: expression.span,
      hint: `write \`${text}\``,
    });
    return false;
  }
  const { time } = expression;
  if (time !== "all" && time.kind === "Number" && time.value === 0) return true;
  fail(cx, {
    code: "M0502",
    title: `Only the start of \`${text}\` can be learned: later times follow from it`,
    at: expression.span,
    hint: `write \`${text}@0\``,
  });
  return false;
}

function reportEmpty(cx: Context, expression: Expression, reference: Reference): void {
  if (reference.kind === "hyperparameter") {
    const { loop, declared } = reference;
    const path = hyperparameterPath(loop, declared);
    const name = pathText(path);
    const at: Context = { ...cx, scope: { module: declared.module, parent: undefined, locals: new Map() } };
    const formula = declared.override?.time !== undefined;
    const value = formula ? undefined : evaluate(at, declared.value);
    if (formula || value?.kind === "tensor" && declared.value.kind !== "List") {
      fail(cx, {
        code: "M0502",
        title: `\`${name}\` is computed by a formula and cannot be learned itself`,
        at: expression.span,
        secondary: [{ span: declared.span, message: "the formula" }],
        hint: "learn the parameters that the formula uses",
      });
    } else if (value?.kind === "static" && value.type === "bool") {
      fail(cx, {
        code: "M0502",
        title: `\`${name}\` is a switch and cannot be learned`,
        at: expression.span,
        secondary: [{ span: declared.span, message: "true or false, nothing between" }].filter((l) =>
          !isLibrary(l.span.source)
        ),
      });
    } else needShape(cx.elaboration, path, expression.span);
    return;
  }
  if (reference.kind === "model") {
    const { members } = reference.instance.model.item;
    if (members.every((m) => m.kind === "Let")) {
      // a model that another mistake is in may have been meant to have some
      if (!cx.elaboration.sink.hasErrors) {
        fail(cx, {
          code: "M0502",
          title: `\`${pathText(reference.instance.path)}\` has no parameters`,
          at: expression.span,
        });
      }
    } else needShape(cx.elaboration, reference.instance.path, expression.span);
  }
}
