// How is a WebAssembly module written? Byte by byte, as the specification's binary format says: types, imports, functions,
// exports, code. Nothing is optimized here: what is worth computing is decided before.

/** Types of values. */
export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128";

const typeCodes: { readonly [T in ValueType]: number } = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };

/** The numeric instructions that stand one after the other from 0x45 on (specification, section 5.4.7). */
const numericNames = `
  i32.eqz i32.eq i32.ne i32.lt_s i32.lt_u i32.gt_s i32.gt_u i32.le_s i32.le_u i32.ge_s i32.ge_u
  i64.eqz i64.eq i64.ne i64.lt_s i64.lt_u i64.gt_s i64.gt_u i64.le_s i64.le_u i64.ge_s i64.ge_u
  f32.eq f32.ne f32.lt f32.gt f32.le f32.ge f64.eq f64.ne f64.lt f64.gt f64.le f64.ge
  i32.clz i32.ctz i32.popcnt i32.add i32.sub i32.mul i32.div_s i32.div_u i32.rem_s i32.rem_u i32.and i32.or i32.xor
  i32.shl i32.shr_s i32.shr_u i32.rotl i32.rotr
  i64.clz i64.ctz i64.popcnt i64.add i64.sub i64.mul i64.div_s i64.div_u i64.rem_s i64.rem_u i64.and i64.or i64.xor
  i64.shl i64.shr_s i64.shr_u i64.rotl i64.rotr
  f32.abs f32.neg f32.ceil f32.floor f32.trunc f32.nearest f32.sqrt f32.add f32.sub f32.mul f32.div f32.min f32.max
  f32.copysign
  f64.abs f64.neg f64.ceil f64.floor f64.trunc f64.nearest f64.sqrt f64.add f64.sub f64.mul f64.div f64.min f64.max
  f64.copysign
  i32.wrap_i64 i32.trunc_f32_s i32.trunc_f32_u i32.trunc_f64_s i32.trunc_f64_u i64.extend_i32_s i64.extend_i32_u
  i64.trunc_f32_s i64.trunc_f32_u i64.trunc_f64_s i64.trunc_f64_u
  f32.convert_i32_s f32.convert_i32_u f32.convert_i64_s f32.convert_i64_u f32.demote_f64
  f64.convert_i32_s f64.convert_i32_u f64.convert_i64_s f64.convert_i64_u f64.promote_f32
  i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64`.trim().split(/\s+/);

/** Vector instructions without operands in the code, by their number after 0xfd (specification, section 5.4.9, and the relaxed
 *  ones). */
