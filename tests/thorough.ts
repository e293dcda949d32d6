// How many random cases do tests look at? A few, or, with THOROUGH=1 in the environment as in the gate, as many as were promised.
/** True in the gate's larger run. */
export const thorough: boolean = Deno.env.get("THOROUGH") === "1";

/** `many` cases in the gate's larger run, else `few`. */
export const cases = (few: number, many: number): number => thorough ? many : few;
