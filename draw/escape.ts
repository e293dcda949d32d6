// How does text of a stranger stand on a page? Without meaning to the browser.
import { visibleText } from "../dsl/text/display_width.ts";

/** The text with what HTML and SVG would obey written out; control characters, which neither may hold, as pictures of them. */
export function escaped(text: string): string {
  return visibleText(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
