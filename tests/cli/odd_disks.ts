// Disks that fail, that are small, or on which nothing changes any more: a run writes to them in place of the system's.
import { type Disk, type OpenFile, systemDisk } from "../../runtime/record/disk.ts";

/** One operation of a run on its disk; they are counted from 1. */
export interface Operation {
  readonly number: number;
  readonly kind:
    | "open"
    | "lock"
    | "write"
    | "sync"
    | "truncate"
    | "close"
    | "rename"
    | "remove"
    | "makeFolder"
    | "syncFolder";
  readonly path: string;
}

/** What becomes of an operation: it is done, or by half (of a write: half of the bytes), or not at all and nobody is told, or it fails. */
export type Fate = "done" | "half" | "nothing" | Error;

/** An error as the system gives it. */
export const systemErrors: Readonly<Record<string, () => Error>> = {
  ENOSPC: () => Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" }),
  EIO: () => Object.assign(new Error("Input/output error (os error 5)"), { code: "EIO" }),
  EACCES: () => new Deno.errors.PermissionDenied("Permission denied (os error 13)"),
};

/** The system's disk, on which each operation has the fate that is asked for. */
export function oddDisk(fateOf: (operation: Operation) => Fate): Disk {
  let number = 0;
  const ask = (kind: Operation["kind"], path: string): "done" | "half" | "nothing" => {
    const fate = fateOf({ number: ++number, kind, path });
    if (fate instanceof Error) throw fate;
    return fate;
  };
  const change = (kind: Operation["kind"], path: string, work: () => void) => {
    if (ask(kind, path) !== "nothing") work();
  };
  return {
    open(path, which) {
      const file = ask("open", path) === "nothing" ? undefined : systemDisk.open(path, which);
      const of = (kind: Operation["kind"], work: (file: OpenFile) => void) =>
        change(kind, path, () => {
          if (file) work(file);
        });
      return {
        write(bytes) {
          const fate = ask("write", path);
          const count = fate === "half" ? Math.ceil(bytes.length / 2) : bytes.length;
          return file && fate !== "nothing" ? file.write(bytes.subarray(0, count)) : count;
        },
        sync: () => of("sync", (f) => f.sync()),
        truncate: (length) => of("truncate", (f) => f.truncate(length)),
        lock() {
          of("lock", (f) => f.lock());
          return true;
        },
        inPlace: () => true,
        close() {
          file?.close(); // what is open stays so in the process of the tests
          ask("close", path);
        },
      };
    },
    rename: (from, to) => change("rename", to, () => systemDisk.rename(from, to)),
    remove: (path) => change("remove", path, () => systemDisk.remove(path)),
    makeFolder: (path, options) => change("makeFolder", path, () => systemDisk.makeFolder(path, options)),
    syncFolder: (path) => change("syncFolder", path, () => systemDisk.syncFolder(path)),
  };
}

/** The system's disk, with room for so many bytes of content. */
export function smallDisk(capacity: number): Disk {
  const sizes = new Map<string, number>();
  const used = () => [...sizes.values()].reduce((sum, size) => sum + size, 0);
  return {
    ...systemDisk,
    open(path, which) {
      const file = systemDisk.open(path, which);
      let size = sizes.get(path) ?? 0;
      const resize = (next: number) => {
        size = next;
        sizes.set(path, size);
      };
      resize(size);
      return {
        ...file,
        write(bytes) {
          const room = capacity - used();
          if (room <= 0) throw systemErrors.ENOSPC!();
          const count = file.write(bytes.subarray(0, room));
          resize(size + count);
          return count;
        },
        truncate(length) {
          file.truncate(length);
          resize(length);
        },
      };
    },
    rename(from, to) {
      systemDisk.rename(from, to);
      sizes.set(to, sizes.get(from)!);
      sizes.delete(from);
    },
    remove(path) {
      systemDisk.remove(path);
      sizes.delete(path);
    },
  };
}
