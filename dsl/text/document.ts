// How is a text broken into lines? A small pretty-printer in Wadler's manner: a document says where lines may end, and a
// group is written on one line if it fits.
/** A text with places where lines may end. */
export type Document =
  | string
  | readonly Document[]
  | { readonly kind: "line"; readonly flat: string }
  | { readonly kind: "newline" }
  | { readonly kind: "trailing"; readonly text: string }
  | { readonly kind: "indent"; readonly body: Document }
  | { readonly kind: "align"; readonly body: Document }
  | { readonly kind: "group"; readonly body: Document }
  | { readonly kind: "value"; readonly body: Document }
  | { readonly kind: "fill"; readonly parts: readonly Document[]; readonly separator: string };

/** A blank, or a line end in a group that does not fit. */
export const line: Document = { kind: "line", flat: " " };
/** Nothing, or a line end in a group that does not fit. */
export const softline: Document = { kind: "line", flat: "" };
/** A line end; the groups around it are broken. */
export const newline: Document = { kind: "newline" };

/** A comment behind what stands on the line. */
export function trailing(text: string): Document {
  return { kind: "trailing", text };
}
/** Lines in the body start two columns further in. */
export function indent(body: Document): Document {
  return { kind: "indent", body };
}
/** Lines in the body start where the body starts. */
export function align(body: Document): Document {
  return { kind: "align", body };
}
/** On one line if it fits, else all its lines end. */
export function group(body: Document): Document {
  return { kind: "group", body };
}
/** What stands behind `=`: on the same line if it fits there, else on the next if it fits there, else broken inside. */
export function valueAfter(body: Document): Document {
  return { kind: "value", body };
}
/** As many parts to a line as fit. */
export function fill(parts: readonly Document[], separator = ","): Document {
  return { kind: "fill", parts, separator };
}
/** Parts with a separator between. */
export function join(parts: readonly Document[], separator: Document): Document {
  return parts.flatMap((part, i) => i === 0 ? [part] : [separator, part]);
}

/** The text on one line; undefined if it has a line end that must be. */
export function flatText(document: Document): string | undefined {
  if (typeof document === "string") return document;
  if (isSequence(document)) return flatJoin(document, "");
  switch (document.kind) {
    case "line":
      return document.flat;
    case "newline":
    case "trailing":
      return undefined;
    case "fill":
      return flatJoin(document.parts, `${document.separator} `);
    case "value": {
      const text = flatText(document.body);
      return text === undefined ? undefined : ` ${text}`;
    }
    default:
      return flatText(document.body);
  }
}

function flatJoin(parts: readonly Document[], separator: string): string | undefined {
  const texts: string[] = [];
  for (const part of parts) {
    const text = flatText(part);
    if (text === undefined) return undefined;
    texts.push(text);
  }
  return texts.join(separator);
}

function isSequence(document: Document): document is readonly Document[] {
  return Array.isArray(document);
}

/** Where writing goes on: the text so far, its current line's width. */
interface Writer {
  readonly parts: string[];
  column: number;
  readonly width: number;
}

/** Writes a document behind `before`, which is on the same line; later lines start at `indent` or further in. */
export function layOut(
  before: string,
  document: Document,
  options: { readonly indent: number; readonly width: number },
): string {
  const writer: Writer = { parts: [before], column: before.length, width: options.width };
  write(writer, document, options.indent, true, 0);
  return writer.parts.join("");
}

/** `behind` is the width of what must follow on the same line. */
function write(w: Writer, document: Document, left: number, broken: boolean, behind: number): void {
  if (typeof document === "string") return put(w, document);
  if (isSequence(document)) {
    const behinds = new Array<number>(document.length);
    let after = behind;
    for (let i = document.length - 1; i >= 0; i--) {
      behinds[i] = after;
      const lead = leadWidth(document[i]!);
      after = lead.ends ? lead.width : lead.width + after;
    }
    document.forEach((part, i) => write(w, part, left, broken, behinds[i]!));
    return;
  }
  switch (document.kind) {
    case "line":
      return broken ? startLine(w, left) : put(w, document.flat);
    case "newline":
      return startLine(w, left);
    case "trailing":
      if (lineIsBlank(w)) return put(w, document.text);
      trimLine(w);
      return put(w, `  ${document.text}`);
    case "indent":
      return write(w, document.body, left + 2, broken, behind);
    case "align":
      return write(w, document.body, w.column, broken, behind);
    case "group":
      return write(w, document.body, left, !fits(w, document.body, behind), behind);
    case "value":
      return writeValue(w, document.body, left, behind);
    case "fill":
      return writeFill(w, document, left, behind);
  }
}

function writeValue(w: Writer, body: Document, left: number, behind: number): void {
  const text = flatText(body);
  const here = text !== undefined && w.column + 1 + text.length + behind <= w.width;
  if (!here && text !== undefined && left + 2 + text.length + behind <= w.width) startLine(w, left + 2);
  else put(w, " ");
  write(w, body, left, !here, behind);
}

function writeFill(
  w: Writer,
  { parts, separator }: { readonly parts: readonly Document[]; readonly separator: string },
  left: number,
  behind: number,
): void {
  parts.forEach((part, i) => {
    const last = i === parts.length - 1;
    const after = last ? behind : separator.length;
    if (i > 0) {
      const text = flatText(part);
      if (text !== undefined && w.column + 1 + text.length + after <= w.width) put(w, " ");
      else startLine(w, left);
    }
    write(w, part, left, !fits(w, part, after), after);
    if (!last) put(w, separator);
  });
}

/** Width up to the first place where a line may end; `ends`: there is such a place. */
function leadWidth(document: Document): { width: number; ends: boolean } {
  if (typeof document === "string") return { width: document.length, ends: false };
  if (isSequence(document)) {
    let width = 0;
    for (const part of document) {
      const lead = leadWidth(part);
      width += lead.width;
      if (lead.ends) return { width, ends: true };
    }
    return { width, ends: false };
  }
  switch (document.kind) {
    case "line":
    case "newline":
    case "trailing":
    case "value":
      return { width: 0, ends: true };
    case "fill":
      return leadWidth(document.parts[0] ?? "");
    default:
      return leadWidth(document.body);
  }
}

function fits(w: Writer, document: Document, behind: number): boolean {
  const text = flatText(document);
  return text !== undefined && w.column + text.length + behind <= w.width;
}

function put(w: Writer, text: string): void {
  w.parts.push(text);
  w.column += text.length;
}

/** Starts a line, unless nothing stands on this one yet: two comments may each ask for a line of their own. */
function startLine(w: Writer, left: number): void {
  trimLine(w);
  if (w.parts.at(-1) !== "\n") w.parts.push("\n");
  w.parts.push(" ".repeat(left));
  w.column = left;
}

function lineIsBlank(w: Writer): boolean {
  return /^ *$/.test(w.parts.slice(w.parts.lastIndexOf("\n") + 1).join(""));
}

/** Takes blanks off the end of the line. */
function trimLine(w: Writer): void {
  while (w.parts.length > 0 && w.parts.at(-1) !== "\n") {
    const text = w.parts.pop()!;
    const trimmed = text.trimEnd();
    w.column -= text.length - trimmed.length;
    if (trimmed === "") continue;
    w.parts.push(trimmed);
    return;
  }
}
