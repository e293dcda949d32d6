// A console that keeps what is written.
import type { Console } from "../../cli/console.ts";
import { main } from "../../meta.ts";

export interface CapturedConsole extends Console {
  readonly written: { out: string; err: string };
}

export function capturedConsole(
  options: { readonly terminal?: boolean; readonly color?: boolean; readonly width?: number } = {},
): CapturedConsole {
  const written = { out: "", err: "" };
  const { terminal = false, color = false, width = 80 } = options;
  return {
    written,
    out: (text) => void (written.out += text),
    err: (text) => void (written.err += text),
    outColor: color,
    errColor: color,
    errTerminal: terminal,
    width: () => width,
    broken: () => undefined,
  };
}

/** Calls the command line; after so many lines of results the process is as if it were killed. */
export async function callUntil(args: readonly string[], lines = Infinity) {
  const console = capturedConsole();
  let left = lines;
  const out = (text: string) => {
    if (left-- === 0) throw new Deno.errors.Interrupted("killed");
    console.out(text);
  };
  const code = await main(args, { ...console, out });
  return { code, ...console.written };
}