const vectorNumbers = {
  "i8x16.splat": 15,
  "i32x4.splat": 17,
  "i64x2.splat": 18,
  "f32x4.splat": 19,
  "f64x2.splat": 20,
  "i32x4.eq": 55,
  "i32x4.ne": 56,
  "i32x4.lt_s": 57,
  "i32x4.lt_u": 58,
  "i32x4.gt_s": 59,
  "i32x4.le_s": 61,
  "i32x4.ge_s": 63,
  "f32x4.eq": 65,
  "f32x4.ne": 66,
  "f32x4.lt": 67,
  "f32x4.gt": 68,
  "f32x4.le": 69,
  "f32x4.ge": 70,
  "f64x2.eq": 71,
  "f64x2.ne": 72,
  "f64x2.lt": 73,
  "f64x2.gt": 74,
  "f64x2.le": 75,
  "f64x2.ge": 76,
  "v128.not": 77,
  "v128.and": 78,
  "v128.andnot": 79,
  "v128.or": 80,
  "v128.xor": 81,
  "v128.bitselect": 82,
  "v128.any_true": 83,
  "f32x4.demote_f64x2_zero": 94,
  "f64x2.promote_low_f32x4": 95,
  "i8x16.narrow_i16x8_u": 102,
  "f32x4.floor": 104,
  "f32x4.nearest": 106,
  "f64x2.floor": 117,
  "i16x8.narrow_i32x4_u": 134,
  "i16x8.extend_low_i8x16_u": 137,
  "i16x8.extend_high_i8x16_u": 138,
  "f64x2.nearest": 148,
  "i32x4.abs": 160,
  "i32x4.neg": 161,
  "i32x4.extend_low_i16x8_u": 169,
  "i32x4.extend_high_i16x8_u": 170,
  "i32x4.shl": 171,
  "i32x4.shr_s": 172,
  "i32x4.shr_u": 173,
  "i32x4.add": 174,
  "i32x4.sub": 177,
  "i32x4.mul": 181,
  "i32x4.min_s": 182,
  "i32x4.max_s": 184,
  "i64x2.extend_low_i32x4_s": 199,
  "i64x2.shl": 203,
  "i64x2.shr_s": 204,
  "i64x2.shr_u": 205,
  "i64x2.add": 206,
  "i64x2.sub": 209,
  "i64x2.eq": 214,
  "i64x2.ne": 215,
  "i64x2.lt_s": 216,
  "i64x2.gt_s": 217,
  "i64x2.le_s": 218,
  "i64x2.ge_s": 219,
  "f32x4.abs": 224,
  "f32x4.neg": 225,
  "f32x4.sqrt": 227,
  "f32x4.add": 228,
  "f32x4.sub": 229,
  "f32x4.mul": 230,
  "f32x4.div": 231,
  "f32x4.min": 232,
  "f32x4.max": 233,
  "f32x4.pmin": 234,
  "f32x4.pmax": 235,
  "f64x2.abs": 236,
  "f64x2.neg": 237,
  "f64x2.sqrt": 239,
  "f64x2.add": 240,
  "f64x2.sub": 241,
  "f64x2.mul": 242,
  "f64x2.div": 243,
  "f64x2.min": 244,
  "f64x2.max": 245,
  "f64x2.pmin": 246,
  "f64x2.pmax": 247,
  "i32x4.trunc_sat_f32x4_s": 248,
  "f32x4.convert_i32x4_s": 250,
  "i32x4.trunc_sat_f64x2_s_zero": 252,
  "f64x2.convert_low_i32x4_s": 254,
  "f32x4.relaxed_madd": 261,
  "f64x2.relaxed_madd": 263,
} as const;

/** Memory instructions: their number, and the bytes that they touch. */
const memoryCodes = {
  "i32.load": [0x28, 4],
  "i64.load": [0x29, 8],
  "f32.load": [0x2a, 4],
  "f64.load": [0x2b, 8],
  "i32.load8_u": [0x2d, 1],
  "i32.load16_u": [0x2f, 2],
  "i32.store": [0x36, 4],
  "i64.store": [0x37, 8],
  "f32.store": [0x38, 4],
  "f64.store": [0x39, 8],
  "i32.store8": [0x3a, 1],
  "v128.load": [0xfd00, 16],
  "v128.load32_splat": [0xfd09, 4],
  "v128.load64_splat": [0xfd0a, 8],
  "v128.store": [0xfd0b, 16],
  "v128.load32_zero": [0xfd5c, 4],
  "v128.load64_zero": [0xfd5d, 8],
} as const;

/** Loads and stores of one lane: their number, and the bytes that they touch. */
const laneMemoryCodes = {
  "v128.load32_lane": [86, 4],
  "v128.load64_lane": [87, 8],
  "v128.store8_lane": [88, 1],
  "v128.store32_lane": [90, 4],
  "v128.store64_lane": [91, 8],
} as const;

/** Moves between a lane and a number. */
const laneCodes = {
  "i32x4.extract_lane": 27,
  "i32x4.replace_lane": 28,
  "i64x2.extract_lane": 29,
  "i64x2.replace_lane": 30,
  "f32x4.extract_lane": 31,
  "f32x4.replace_lane": 32,
  "f64x2.extract_lane": 33,
  "f64x2.replace_lane": 34,
} as const;

/** Atomic instructions on i32. */
const atomicCodes = {
  "memory.atomic.notify": 0x00,
  "memory.atomic.wait32": 0x01,
  "i32.atomic.load": 0x10,
  "i32.atomic.store": 0x17,
  "i32.atomic.rmw.add": 0x1e,
  "i32.atomic.rmw.sub": 0x25,
} as const;

/** A vector instruction without operands in the code. */
export type VectorInstruction = keyof typeof vectorNumbers;
/** A load or store. */
export type MemoryInstruction = keyof typeof memoryCodes;

const numericCodes: ReadonlyMap<string, number> = new Map(numericNames.map((name, i) => [name, 0x45 + i]));

