// Is what is drawn a page, whatever the numbers? Lines of one point, of none, constant, huge, tiny, not finite; many of them; names of any
// characters.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { htmlOfReport, pageStart } from "../../draw/html_report.ts";
import type { Chart, Report } from "../../draw/report.ts";
import { textOfReport } from "../../draw/text_report.ts";
import { displayWidth } from "../../dsl/text/display_width.ts";
import { cases } from "../thorough.ts";
import { chartsOf, offLine } from "./read_page.ts";

const chart = (series: Chart["series"]): Chart => ({ kind: "chart", title: "c", x: "step", y: "loss", series });

const reportWith = (...blocks: Report["sections"][number]["blocks"]): Report => ({
  title: "r",
  warnings: [],
  sections: [{ title: "s", blocks }],
});

const numbers = fc.oneof(
  fc.double(),
  fc.double({ min: -10, max: 10, noNaN: true }),
  fc.constantFrom(
    0,
    -0,
    NaN,
    Infinity,
    -Infinity,
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
    Number.MIN_VALUE,
    2 ** 53,
    1e-300,
    1e300,
  ),
);

const labels = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "</svg><script>alert(1)</script>",
    "\u0000\u001b[31m",
    "\u202eolleh",
    "损失",
    "a&b",
    "\ud800",
    'x" onload="y',
    "__proto__",
  ),
);

const series = fc.record({
  label: labels,
  look: fc.nat(300),
  x: fc.array(fc.nat(1e9), { maxLength: 60 }).map((steps) => steps.sort((a, b) => a - b)),
}).chain(({ label, look, x }) =>
  fc.record({
    y: fc.array(numbers, { minLength: x.length, maxLength: x.length }),
    banded: fc.boolean(),
  }).map(({ y, banded }) => ({
    ...{ label, look, x, y },
    ...(banded ? { band: { low: y.map((v) => v - 1), high: y.map((v) => v + Math.abs(v)) } } : {}),
  }))
);

