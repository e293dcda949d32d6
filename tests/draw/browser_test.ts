// Is a page in a browser what its text says? In Chromium, where it is installed: lines and bands have the colours of their legend, nothing is
// wider than the page at 400 and 1,200 pixels, intervals in tables stand in one line, numbers do not run into each other, and nothing is said on the console.
import { assert, assertEquals } from "@std/assert";
import { chromium } from "../../build/chromium.ts";
import { htmlOfReport } from "../../draw/html_report.ts";
import type { Chart, Report } from "../../draw/report.ts";
import { thorough } from "../thorough.ts";

const line = (label: string, look: number, y: number[]) => ({
  ...{ label, look, y, x: y.map((_, i) => i * 17_500) },
  band: { low: y.map((v) => v / 2), high: y.map((v) => v * 2) },
});

const chart = (title: string, scale: number): Chart => ({
  kind: "chart",
  title,
  x: "meta-step of a loop with a long name",
  y: "mse(net@T(query.x), query.y)",
  series: [0, 1, 2].map((k) =>
    line(`rate = ${10 ** -k}, mean of 5 seeds`, k, [5, 4, 3, 2.5, 2.2].map((v) => scale * v ** (k + 1)))
  ),
});

const report: Report = {
  title: "A report",
  warnings: ["runs/a: stopped"],
  sections: [{
    title: "Charts",
    blocks: [
      ...[1, 1e-7, 12_345_678, 1e30].map((scale) => chart(`c${scale}`, scale)),
      chart("constant", 0),
      {
        kind: "intervals",
        title: "i",
        x: "difference",
        zero: true,
        rows: [0, 1, 2].map((k) => ({
          label: `a long setting, number ${k}`,
          look: k,
          mean: k - 1.5,
          interval: [k - 2, k - 1] as const,
        })),
      },
      {
        kind: "table",
        head: ["a", "b", "c", "d"],
        rows: [["a".repeat(60), "b".repeat(60), "c", { value: 1, shown: "1" }]],
      },
      {
        kind: "table",
        head: ["a", "at meta-step", "b", "c"],
        rows: [["a ".repeat(30), "b ".repeat(30), "-1.2345e-10 .. 1.2345e-10", "0.70021 .. 0.70021"]],
      },
      {
        kind: "images",
        title: "m",
        width: 28,
        height: 28,
        channels: 1,
        count: 40,
        pixels: new Float64Array(40 * 784),
        range: [0, 1],
      },
    ],
  }],
};

/** What a browser says of a page in a frame. */
interface Seen {
  readonly width: number;
  /** Colours as they are drawn beside those that are written. */
  readonly colors: readonly (readonly [drawn: string, written: string])[];
  /** Numbers beside axes that share a place. */
  readonly overlaps: readonly string[];
  /** Intervals that stand in more than one line, and tables that are cut. */
  readonly broken: readonly string[];
  readonly charts: number;
}

/** Runs in the browser. */
const look = `
const seen = (frame) => {
  const page = frame.contentDocument;
  const styles = (path, name) => [...page.querySelectorAll(path)].map((each) => [frame.contentWindow.getComputedStyle(each)[name], each.getAttribute(name)]);
  const overlaps = [];
  for (const svg of page.querySelectorAll("svg.c")) {
    const boxes = [...svg.querySelectorAll("text")].map((text) => ({ text: text.textContent, box: text.getBoundingClientRect() }));
    for (const [i, a] of boxes.entries()) for (const b of boxes.slice(i + 1)) {
      const apart = a.box.right <= b.box.left || b.box.right <= a.box.left || a.box.bottom <= b.box.top + 2 || b.box.bottom <= a.box.top + 2;
      if (!apart) overlaps.push(a.text + " | " + b.text);
    }
  }
  const linesOf = (cell) => { const range = page.createRange(); range.selectNodeContents(cell); return range.getClientRects().length; };
  const broken = [...page.querySelectorAll("td")].filter((cell) => cell.textContent.includes(" .. ") && linesOf(cell) > 1).map((cell) => cell.textContent);
  for (const box of page.querySelectorAll(".scroll")) {
    const { overflowX } = frame.contentWindow.getComputedStyle(box);
    if (box.scrollWidth > box.clientWidth && overflowX !== "auto") broken.push("cut: " + box.textContent);
  }
  const colors = [...styles("svg.c .s, svg.k .s", "stroke"), ...styles("svg.c .b, svg.c circle", "fill")];
  return { width: page.documentElement.scrollWidth, colors, overlaps, broken, charts: page.querySelectorAll("svg.c").length };
};
const frames = [...document.querySelectorAll("iframe")];
Promise.all(frames.map((frame) => new Promise((done) => { frame.onload = done; frame.srcdoc = page; })))
  .then(() => document.querySelector("pre").textContent = JSON.stringify(frames.map(seen)));
`;

// asking takes a second
const browser = thorough ? await chromium() : undefined;

Deno.test({
  name:
    "a page in Chromium has the colours of its legend, is no wider than the window, and no number stands on another or is broken",
  ignore: browser === undefined,
  async fn() {
    const folder = Deno.makeTempDirSync();
    try {
      const text = JSON.stringify(await htmlOfReport(report)).replaceAll("<", "\\u003c");
      const frames = [400, 1200].map((width) => `<iframe style="border:0" width="${width}" height="9000"></iframe>`)
        .join("");
      Deno.writeTextFileSync(
        `${folder}/look.html`,
        `<pre></pre>${frames}<script>const page = ${text};${look}</script>`,
      );
      const args = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        `--user-data-dir=${folder}/user`,
      ];
      const { stdout, stderr } = await new Deno.Command(browser!, {
        args: [...args, "--virtual-time-budget=5000", "--dump-dom", `file://${folder}/look.html`],
      }).output();
      const said = new TextDecoder().decode(stderr).split("\n").filter((line) => line.includes("CONSOLE"));
      assertEquals(said, []);
      const [, json] = /<pre>([^<]*)<\/pre>/.exec(new TextDecoder().decode(stdout))!;
      const seen: Seen[] = JSON.parse(json!.replaceAll("&lt;", "<").replaceAll("&amp;", "&"));
      assertEquals(seen.map(({ width, charts }) => [width, charts]), [[400, 6], [1200, 6]]);
      for (const { overlaps, broken, colors } of seen) {
        assertEquals([...overlaps, ...broken], []);
        assert(colors.length > 40);
        for (const [drawn, written] of colors) {
          const [r, g, b] = [1, 3, 5].map((i) => parseInt(written.slice(i, i + 2), 16));
          assertEquals(drawn, `rgb(${r}, ${g}, ${b})`);
        }
      }
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});
