// Where does the command line write? Results to standard output, everything else to standard error; a reader that goes
// away (`| head`) ends the writing, not the run.

/** The two streams, and what they can do. */
export interface Console {
  /** Results. */
  out(text: string): void;
  /** Diagnostics, progress, errors. */
  err(text: string): void;
  readonly outColor: boolean;
  readonly errColor: boolean;
  /** True when standard error is a terminal: progress may be rewritten in place. */
  readonly errTerminal: boolean;
  /** Cells in a line of the terminal. */
  width(): number;
}

/** The streams of this process. Colours only on a terminal, and not when NO_COLOR is set (Deno tells without a
 *  permission). */
export function processConsole(): Console {
  const errTerminal = Deno.stderr.isTerminal();
  return {
    out: writerTo(Deno.stdout),
    err: writerTo(Deno.stderr),
    outColor: Deno.stdout.isTerminal() && !Deno.noColor,
    errColor: errTerminal && !Deno.noColor,
    errTerminal,
    width() {
      try {
        // some pseudo-terminals say 0
        return Deno.consoleSize().columns || 80;
      } catch {
        return 80;
      }
    },
  };
}

function writerTo(stream: { writeSync(bytes: Uint8Array): number }): (text: string) => void {
  const encoder = new TextEncoder();
  let open = true;
  return (text) => {
    const bytes = encoder.encode(text);
    try {
      for (let done = 0; open && done < bytes.length;) done += stream.writeSync(bytes.subarray(done));
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      open = false;
    }
  };
}