/** An integer as the format writes it, seven bits a byte: unsigned. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low + 128 : low);
  } while (rest > 0);
  return bytes;
}

/** The same with a sign, for 32 bits. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  while (true) {
    const low = rest & 127;
    rest >>= 7;
    const done = rest === 0 && (low & 64) === 0 || rest === -1 && (low & 64) !== 0;
    bytes.push(done ? low : low | 128);
    if (done) return bytes;
  }
}

const text = (value: string) => {
  const bytes = new TextEncoder().encode(value);
  return [...unsigned(bytes.length), ...bytes];
};

const vector = (items: readonly (readonly number[])[]) => [...unsigned(items.length), ...items.flat()];

/** Which bytes a load or store touches: its natural alignment as a power of two, the memory where it is not the first one, and what is
 *  added to the address (section 5.4.6; the seventh bit of the alignment says that a memory is named). */
const place = (bytes: number, offset: number, memory: number) =>
  memory === 0
    ? [Math.log2(bytes), ...unsigned(offset)]
    : [Math.log2(bytes) + 64, ...unsigned(memory), ...unsigned(offset)];

/** Where loops look whether it is time for something: after so many turns that the work of one is far more than that of the look. */
export interface Looks {
  /** Work of what is written next, in any unit. Loops share it out among their turns. */
  work: number;
  /** Work from one look to the next. */
  readonly every: number;
  readonly write: (code: CodeWriter) => void;
}

/** The body of one function. Instructions go in as they stand in the text format, operands first. */
export class CodeWriter {
  readonly #bytes: number[] = [];
  readonly #parameters: number;
  readonly #locals: ValueType[] = [];
  #depth = 0;
  /** Where loops that are written look; nowhere when not given. */
  looks: Looks | undefined;

  constructor(parameters: number) {
    this.#parameters = parameters;
  }

  /** A new local variable, which starts at 0. */
  local(type: ValueType): number {
    return this.#parameters + this.#locals.push(type) - 1;
  }

  /** A numeric instruction: `f64.add`, `i32.lt_s`. */
  numeric(name: string): this {
    const code = numericCodes.get(name);
    if (code === undefined) throw new RangeError(`There is no numeric instruction \`${name}\``);
    this.#bytes.push(code);
    return this;
  }

  /** A vector instruction: `f32x4.mul`. */
  vector(name: VectorInstruction): this {
    this.#bytes.push(0xfd, ...unsigned(vectorNumbers[name]));
    return this;
  }

  /** A load or store at the address on the stack plus `offset` bytes, in a memory by its number. */
  memory(name: MemoryInstruction, offset = 0, memory = 0): this {
    const [code, bytes] = memoryCodes[name];
    const prefix = code > 0xff ? [0xfd, ...unsigned(code & 0xff)] : [code];
    this.#bytes.push(...prefix, ...place(bytes, offset, memory));
    return this;
  }

  /** A lane of a vector, taken out or put in. */
  lane(name: keyof typeof laneCodes, index: number): this {
    this.#bytes.push(0xfd, laneCodes[name], index);
    return this;
  }

  /** A load or store of one lane: (address, vector). */
  laneMemory(name: keyof typeof laneMemoryCodes, index: number, offset = 0, memory = 0): this {
    const [code, bytes] = laneMemoryCodes[name];
    this.#bytes.push(0xfd, code, ...place(bytes, offset, memory), index);
    return this;
  }

  /** An atomic instruction at the address on the stack plus `offset` bytes. */
  atomic(name: keyof typeof atomicCodes, offset = 0): this {
    this.#bytes.push(0xfe, atomicCodes[name], 2, ...unsigned(offset));
    return this;
  }

  /** A vector of sixteen bytes. */
  v128(bytes: Uint8Array): this {
    this.#bytes.push(0xfd, 12, ...bytes);
    return this;
  }

  /** Bytes of two vectors, by their numbers from 0 to 31. */
  shuffle(bytes: readonly number[]): this {
    this.#bytes.push(0xfd, 13, ...bytes);
    return this;
  }

  /** (to, from, bytes): copies into the first memory, out of one by its number. */
  memoryCopy(from = 0): this {
    this.#bytes.push(0xfc, 10, 0, ...unsigned(from));
    return this;
  }

