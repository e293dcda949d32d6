// The command line in a process that ends itself at a point that its first argument names: an operation on the disk, by a counter, or the
// so-manieth line of a kind that it prints. For tests of runs that are killed; the shipped command line knows nothing of it.
import type { Console } from "../../cli/console.ts";
import { main } from "../../meta.ts";
import { capturedConsole } from "./captured_console.ts";
import { oddDisk } from "./odd_disks.ts";

/** Where the process ends itself. What is written in that moment is half written. */
export interface KillPoint {
  /** Before the operation of this kind, on a file whose path ends so, has been met so often. */
  readonly operation?: { readonly kind: string; readonly ending: string; readonly count: number };
  /** When it prints line number `count` of a kind. */
  readonly line?: { readonly kind: string; readonly count: number };
  /** It asks itself to stop (SIGTERM) when it prints that line, and does not end there. */
  readonly stopAt?: { readonly kind: string; readonly count: number };
}

if (import.meta.main) {
  const { operation, line, stopAt } = JSON.parse(Deno.args[0]!) as KillPoint;
  const end = () => Deno.kill(Deno.pid, "SIGKILL");
  let met = 0;
  let killing = false;
  const disk = oddDisk(({ kind, path }) => {
    if (killing) end();
    if (!operation || kind !== operation.kind || !path.endsWith(operation.ending)) return "done";
    if (++met < operation.count) return "done";
    if (kind !== "write") end();
    killing = true;
    return "half";
  });
  const seen = new Map<string, number>();
  const captured = capturedConsole();
  const console: Console = {
    ...captured,
    err: (text) => void Deno.stderr.writeSync(new TextEncoder().encode(text)),
    out(text) {
      for (const { kind } of text.trim().split("\n").map((one) => JSON.parse(one))) {
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
        if (kind === line?.kind && seen.get(kind) === line?.count) end();
        if (kind === stopAt?.kind && seen.get(kind) === stopAt?.count) Deno.kill(Deno.pid, "SIGTERM");
      }
    },
  };
  Deno.exit(await main(Deno.args.slice(1), console, disk));
}
