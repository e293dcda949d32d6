// How much do tests look at? A few cases of many, or, with THOROUGH=1 in the environment as in the gate, as many as were promised.
/** True in the gate's larger run. */
export const thorough: boolean = Deno.env.get("THOROUGH") === "1";

/** `many` cases in the gate's larger run, else `few`. */
export const cases = (few: number, many: number): number => thorough ? many : few;

/** All in the gate's larger run, else `few` of them, in their order: the first, and others wherever they stand (multiples of the golden
 *  ratio meet no period of a list). */
export function some<T>(list: readonly T[], few: number): readonly T[] {
  if (thorough || few >= list.length) return list;
  const place = (i: number) => (i * 0.6180339887498949) % 1;
  const chosen = new Set(list.map((_, i) => i).sort((a, b) => place(a) - place(b)).slice(0, few));
  return list.filter((_, i) => chosen.has(i));
}