  /** (to, byte, bytes): fills memory. */
  memoryFill(): this {
    this.#bytes.push(0xfc, 11, 0);
    return this;
  }

  i32(value: number): this {
    this.#bytes.push(0x41, ...signed(value));
    return this;
  }

  i64(value: bigint): this {
    const bytes: number[] = [];
    let rest = BigInt.asIntN(64, value);
    while (true) {
      const low = Number(rest & 127n);
      rest >>= 7n;
      const done = rest === 0n && (low & 64) === 0 || rest === -1n && (low & 64) !== 0;
      bytes.push(done ? low : low | 128);
      if (done) break;
    }
    this.#bytes.push(0x42, ...bytes);
    return this;
  }

  f32(value: number): this {
    this.#bytes.push(0x43, ...new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  f64(value: number): this {
    this.#bytes.push(0x44, ...new Uint8Array(Float64Array.of(value).buffer));
    return this;
  }

  get(local: number): this {
    this.#bytes.push(0x20, ...unsigned(local));
    return this;
  }

  set(local: number): this {
    this.#bytes.push(0x21, ...unsigned(local));
    return this;
  }

  tee(local: number): this {
    this.#bytes.push(0x22, ...unsigned(local));
    return this;
  }

  call(fn: number): this {
    this.#bytes.push(0x10, ...unsigned(fn));
    return this;
  }

  unreachable(): this {
    this.#bytes.push(0x00);
    return this;
  }

  drop(): this {
    this.#bytes.push(0x1a);
    return this;
  }

  select(): this {
    this.#bytes.push(0x1b);
    return this;
  }

  /** `body` once for each of `from`, `from + step`, ... below `to`, in the local `index`; not at all when there is none. */
  loop(index: number, { from, to, step = 1 }: { from: number; to: number; step?: number }, body: () => void): this {
    if (from >= to) return this;
    const turns = Math.ceil((to - from) / step);
    const between = this.#between(turns);
    this.i32(from).set(index);
    const again = (below: () => void) => {
      this.get(index).i32(step).numeric("i32.add").tee(index);
      below();
      this.numeric("i32.lt_s");
    };
    if (between >= turns) {
      return this.repeat(() => {
        this.#shared(turns, body);
        again(() => this.i32(to));
      });
    }
    // a loop around it: the turns themselves are as they would be
    const end = this.local("i32");
    const part = between * step;
    this.i32(from + part).set(end);
    return this.repeat(() => {
      this.repeat(() => {
        this.#shared(turns, body);
        again(() => this.get(end));
      });
      this.looks!.write(this);
      // the next part, or what is left
      this.get(end).i32(part).numeric("i32.add").i32(to);
      this.i32(to).get(end).numeric("i32.sub").i32(part).numeric("i32.gt_s").select().set(end);
      this.get(index).i32(to).numeric("i32.lt_s");
    });
  }

  /** `then` where the condition on the stack is not 0, else `otherwise`. */
  when(then: () => void, otherwise?: () => void): this {
    this.#open(0x04);
    then();
    if (otherwise) {
      this.#bytes.push(0x05);
      otherwise();
    }
    return this.#close();
  }

  /** `body` again and again while it leaves on the stack what is not 0. */
  repeat(body: () => void): this {
    this.#open(0x03);
    body();
    this.#bytes.push(0x0d, 0);
    return this.#close();
  }

  /** `body` for `index` = 0, 1, ... below the number in a local; `about`: that number, roughly. */
  count(index: number, to: number, { about }: { about: number }, body: () => void): this {
    const between = this.#between(about);
    this.get(to).i32(0).numeric("i32.gt_s");
    return this.when(() => {
      this.i32(0).set(index);
      this.repeat(() => {
        this.#shared(about, body);
        if (between < about) {
          const mask = 2 ** Math.floor(Math.log2(between)) - 1;
          this.get(index).i32(mask).numeric("i32.and").numeric("i32.eqz").when(() => this.looks!.write(this));
        }
        this.get(index).i32(1).numeric("i32.add").tee(index).get(to).numeric("i32.lt_s");
      });
    });
  }

