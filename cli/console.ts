// Where does the command line write? Results to standard output, everything else to standard error; a stream that takes nothing any more (a
// reader that goes away, as `| head` does, or a full disk) ends the writing, not the run.
import { type FileAccessError, fileAccessError } from "../runtime/record/files.ts";

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
  /** Why a stream takes nothing any more; undefined as long as it does. */
  broken(stream: "out" | "err"): FileAccessError | undefined;
}

/** A stream that bytes go to. */
export interface ByteStream {
  /** How many of the bytes were taken. Throws what the system says. */
  writeSync(bytes: Uint8Array): number;
  isTerminal(): boolean;
}

/** What kind of terminal it is, as far as Deno may say that without asking: it is told by `TERM`, which takes `--allow-env`. */
function kindOfTerminal(): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: "TERM" });
  return state === "granted" ? Deno.env.get("TERM") : undefined;
}

/** The streams of this process. Colours only on a terminal, and not when NO_COLOR is set (Deno tells without a
 *  permission). A terminal that calls itself `dumb` gets plain lines, as a pipe does. */
export function processConsole(
  stdout: ByteStream = Deno.stdout,
  stderr: ByteStream = Deno.stderr,
  terminal: string | undefined = kindOfTerminal(),
): Console {
  const clever = (stream: ByteStream) => stream.isTerminal() && terminal !== "dumb";
  const errTerminal = clever(stderr);
  const out = writerTo(stdout, "standard output");
  const err = writerTo(stderr, "standard error");
  return {
    out: out.write,
    err: err.write,
    broken: (stream) => (stream === "out" ? out : err).broken(),
    outColor: clever(stdout) && !Deno.noColor,
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

/** Milliseconds between two tries of a stream that takes nothing just now. */
const pause = 5;

/** Writes to a stream until it takes nothing any more: then what is written is lost, and why is known. */
function writerTo(stream: ByteStream, name: string) {
  const encoder = new TextEncoder();
  const clock = new Int32Array(new SharedArrayBuffer(4));
  let why: FileAccessError | undefined;
  const write = (bytes: Uint8Array): number => {
    try {
      return stream.writeSync(bytes);
    } catch (error) {
      // another process may have made the pipe one that does not wait
      if (error instanceof Deno.errors.WouldBlock) Atomics.wait(clock, 0, 0, pause);
      else if (!(error instanceof Deno.errors.Interrupted)) throw error;
      return 0;
    }
  };
  return {
    broken: () => why,
    write(text: string) {
      const bytes = encoder.encode(text);
      try {
        for (let done = 0; !why && done < bytes.length;) done += write(bytes.subarray(done));
      } catch (error) {
        why = fileAccessError(error, { action: "write", path: name });
      }
    },
  };
}
