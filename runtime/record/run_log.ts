// How is `metrics.jsonl` written while a run goes on? Lines wait in memory until they are handed to the system, and go on waiting where it
// does not take them: a log is what may be lost last of all that a run says, and first of all that it keeps.
import { fileSystem, saysThat } from "./file_system.ts";
import type { Disk, OpenFile } from "./disk.ts";
import { FileAccessError, fileAccessError, writeAll } from "./files.ts";

/** Milliseconds after which lines are handed to the system; a crash loses at most what came since. */
const flushAfter = 250;

/** Code units of lines that wait for a disk that takes none. What comes then is counted and lost. */
const mostWaiting = 2 ** 24;

/** The log of a run, taken for this process. */
export interface RunLog {
  /** Adds a line, and writes those that wait when it is time. Throws FileAccessError where they cannot be written: they wait on. */
  add(line: string, seconds: number): void;
  /** Writes the lines that wait. Throws FileAccessError. */
  flush(): void;
  /** What was written survives a loss of power. Throws FileAccessError. */
  sync(): void;
  /** Bytes of the log that another run can go on from, and the lines that come after them. */
  place(): { readonly logged: number; readonly waiting: string };
  /** Notes that a checkpoint knows the log up to a place: what comes after it may be cut off, for who goes on from there makes it again. */
  held(logged: number): void;
  /** Notes that no checkpoint does: all that this run wrote may be cut off. */
  release(): void;
  /** Bytes of lines that may be cut off: those that came after the newest checkpoint. */
  readonly loose: number;
  /** Gives the room of its last lines to another file, about so many bytes; false where none may be cut off. */
  cut(bytes: number): boolean;
  /** Lines that are lost. */
  readonly lost: number;
  /** Lines that no file has. */
  readonly left: number;
  /** The log was found gone. */
  readonly gone: boolean;
  /** Throws FileAccessError where the log is gone, and the folder with it: it belongs to nobody any more, or to another run. */
  refuseIfGone(): void;
  /** Never throws. */
  close(): void;
}

/** How a log begins. */
export interface LogBeginning {
  /** Bytes that stay in it. */
  readonly logged: number;
  /** Lines that come after them. */
  readonly waiting: string;
}

/** A log that was taken for this process, before anything else of its folder is touched. */
export interface TakenLog {
  /** Begins to write, after what stays in it; what comes after that is cut off. Throws FileAccessError. */
  begin(from: LogBeginning): RunLog;
  /** Gives it back. Never throws. */
  close(): void;
}

/** Takes the log of a run folder for this process, so that no other run can; a new one, or the one that is there. The system gives it back
 *  when the process ends, however it does. Throws FileAccessError, also where another run has it. */
export function takeRunLog(folder: string, disk: Disk, which: "new" | "there"): TakenLog {
  const path = `${folder}/metrics.jsonl`;
  const { file, fresh } = openAt(path, folder, { disk, which });
  if (!taken(file)) {
    file.close();
    throw another(folder);
  }
  return {
    begin(from) {
      const begins = fresh && from.logged > 0 ? shortened(0, from) : asFarAs(path, from);
      if (!fresh) attempt(path, () => file.truncate(begins.logged));
      return logOf({ path, folder, file, ...begins });
    },
    close: () => closeQuietly(file),
  };
}

/** A folder that another process writes to. */
export class FolderInUse extends FileAccessError {}

const another = (folder: string) => new FolderInUse(`Another run is writing to \`${folder}\``);

/** A run goes on without a log that was removed. */
function openAt(
  path: string,
  folder: string,
  { disk, which }: { readonly disk: Disk; readonly which: "new" | "there" },
): { readonly file: OpenFile; readonly fresh: boolean } {
  try {
    return { file: disk.open(path, which), fresh: which === "new" };
  } catch (error) {
    if (saysThat(error, "AlreadyExists")) throw another(folder);
    if (which === "new" || !saysThat(error, "NotFound")) {
      throw fileAccessError(error, { action: "write", path });
    }
    return openAt(path, folder, { disk, which: "new" });
  }
}

/** Where a loss of power has made the log shorter, lines are missing. */
function asFarAs(path: string, from: LogBeginning): LogBeginning {
  if (from.logged === 0) return from;
  try {
    if (fileSystem.statSync(path).size >= from.logged) return from;
    return shortened(fileSystem.readFileSync(path).lastIndexOf(0x0a) + 1, from);
  } catch (error) {
    throw fileAccessError(error, { action: "read", path });
  }
}

const shortened = (logged: number, { waiting }: LogBeginning): LogBeginning => ({
  logged,
  waiting: lostLine(null, 0) + waiting,
});