  /** Turns of a loop of so many from one look to the next; none within it where its turns are long enough to have looks of their own,
   *  or all of them are short. */
  #between(turns: number): number {
    if (!this.looks) return turns;
    const { work, every } = this.looks;
    const turn = Math.max(work / turns, 1e-9);
    return turn >= every && every > 0 ? turns : Math.max(1, Math.min(turns, Math.floor(every / turn)));
  }

  /** Writes the body of a loop of so many turns. */
  #shared(turns: number, body: () => void): void {
    const { looks } = this;
    if (!looks) return body();
    const { work } = looks;
    looks.work = work / turns;
    body();
    looks.work = work;
  }

  #open(code: number): void {
    this.#bytes.push(code, 0x40); // leaves nothing on the stack
    this.#depth++;
  }

  #close(): this {
    this.#bytes.push(0x0b);
    this.#depth--;
    return this;
  }

  /** The bytes of the function, its locals first. */
  finish(): number[] {
    if (this.#depth !== 0) throw new RangeError("A block of the function is open");
    const runs: [number, ValueType][] = [];
    for (const type of this.#locals) {
      const last = runs.at(-1);
      if (last && last[1] === type) last[0]++;
      else runs.push([1, type]);
    }
    const locals = vector(runs.map(([count, type]) => [...unsigned(count), typeCodes[type]]));
    const body = [...locals, ...this.#bytes, 0x0b];
    return [...unsigned(body.length), ...body];
  }
}

/** What a function takes and gives. */
export interface FunctionType {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** A module: imports first, then functions, then what it exports. */
export class ModuleWriter {
  readonly #types: string[] = [];
  readonly #typeBytes: number[][] = [];
  readonly #imports: number[][] = [];
  readonly #functions: { readonly type: number; readonly code: CodeWriter }[] = [];
  readonly #exports: number[][] = [];
  readonly #names: number[][] = [];
  #imported = 0;

  #type({ parameters, results }: FunctionType): number {
    const bytes = [
      0x60,
      ...vector(parameters.map((t) => [typeCodes[t]])),
      ...vector(results.map((t) => [typeCodes[t]])),
    ];
    const known = this.#types.indexOf(bytes.join());
    if (known >= 0) return known;
    this.#typeBytes.push(bytes);
    return this.#types.push(bytes.join()) - 1;
  }

  /** The memory `module.name`, of so many pages of 64 kB; `shared` by workers, then it has a most, too. They are numbered as they
   *  come. */
  importMemory(module: string, name: string, pages: number, shared?: { readonly most: number }): void {
    const limits = shared ? [0x03, ...unsigned(pages), ...unsigned(shared.most)] : [0x00, ...unsigned(pages)];
    this.#imports.push([...text(module), ...text(name), 0x02, ...limits]);
  }

  /** The function `module.name`; the number to call it by. All before the first `addFunction`. */
  importFunction(module: string, name: string, type: FunctionType): number {
    if (this.#functions.length > 0) throw new RangeError("Imports come before functions");
    this.#imports.push([...text(module), ...text(name), 0x00, ...unsigned(this.#type(type))]);
    return this.#imported++;
  }

  /** A function whose body `write` writes; the number to call it by. Profilers and stack traces show its name. */
  addFunction(type: FunctionType, write: (code: CodeWriter) => void, name?: string): number {
    const code = new CodeWriter(type.parameters.length);
    const index = this.#imported + this.#functions.push({ type: this.#type(type), code }) - 1;
    if (name !== undefined) this.#names.push([...unsigned(index), ...text(name)]);
    write(code);
    return index;
  }

  exportFunction(name: string, fn: number): void {
    this.#exports.push([...text(name), 0x00, ...unsigned(fn)]);
  }

  /** The module's bytes. */
  finish(): Uint8Array<ArrayBuffer> {
    const section = (id: number, items: readonly (readonly number[])[]) => {
      const body = vector(items);
      return items.length === 0 ? [] : [id, ...unsigned(body.length), ...body];
    };
    // a section of its own kind, with the names of functions in it
    const names = vector(this.#names);
    const named = [...text("name"), 1, ...unsigned(names.length), ...names];
    return Uint8Array.from([
      ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      ...section(1, this.#typeBytes),
      ...section(2, this.#imports),
      ...section(3, this.#functions.map((f) => unsigned(f.type))),
      ...section(7, this.#exports),
      ...section(10, this.#functions.map((f) => f.code.finish())),
      ...(this.#names.length > 0 ? [0, ...unsigned(named.length), ...named] : []),
    ]);
  }
}
