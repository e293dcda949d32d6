// Where in memory does each value of a function live? Offsets are handed out and taken back while a function is planned;
// the memory itself is one buffer, made when the plan is complete.

/** Every block starts at a multiple of this many bytes: one cache line. */
const alignment = 64;

/** Rounds a number of bytes up to whole blocks. Empty arrays get a block too, so that offsets identify arrays. */
export function blockBytes(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / alignment)) * alignment;
}

/** Hands out byte ranges of one region, smallest sufficient gap first, and remembers how far it had to reach. */
export class RegionPlanner {
  /** Gaps as [offset, bytes], by offset, never adjacent. */
  readonly #gaps: [number, number][] = [];
  #end = 0;

  /** Bytes needed so far. */
  get bytes(): number {
    return this.#end;
  }

  /** The offset of a free range of `bytes` bytes (whole blocks). */
  take(bytes: number): number {
    let best = -1;
    for (let i = 0; i < this.#gaps.length; i++) {
      const gap = this.#gaps[i]!;
      if (gap[1] >= bytes && (best < 0 || gap[1] < this.#gaps[best]![1])) best = i;
    }
    if (best >= 0) {
      const gap = this.#gaps[best]!;
      const offset = gap[0];
      if (gap[1] === bytes) this.#gaps.splice(best, 1);
      else this.#gaps[best] = [offset + bytes, gap[1] - bytes];
      return offset;
    }
    // grow, from the last gap if it touches the end
    const last = this.#gaps.at(-1);
    let offset = this.#end;
    if (last && last[0] + last[1] === this.#end) {
      offset = last[0];
      this.#gaps.pop();
    }
    this.#end = offset + bytes;
    return offset;
  }

  /** Takes a range back. */
  give(offset: number, bytes: number): void {
    const gaps = this.#gaps;
    let at = 0;
    while (at < gaps.length && gaps[at]![0] < offset) at++;
    const before = gaps[at - 1];
    const after = gaps[at];
    const joinsBefore = before !== undefined && before[0] + before[1] === offset;
    const joinsAfter = after !== undefined && offset + bytes === after[0];
    if (joinsBefore && joinsAfter) {
      before[1] += bytes + after[1];
      gaps.splice(at, 1);
    } else if (joinsBefore) before[1] += bytes;
    else if (joinsAfter) gaps[at] = [offset, bytes + after[1]];
    else gaps.splice(at, 0, [offset, bytes]);
  }
}

/** Something that has bytes while some nodes run. */
export interface Tenant {
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
  readonly settle: (offset: number) => void;
}

/** Gives tenants of one region their places; the bytes of all. */
export function house(tenants: readonly Tenant[], below = 0): number {
  return tenants.length <= mostPacked ? pack(tenants, below) : takeTurns(tenants, below);
}

/** More than so many are not compared with each other. */
const mostPacked = 1500;

/** The largest first, each at the lowest place that is free while it is there; the bytes of all. */
function pack(tenants: readonly Tenant[], below: number): number {
  const placed: { readonly tenant: Tenant; readonly offset: number }[] = [];
  let most = 0;
  for (const tenant of tenants.toSorted((a, b) => b.bytes - a.bytes || a.from - b.from)) {
    let offset = 0;
    // by offset, so that the first gap is the lowest
    for (const other of placed) {
      if (other.tenant.to < tenant.from || tenant.to < other.tenant.from) continue;
      if (other.offset >= offset + tenant.bytes) break;
      offset = Math.max(offset, other.offset + other.tenant.bytes);
    }
    let at = placed.length;
    while (at > 0 && placed[at - 1]!.offset > offset) at--;
    placed.splice(at, 0, { tenant, offset });
    tenant.settle(below + offset);
    most = Math.max(most, offset + tenant.bytes);
  }
  return most;
}

/** In the order in which they come, each in the smallest gap that it fits; the bytes of all. */
function takeTurns(tenants: readonly Tenant[], below: number): number {
  const planner = new RegionPlanner();
  const leaving = new Map<number, { readonly offset: number; readonly bytes: number }[]>();
  let now = -1;
  for (const tenant of tenants.toSorted((a, b) => a.from - b.from)) {
    for (; now < tenant.from; now++) {
      for (const { offset, bytes } of leaving.get(now) ?? []) planner.give(offset, bytes);
    }
    const offset = planner.take(tenant.bytes);
    tenant.settle(below + offset);
    const list = leaving.get(tenant.to) ?? [];
    list.push({ offset, bytes: tenant.bytes });
    leaving.set(tenant.to, list);
  }
  return planner.bytes;
}