function closeQuietly(file: OpenFile): void {
  try {
    file.close();
  } catch {
    // what was synced is there
  }
}

function taken(file: OpenFile): boolean {
  try {
    return file.lock();
  } catch {
    return true; // not every file system knows locks
  }
}

interface LogParts extends LogBeginning {
  readonly path: string;
  readonly folder: string;
  readonly file: OpenFile;
}

/** Lines, encoded once: what the disk took of them is not written again. */
interface Batch {
  readonly text: string;
  readonly bytes: Uint8Array;
  done: number;
}

/** Code units that are written at once, and cut off again. */
const batchLength = 2 ** 16;

function logOf({ path, folder, file, logged, waiting: first }: LogParts): RunLog {
  /** Bytes of whole batches in the file. */
  let whole = logged;
  let batch: Batch | undefined;
  let waiting: string[] = first === "" ? [] : [first];
  let length = first.length;
  let flushed = performance.now();
  // what was written since the last checkpoint
  let held = logged;
  let since: { readonly begin: number; readonly lines: number }[] = [];
  /** What this run wrote before that. */
  let kept: { readonly begin: number; readonly lines: number } | undefined;
  let lost = 0;
  /** Lost, and not yet said so in the log. */
  let unsaid = 0;
  let now = 0;
  let gone = false;
  const wait = (line: string) => {
    waiting.push(line);
    length += line.length;
  };
  const nextBatch = (): Batch => {
    let count = 0;
    let text = "";
    while (count < waiting.length && text.length < batchLength) text += waiting[count++]!;
    waiting = waiting.slice(count);
    length -= text.length;
    return { text, bytes: new TextEncoder().encode(text), done: 0 };
  };
  const put = () => {
    const current = batch ??= nextBatch();
    writeAll(file, current.bytes.subarray(current.done), (count) => current.done += count);
    since.push({ begin: whole, lines: linesIn(current.text) });
    whole += current.bytes.length;
    batch = undefined;
  };
  const end = () => whole + (batch?.done ?? 0);
  const log: RunLog = {
    add(line, seconds) {
      now = seconds;
      if (length <= mostWaiting) wait(line);
      else {
        lost++;
        unsaid++;
      }
      if (performance.now() - flushed >= flushAfter) log.flush();
    },
    flush() {
      flushed = performance.now();
      log.refuseIfGone();
      attempt(path, () => {
        while (batch || waiting.length > 0) put();
        if (unsaid === 0) return;
        wait(lostLine(unsaid, now));
        unsaid = 0;
        put();
      });
    },
    sync: () => attempt(path, () => file.sync()),
    place: () => ({ logged: whole, waiting: [batch?.text ?? "", ...waiting].join("") }),
    held(logged) {
      held = logged;
      for (const { begin, lines } of since.filter(({ begin }) => begin < logged)) {
        kept = { begin: kept?.begin ?? begin, lines: (kept?.lines ?? 0) + lines };
      }
      since = since.filter(({ begin }) => begin >= logged);
    },
    release() {
      if (kept) since.unshift(kept);
      held = since[0]?.begin ?? held;
      kept = undefined;
    },
    get loose() {
      return end() - held;
    },
    cut(bytes) {
      let lines = 0;
      let to = whole;
      while (end() - to < bytes && since.length > 0) {
        const last = since.pop()!;
        lines += last.lines;
        to = last.begin;
      }
      if (to === end()) return false;
      try {
        file.truncate(to);
      } catch {
        return false;
      }
      lost += lines;
      for (const text of [batch?.text ?? "", lines > 0 ? lostLine(lines, now) : ""]) {
        if (text !== "") waiting.unshift(text);
        length += text.length;
      }
      whole = to;
      batch = undefined;
      return true;
    },
    get lost() {
      return lost;
    },
    get gone() {
      return gone;
    },
    get left() {
      return lost + linesIn(log.place().waiting);
    },
    refuseIfGone() {
      gone ||= !file.inPlace(end());
      if (!gone) return;
      throw new FileAccessError(
        `\`${path}\` was removed or replaced while the run was writing to it: nothing more is written to \`${folder}\``,
      );
    },
    close: () => closeQuietly(file),
  };
  return log;
}

const linesIn = (text: string): number => text.split("\n").length - 1;

/** The line that stands where lines are missing. */
function lostLine(lines: number | null, seconds: number): string {
  return `${JSON.stringify({ kind: "lost", step: null, name: "lines", value: lines, seconds })}\n`;
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw fileAccessError(error, { action: "write", path });
  }
}
