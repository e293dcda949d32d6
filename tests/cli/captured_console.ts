// A console that keeps what is written.
import type { Console } from "../../cli/console.ts";

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
