import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Diagnostic } from "../../../dsl/diagnostics/diagnostic.ts";
import { diagnosticToJson, renderDiagnostics } from "../../../dsl/diagnostics/render.ts";
import type { SourceText, Span } from "../../../dsl/text/source.ts";
import { snapshotOf } from "../../snapshot.ts";
import { anyText } from "../arbitrary_texts.ts";

const snapshots = snapshotOf(import.meta.url);

/** A text whose places are written in it: `«name:…»` marks a stretch and is taken out. */
function marked(name: string, written: string): { source: SourceText; at: (mark: string) => Span } {
  const spans = new Map<string, Span>();
  const open: { mark: string; start: number }[] = [];
  let text = "";
  for (let i = 0; i < written.length; i++) {
    if (written[i] === "«") {
      const colon = written.indexOf(":", i);
      open.push({ mark: written.slice(i + 1, colon), start: text.length });
      i = colon;
    } else if (written[i] === "»") {
      const { mark, start } = open.pop()!;
      spans.set(mark, { source: name, start, end: text.length });
    } else text += written[i];
  }
  return { source: { name, text }, at: (mark) => spans.get(mark)! };
}

function draft(at: Span, extra: Partial<Diagnostic> & { label?: string } = {}): Diagnostic {
  const { label, ...rest } = extra;
  return {
    code: "M0301",
    severity: "error",
    title: "`dot` cannot join [K, 40] with [1, 40]",
    primary: { span: at, message: label ?? "" },
    secondary: [],
    notes: [],
    ...rest,
  };
}

const sourcesOf = (...sources: SourceText[]) => new Map(sources.map((s) => [s.name, s]));

interface Case {
  readonly name: string;
  readonly render: () => string;
}

function example(name: string, written: string, make: (at: (mark: string) => Span) => Diagnostic): Case {
  const { source, at } = marked("a.meta", written);
  return { name, render: () => renderDiagnostics([make(at)], sourcesOf(source)) };
}

const layers = marked("net/layers.meta", "model dense {\n  «b:W1» : [1, 40]\n}\n");
const main = marked("a.meta", "let h2 = relu(dot(«a:h1», «p:W1») + b2)\n");

const cases: readonly Case[] = [
  example(
    "two labels on a line",
    "\n".repeat(20) + "  let h2 = relu(dot(«a:h1», «p:W1») + b2)\n",
    (at) =>
      draft(at("p"), {
        label: "last size of h1 (40) must equal first size of W1 (1)",
        secondary: [{ span: at("a"), message: "[K, 40]" }],
        hint: "did you mean `W2` : [40, 40]?",
      }),
  ),
  example("three labels, the middle one primary", "let a = «x:f(x)» + «p:y» * «z:zz»\n", (at) =>
    draft(at("p"), {
      label: "in the middle",
      secondary: [{ span: at("z"), message: "right" }, { span: at("x"), message: "left" }],
    })),
  example(
    "a label without a message, and one inside another",
    "let a = «x:f(«p:x»)»\n",
    (at) => draft(at("p"), { label: "inside", secondary: [{ span: at("x"), message: "around" }] }),
  ),
  example("two messages at one place", "let «x:a» = «p:b»\n", (at) =>
    draft(at("p"), {
      secondary: [{ span: at("x"), message: "first" }, { span: at("x"), message: "second" }],
    })),
  example(
    "another line of the same file",
    "param «d:s» : [3]\n\nlet a = «p:s» + 1\n",
    (at) =>
      draft(at("p"), { label: "[3]", secondary: [{ span: at("d"), message: "declared here" }], notes: ["One note"] }),
  ),
  {
    name: "another file, and one that is not known",
    render: () =>
      renderDiagnostics(
        [draft(main.at("p"), {
          secondary: [
            { span: layers.at("b"), message: "declared here as [1, 40]" },
            { span: { source: "std/layers.meta", start: 3, end: 4 }, message: "used here" },
          ],
        })],
        sourcesOf(main.source, layers.source),
      ),
  },
  example(
    "several lines in full",
    "inner fit {\n  minimize «p:mse(\n    net(x),\n    y)»\n}\n",
    (at) => draft(at("p"), { label: "not a scalar" }),
  ),
  example(
    "many lines, the first and the last",
    "«p:inner fit {\n  a\n  b\n  c\n  d\n}»\n",
    (at) => draft(at("p"), { label: "never used", secondary: [] }),
  ),
  example(
    "a label within a multi-line one",
    "«p:let a =\n  f(«x:x»)»\n",
    (at) => draft(at("p"), { label: "whole", secondary: [{ span: at("x"), message: "part" }] }),
  ),
  example(
    "tabs",
    "\tlet a =\t«p:b»\t+ «x:c»\n",
    (at) => draft(at("p"), { label: "here", secondary: [{ span: at("x"), message: "" }] }),
  ),
  example(
    "wide characters, emoji and combining marks",
    "// 幅 👩‍👩‍👧 e\u0301 «p:x» 한\n",
    (at) => draft(at("p"), { label: "after them" }),
  ),
  example(
    "a span inside a character pair",
    "let 👍 = 1\n",
    () => draft({ source: "a.meta", start: 5, end: 6 }, { label: "half" }),
  ),
  example("CRLF", "let a = 1\r\nlet b = «p:c»\r\nlet d = 2\r\n", (at) => draft(at("p"), { label: "here" })),
  example(
    "a span that ends with the line end",
    "let a = «p:b\r\n»let c = 1\r\n",
    (at) => draft(at("p"), { label: "to the end" }),
  ),
  example("an empty span", "let a = «p:»\n", (at) => draft(at("p"), { label: "an expression is missing" })),
  example("the end of a file without a last line end", "let a = «p:»", (at) => draft(at("p"), { label: "here" })),
  example("the end of a file with one", "let a = 1\n«p:»", (at) => draft(at("p"), { label: "here" })),
  example("an empty file", "«p:»", (at) => draft(at("p"), { label: "nothing" })),
  example(
    "a place beyond the text",
    "let a\n",
    () => draft({ source: "a.meta", start: 400, end: 500 }, { label: "clamped" }),
  ),
  example(
    "a long line",
    `let a = [${"1, ".repeat(100)}«p:oops», ${"2, ".repeat(100)}]\n`,
    (at) => draft(at("p"), { label: "not a number" }),
  ),
  example(
    "what a terminal would obey",
    "let \u001b[31m\u202e«p:a»\u0007\n",
    (at) => draft(at("p"), { label: "\u001b[2Jhere", title: "line\nbreak" }),
  ),
  example(
    "a warning",
    "let «p:a» = 1\n",
    (at) => draft(at("p"), { code: "W0201", severity: "warning", title: "`a` is never used" }),
  ),
];