const blocks = fc.oneof(
  fc.record({
    kind: fc.constant("chart" as const),
    title: labels,
    x: labels,
    y: labels,
    series: fc.array(series, { maxLength: 5 }),
  }),
  fc.record({
    kind: fc.constant("intervals" as const),
    title: labels,
    x: labels,
    rows: fc.array(
      fc.record({ label: labels, look: fc.nat(99), mean: numbers, interval: fc.tuple(numbers, numbers) }),
      { maxLength: 5 },
    ),
    zero: fc.constant(true as const),
  }),
  fc.record({
    kind: fc.constant("table" as const),
    title: labels,
    head: fc.tuple(labels, labels),
    rows: fc.array(fc.tuple(labels, numbers.map((value) => ({ value, shown: String(value) }))), { maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant("words" as const), text: labels }),
);

/** What is wrong with a page as text: names and numbers that are none, tags that are open. */
function brokenIn(page: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  const empty = new Set(["meta", "link", "img", "br"]);
  const body = page.slice(page.indexOf("<html"));
  for (const [tag, end, name, rest] of body.matchAll(/<(\/?)([a-z0-9]+)((?:[^<>"]|"[^"<>]*")*)>/g)) {
    if (end) {
      if (open.pop() !== name) wrong.push(tag);
    } else if (!empty.has(name!) && !rest!.endsWith("/")) open.push(name!);
    if (/ (d|x|y|cx|cy)="[^"]*(NaN|Infinity|e[+-]?\d)/.test(rest!)) wrong.push(tag);
    if (/\son\w+=|javascript:|<script/.test(tag.replaceAll(/"[^"]*"/g, ""))) wrong.push(tag);
  }
  const between = body.replaceAll(/<style>[^]*?<\/style>/g, "").replaceAll(
    /<(\/?)([a-z0-9]+)((?:[^<>"]|"[^"<>]*")*)>/g,
    "",
  );
  if (/[<>]/.test(between)) wrong.push("a bracket that is no tag");
  return [...wrong, ...open];
}

Deno.test("every report is a page whose tags close, and lines as wide as the terminal", async () => {
  assertEquals(brokenIn("<html><p>1</p></html>"), []);
  assertEquals(brokenIn('<html><p>1 < 2</p><b><path d="M1 NaN"/></html>').length, 4);
  await fc.assert(
    fc.asyncProperty(fc.array(blocks, { maxLength: 3 }), labels, async (list, name) => {
      const report = { title: name, warnings: [name], sections: [{ title: name, about: name, blocks: list }] };
      const page = await htmlOfReport(report);
      assert(page.startsWith(pageStart));
      assertEquals(brokenIn(page), []);
      for (const width of [60, 120]) {
        for (const color of [false, true]) {
          // deno-lint-ignore no-control-regex
          const lines = textOfReport(report, { width, color }).replaceAll(/\x1b\[[\d;]*m/g, "").split("\n");
          // a word stays whole
          const wide = lines.filter((line) =>
            displayWidth(line) > width && line.trim().split(" ").every((word) => displayWidth(word) < width - 24)
          );
          assertEquals(wide, []);
        }
      }
    }),
    { numRuns: cases(60, 2000), seed: 43 },
  );
});

Deno.test("lines are read back, of one point, constant, huge, tiny, over many decades, and broken", async () => {
  const steps = (n: number) => Array.from({ length: n }, (_, i) => i);
  const of = (y: number[]) => ({ label: "", look: 0, x: steps(y.length), y });
  const lines: Record<string, number[]> = {
    one: [3.25],
    constant: [7, 7, 7],
    zero: [0, 0],
    huge: [1e300, -1.7e308, 1.7e308],
    tiny: [1e-300, 3e-300, 2e-300],
    decades: steps(50).map((i) => 10 ** -i),
    "few decades": [1, 3, 90],
    offset: [1e9 + 1, 1e9 + 2, 1e9 + 3],
    broken: [1, 2, NaN, 3, Infinity, 5],
    "beyond integers": [2 ** 60, 2 ** 60 + 2 ** 20],
  };
  for (const [name, y] of Object.entries(lines)) {
    const [read] = chartsOf(await htmlOfReport(reportWith(chart([of(y)]))));
    assertEquals([name, offLine(read!.lines[0], steps(y.length), y)], [name, undefined]);
    assertEquals([name, read!.y], [name, name.includes("decades") ? "loss (log scale)" : "loss"]);
  }
});

Deno.test("in a terminal a line goes from corner to corner, and two lines are letters", () => {
  const x = [0, 10];
  const line = (label: string, y: number[]) => ({ label, look: 0, x, y });
  const shown = (series: Chart["series"]) =>
    textOfReport(reportWith(chart(series)), { width: 26, color: false }).trimEnd().split("\n").slice(5);
  assertEquals(shown([line("", [0, 5])]), [
    "    │                   ⢀⠔",
    "    │                 ⡠⠔⠁",
    "  4 ┤               ⡠⠊",
    "    │            ⢀⡠⠊",
    "    │          ⢀⠔⠁",
    "  2 ┤        ⢀⠔⠁",
    "    │      ⡠⠊⠁",
    "    │    ⡠⠊",
    "    │ ⢀⠔⠊",
    "  0 ┤⠔⠁",
    "    └─────────────────────",
    "     0         5        10",
  ]);
  assertEquals(shown([line("up", [0, 5]), line("down", [5, 0])]), [
    "    │bb                 aa",
    "    │  bb             aa",
    "  4 ┤    bb         aa",
    "    │      bb     aa",
    "    │        bb aa",
    "  2 ┤        aa*bb",
    "    │      aa     bb",
    "    │    aa         bb",
    "    │  aa             bb",
    "  0 ┤aa                 bb",
    "    └─────────────────────",
    "     0         5        10",
    "  a up",
    "  b down",
  ]);
});

Deno.test("of a long line the extremes stay, and two hundred lines of 5,000 points are less than 1 MB", async () => {
  const steps = (length: number) => Float64Array.from({ length }, (_, i) => i);
  const waveOf = (x: Float64Array, k: number) => x.map((i) => Math.sin(i / 50 + k) + (i === 1234 ? 9 : 0));
  const long = steps(20_000);
  const [read] = chartsOf(await htmlOfReport(reportWith(chart([{ label: "", look: 0, x: long, y: waveOf(long, 0) }]))));
  assertEquals(offLine(read!.lines[0], long, waveOf(long, 0)), undefined);
  assert(read!.lines[0]!.points.length <= 6000);
  // where a value is missing the line is broken, however many points there are
  const holed = waveOf(long, 0).map((value, i) => i === 7777 ? NaN : value);
  const holedPage = await htmlOfReport(reportWith(chart([{ label: "", look: 0, x: long, y: holed }])));
  assertEquals(holedPage.match(/<path class="s"[^>]* d="([^"]*)"/)![1]!.split("M").length - 1, 2);
  assertStringIncludes(holedPage, '<path class="n"');
  const x = steps(5000);
  const wave = (k: number) => waveOf(x, k);
  const many = Array.from({ length: 200 }, (_, k) => ({ label: `run ${k}`, look: k, x, y: wave(k) }));
  const charts = Array.from({ length: 4 }, () => chart(many));
  const page = await htmlOfReport(reportWith(...charts));
  assert(page.length < 1e6, `${page.length}`);
  assertStringIncludes(page, "200 lines, not told apart");
  // where few enough are drawn to be told apart, each looks another way
  const told = await htmlOfReport(
    reportWith(chart(many.slice(0, 28).map((line) => ({ ...line, x: [0, 1], y: [0, 1] })))),
  );
  const looks = [...told.matchAll(/<path class="s" (stroke="[^"]*"(?: stroke-dasharray="[^"]*")?) d="M1 5/g)].map((
    [, look],
  ) => look);
  assertEquals([looks.length, new Set(looks).size], [28, 28]);
});

Deno.test("of a table with many rows the first are drawn, and how many more there are", async () => {
  const rows = Array.from({ length: 300 }, (_, i) => [`row ${i}`, { value: i, shown: `${i}` }]);
  const lines = rows.map((_, i) => ({ label: `line ${i}`, look: 0, mean: i }));
  const report = reportWith({ kind: "table", head: ["a", "b"], rows }, {
    kind: "intervals",
    title: "i",
    x: "x",
    rows: lines,
  });
  const page = await htmlOfReport(report);
  for (const text of [page, textOfReport(report, { width: 80, color: false })]) {
    assertEquals([text.includes("row 199"), text.includes("row 200"), text.includes("line 200")], [true, false, false]);
    assertEquals(text.split("and 100 more").length, 3);
  }
});

Deno.test("a page needs no network and no script, prints, and says its language", async () => {
  const page = await htmlOfReport(reportWith(chart([{ label: "a", look: 0, x: [0, 1], y: [1, 2] }])));
  const outside = [...page.matchAll(/\b(?:src|href)="([^"]*)"/g)].map(([, url]) => url!).filter((url) =>
    !url.startsWith("data:")
  );
  assertEquals(outside, []);
  assert(!/<script|@import|url\(/.test(page));
  assertStringIncludes(page, "@media print");
  assertStringIncludes(page, '<html lang="en">');
});
