// How does a report become a page? One file that needs nothing else: styles, charts as SVG, images as PNG in it; no script, no network.
import { escaped } from "./escape.ts";
import { columnsOf, gridOf } from "./image_grid.ts";
import { lookOf } from "./looks.ts";
import { encodePng } from "./png.ts";
import {
  type Block,
  type Cell,
  type Chart,
  type Images,
  moreRows,
  mostRows,
  type Report,
  type Table,
} from "./report.ts";
import { mostTold, svgOfChart, svgOfIntervals } from "./svg_chart.ts";

/** What every page begins with: a file that does not is none of ours, and is never overwritten. */
export const pageStart = `<!doctype html>\n<!-- a report of meta runs -->\n`;

/** Bytes that all lines of a page may take, about, and those of a point. */
const bytesOfLines = 500_000;
const bytesOfPoint = 14;

/** Points of a chart: at least so many, and no more than can be seen. */
const fewestPoints = 400;
const mostPoints = 6_000;

/** Bytes of images that a page has at most; what comes after is named. */
const bytesOfImages = 300_000;

/** The page. */
export async function htmlOfReport(report: Report): Promise<string> {
  const title = escaped(report.title);
  return `${pageStart}<html lang="en">\n<head>\n<meta charset="utf-8">\n` +
    `<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light">\n` +
    `<link rel="icon" href="data:,">\n<title>${title}</title>\n<style>\n${style}</style>\n</head>\n<body>\n` +
    `<h1>${title}</h1>\n${await contentOf(report)}\n</body>\n</html>\n`;
}

/** The same as a part of another page, a notebook: without a title, with styles that hold in it alone. */
export async function partOfPage(report: Report): Promise<string> {
  return `<div class="${part}">\n<style>\n${styleWithin(`.${part}.${part}`)}</style>\n${await contentOf(
    report,
  )}\n</div>\n`;
}

// named twice in selectors: so they go before those of the page around it
const part = "meta-report";

/** What a notebook says of all tables, said for these. */
const besideOthers = `h2, p, figcaption { color: inherit; }
table { color: inherit; border: none; }
th, td { text-align: left; max-width: none; }
thead tr, tbody tr, tbody tr:hover { background: none; }
`;

/** The styles for what is in one element: each rule behind its selector, and those of the whole page for it itself. */
function styleWithin(element: string): string {
  return (style + besideOthers).replace(/([^{}]+)(\{[^{}]*\})/g, (_, selectors: string, rule: string) => {
    const [space] = /^\s*/.exec(selectors)!;
    const each = selectors.trim().split(/,\s*/).map((selector) =>
      /^(:root|body)$/.test(selector) ? element : `${element} ${selector}`
    );
    return `${space}${each.join(", ")} ${rule}`;
  });
}

/** Warnings and sections. */
async function contentOf({ warnings, sections }: Report): Promise<string> {
  const charts = sections.flatMap(({ blocks }) => blocks).filter(({ kind }) => kind === "chart").length;
  const share = Math.floor(bytesOfLines / bytesOfPoint / Math.max(1, charts));
  const points = Math.min(mostPoints, Math.max(fewestPoints, share));
  const room = { points, images: bytesOfImages };
  const bodies: string[] = [];
  for (const section of sections) {
    const parts: string[] = [];
    for (const group of grouped(section.blocks)) {
      const drawn: string[] = [];
      for (const block of group) drawn.push(await blockOf(block, room));
      parts.push(isFigure(group[0]!) ? `<div class="figures">\n${drawn.join("\n")}\n</div>` : drawn.join("\n"));
    }
    const about = section.about === undefined ? "" : `<p>${escaped(section.about)}</p>\n`;
    bodies.push(`<section>\n<h2>${escaped(section.title)}</h2>\n${about}${parts.join("\n")}\n</section>`);
  }
  const said = warnings.map((text) => `<p class="warning">${escaped(text)}</p>\n`).join("");
  return `${said}${bodies.join("\n")}`;
}

const isFigure = ({ kind }: Block) => kind === "chart" || kind === "intervals";

/** Charts that follow each other stand side by side where there is room. */
function grouped(blocks: readonly Block[]): Block[][] {
  const groups: Block[][] = [];
  for (const block of blocks) {
    const last = groups.at(-1);
    if (last && isFigure(block) && isFigure(last[0]!)) last.push(block);
    else groups.push([block]);
  }
  return groups;
}

async function blockOf(block: Block, room: { readonly points: number; images: number }): Promise<string> {
  switch (block.kind) {
    case "words":
      return `<p>${escaped(block.text)}</p>`;
    case "chart":
      return figure(
        { title: block.title, ...noteOf([block.bands, block.note]) },
        svgOfChart(block, room.points) + legendOf(block),
      );
    case "intervals":
      return figure(block, svgOfIntervals(block) + (moreRows(block.rows) ?? ""));
    case "table":
      return tableOf(block);
    case "images":
      return await imagesOf(block, room);
  }
}

function noteOf(parts: readonly (string | undefined)[]): { readonly note?: string } {
  const said = parts.filter((part) => part !== undefined);
  return said.length === 0 ? {} : { note: said.join("; ") };
}

const figure = ({ title, note }: { readonly title: string; readonly note?: string }, drawn: string) =>
  `<figure>\n<figcaption>${escaped(title)}</figcaption>\n${drawn}\n${
    note === undefined ? "" : `<p class="note">${escaped(note)}</p>\n`
  }</figure>`;