for (const { name, render } of cases) {
  Deno.test(`renderDiagnostics() shows ${name}`, async (t) => {
    await t.assertSnapshot(render(), snapshots);
  });
}

Deno.test("renderDiagnostics() puts an empty line between diagnostics", () => {
  const two = renderDiagnostics([draft(main.at("p")), draft(main.at("a"))], sourcesOf(main.source));
  assertEquals(two.split("\n\n").length, 2);
  assertEquals(renderDiagnostics([], new Map()), "");
});

Deno.test("renderDiagnostics() colours only when asked, and changes nothing else", () => {
  const list = [draft(main.at("p"), { label: "m", secondary: [{ span: main.at("a"), message: "s" }], hint: "h" })];
  const plain = renderDiagnostics(list, sourcesOf(main.source));
  const colored = renderDiagnostics(list, sourcesOf(main.source), { color: true });
  assert(!plain.includes("\u001b"));
  assert(colored.includes("\u001b[31m"));
  // deno-lint-ignore no-control-regex
  assertEquals(colored.replace(/\u001b\[\d+m/g, ""), plain);
});

Deno.test("diagnosticToJson() counts lines and columns from 1 and keeps every label", () => {
  const { source, at } = marked("a.meta", "let a = 1\r\n\tlet b = «p:x\r\n  + y»«e:»");
  const json = diagnosticToJson(
    draft(at("p"), { label: "whole", secondary: [{ span: at("e"), message: "end" }], notes: ["n"], hint: "h" }),
    sourcesOf(source),
  );
  assertEquals(json, {
    code: "M0301",
    severity: "error",
    title: "`dot` cannot join [K, 40] with [1, 40]",
    file: "a.meta",
    line: 2,
    column: 10,
    end: { line: 3, column: 6 },
    labels: [
      { file: "a.meta", line: 2, column: 10, end: { line: 3, column: 6 }, primary: true, message: "whole" },
      { file: "a.meta", line: 3, column: 6, end: { line: 3, column: 6 }, primary: false, message: "end" },
    ],
    notes: ["n"],
    hint: "h",
  });
  const unknown = diagnosticToJson(draft({ source: "gone.meta", start: 0, end: 1 }), new Map());
  assertEquals([unknown.line, unknown.column, unknown.end.line, "hint" in unknown], [null, null, null, false]);
});

Deno.test("renderDiagnostics() takes any text and any place, and underlines exactly the span's cells", () => {
  const text = anyText(60);
  fc.assert(
    fc.property(text, fc.nat(70), fc.nat(70), fc.nat(70), (text, a, b, c) => {
      const source = { name: "a.meta", text };
      const at = { source: "a.meta", start: Math.min(a, b), end: Math.max(a, b) };
      const shown = renderDiagnostics(
        [draft(at, { label: "m", secondary: [{ span: { ...at, start: c, end: c }, message: "n" }] })],
        sourcesOf(source),
      );
      // deno-lint-ignore no-control-regex
      assert(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(shown));
      assert(shown.includes("^"));
    }),
    { seed: 33 },
  );
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z ]{1,30}$/), fc.nat(29), fc.nat(29), (line, a, b) => {
      const start = Math.min(a, b, line.length - 1);
      const end = Math.max(start + 1, Math.min(Math.max(a, b), line.length));
      const shown = renderDiagnostics(
        [draft({ source: "a.meta", start, end })],
        sourcesOf({ name: "a.meta", text: line }),
      );
      const row = shown.split("\n").at(-1)!.slice("  │ ".length);
      assertEquals(row, " ".repeat(start) + "^".repeat(end - start));
    }),
    { seed: 34 },
  );
});