/** Which line is which. */
function legendOf({ series }: Chart): string {
  if (series.length > mostTold) {
    return `\n<p class="note">${series.length} lines, not told apart: the first is ${
      escaped(series[0]!.label)
    }, the last ${escaped(series.at(-1)!.label)}</p>`;
  }
  const named = series.filter(({ label }) => label !== "");
  const items = named.map(({ label, look, faint }) => {
    const { color, dashes } = lookOf(look);
    const dashed = dashes === "" || faint ? "" : ` stroke-dasharray="${dashes}"`;
    const line = `<path class="${faint ? "s f" : "s"}" stroke="${color}"${dashed} d="M1 5H31"/>`;
    return `<li><svg class="k" viewBox="0 0 32 10">${line}</svg>${escaped(label)}</li>`;
  });
  return items.length === 0 ? "" : `\n<ul class="legend">${[...new Set(items)].join("")}</ul>`;
}

function tableOf({ title, head, rows }: Table): string {
  const caption = title === undefined ? "" : `<caption>${escaped(title)}</caption>\n`;
  const numeric = head.map((_, c) => rows.some((row) => typeof row[c] === "object"));
  const heads = head.map((text, c) => `<th${numeric[c] ? ' class="r"' : breakable(text)}>${escaped(text)}</th>`).join(
    "",
  );
  const more = moreRows(rows);
  const shown = [...rows.slice(0, mostRows), ...(more === undefined ? [] : [[more]])];
  const lines = shown.map((row) => `<tr>${row.map(cellOf).join("")}</tr>`).join("\n");
  return `<div class="scroll"><table>\n${caption}<thead><tr>${heads}</tr></thead>\n<tbody>\n${lines}\n</tbody>\n</table></div>`;
}

/** Characters of a cell that stand in one line, such as an interval; a table that is wider than the page is moved under it. */
const mostUnbroken = 32;

const breakable = (text: string) => text.length > mostUnbroken ? ' class="w"' : "";

/** A number says all its digits to who points at it. */
function cellOf(cell: Cell): string {
  if (typeof cell === "string") return `<td${breakable(cell)}>${escaped(cell)}</td>`;
  const exact = String(cell.value);
  return `<td class="r"${exact === cell.shown ? "" : ` title="${exact}"`}>${escaped(cell.shown)}</td>`;
}

async function imagesOf(images: Images, room: { images: number }): Promise<string> {
  const { title, width, height, count } = images;
  const pixels = gridOf(images);
  const bytes = await encodePng(pixels);
  if (bytes.length > room.images) {
    return `<p>${escaped(title)}: ${count} images of ${width} × ${height}, too many for this page</p>`;
  }
  room.images -= bytes.length;
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  // small ones are shown larger, each entry a square
  const times = Math.max(1, Math.min(8, Math.floor(640 / pixels.width), Math.ceil(64 / width)));
  const size = `width="${pixels.width * times}" height="${pixels.height * times}"`;
  const said = escaped(`${title}: ${count} images of ${width} × ${height} in rows of ${columnsOf(images)}`);
  const drawn = `<img alt="${said}" ${size} src="data:image/png;base64,${btoa(text)}">`;
  return figure(images, drawn);
}

const style = `:root { color-scheme: light; }
body { margin: 0 auto; padding: 1rem; max-width: 1120px; background: #fff; color: #1a1a1a;
  font: 15px/1.45 system-ui, "Helvetica Neue", Arial, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 0.2rem 0 0.8rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 0.4rem; padding-bottom: 0.2rem; border-bottom: 1px solid #ccc; }
p { margin: 0.4rem 0; max-width: 75ch; }
.warning { border-left: 4px solid #d55e00; background: #fff4ec; padding: 0.4rem 0.7rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 0.4rem 1.5rem; }
figure { margin: 0.7rem 0; max-width: 560px; min-width: 0; }
figcaption { font-weight: 600; }
figure img { max-width: 100%; height: auto; image-rendering: pixelated; border: 1px solid #ddd; }
.note { font-size: 0.85rem; color: #555; }
svg.c { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font: 11px system-ui, "Helvetica Neue", Arial, sans-serif; fill: #444; font-variant-numeric: tabular-nums; }
svg .y { text-anchor: end; dominant-baseline: central; }
svg .x { text-anchor: middle; }
svg .l { fill: #1a1a1a; }
svg .e { text-anchor: end; }
svg path:not(.b) { fill: none; }
svg .g { stroke: #e6e6e6; }
svg .a, svg .t { stroke: #888; }
svg .z { stroke: #888; stroke-dasharray: 3 3; }
svg .s { stroke-width: 1.7; stroke-linejoin: round; }
svg .f { stroke-width: 1; opacity: 0.55; }
svg .d { stroke-width: 4.5; stroke-linecap: round; }
svg .n { stroke-width: 1.3; }
svg .i { stroke-width: 1.7; }
svg .b { opacity: 0.16; }
svg .s:not([stroke-dasharray]) { stroke-linecap: round; }
.legend { list-style: none; margin: 0.1rem 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.1rem 1rem; font-size: 0.85rem; }
.legend li { display: flex; align-items: center; gap: 0.35rem; }
svg.k { width: 32px; height: 10px; flex: none; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: 0.5rem 0; font-size: 0.9rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
caption { text-align: left; font-weight: 600; padding-bottom: 0.2rem; }
th { text-align: left; border-bottom: 1px solid #888; vertical-align: bottom; }
th, td { padding: 0.12rem 1rem 0.12rem 0; }
td { border-bottom: 1px solid #eee; vertical-align: top; }
th:not(.r), td { white-space: nowrap; }
th.w, td.w { white-space: normal; min-width: min(16em, 60vw); }
.r { text-align: right; }
@media (max-width: 520px) { svg text { font-size: 13px; } }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  figure, tr { break-inside: avoid; }
  h2, caption, figcaption { break-after: avoid; }
  .figures { grid-template-columns: 1fr 1fr; }
  .scroll { overflow: visible; }
  th, td { white-space: normal; }
  svg, .warning, img { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
