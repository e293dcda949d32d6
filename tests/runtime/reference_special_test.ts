// How exact are the special functions in float64? Against 50-digit values, in units in the last place.
// Truth: mpmath 1.3.0 (mp.dps = 50), mp.erf, mp.erfc, mp.erfinv of the exact value of the double, rounded to double.
import { assert, assertEquals } from "@std/assert";
import { erf, erfc, erfInv } from "../../runtime/backend/reference/special.ts";

/** x, erf(x), erfc(x). */
const erfTruth: readonly (readonly [number, number, number])[] = [
  [1e-300, 1.1283791670955126e-300, 1.0],
  [1e-10, 1.1283791670955126e-10, 0.999999999887162],
  [0.001, 0.0011283787909692365, 0.9988716212090307],
  [0.1, 0.1124629160182849, 0.887537083981715],
  [0.3, 0.3286267594591274, 0.6713732405408726],
  [0.5, 0.5204998778130465, 0.4795001221869535],
  [0.84375, 0.7672256612323416, 0.23277433876765838],
  [0.9, 0.7969082124228322, 0.20309178757716786],
  [1.0, 0.8427007929497149, 0.15729920705028513],
  [1.2499, 0.922876473187532, 0.07712352681246806],
  [1.25, 0.9229001282564583, 0.07709987174354177],
  [1.7, 0.9837904585907745, 0.01620954140922544],
  [2.5, 0.999593047982555, 0.0004069520174449589],
  [2.857, 0.9999466417399131, 5.3358260086846374e-05],
  [2.858, 0.9999469625944368, 5.303740556316526e-05],
  [3.5, 0.9999992569016276, 7.430983723414128e-07],
  [4.774603194091469, 0.9999999999854489, 1.4551096507942781e-11],
  [5.5, 0.9999999999999927, 7.357847917974398e-15],
  [5.99, 1.0, 2.4300455127321346e-17],
  [-0.7, -0.6778011938374184, 1.6778011938374184],
  [-1.1, -0.8802050695740817, 1.8802050695740817],
  [-2.0, -0.9953222650189527, 1.9953222650189528],
  [-5.0, -0.9999999999984626, 1.9999999999984626],
  [8.0, 1.0, 1.1224297172982926e-29],
  [15.0, 1.0, 7.212994172451207e-100],
  [26.0, 1.0, 5.663192408856143e-296],
];

/** x, erfInv(x). */
const erfInvTruth: readonly (readonly [number, number])[] = [
  [1e-300, 8.86226925452758e-301],
  [1e-09, 8.86226925452758e-10],
  [1e-08, 8.86226925452758e-09],
  [1.5e-08, 1.3293403881791369e-08],
  [0.0001, 8.862269277728948e-05],
  [0.0703091595787555, 0.062390729993703764],
  [0.1, 0.08885599049425769],
  [0.3, 0.2724627147267543],
  [0.49999, 0.4769251504153166],
  [0.5, 0.4769362762044699],
  [0.7, 0.7328690779592167],
  [0.85, 1.0179024648320276],
  [0.8500000001, 1.017902465081791],
  [0.9, 1.1630871536766743],
  [0.99, 1.8213863677184494],
  [0.999999, 3.458910737275499],
  [0.9999999999, 4.572824958544925],
  [0.9999999999999999, 5.8635847487551676],
  [-0.25, -0.2253120550121781],
  [-0.95, -1.3859038243496777],
];

/** Spacing of the doubles around x. */
function unitInLastPlace(x: number): number {
  return 2 ** (Math.floor(Math.log2(Math.abs(x))) - 52);
}

function assertUnits(name: string, actual: number, expected: number, units: number): void {
  const error = Math.abs(actual - expected) / unitInLastPlace(expected);
  assert(error <= units, `${name} is ${actual}, expected ${expected}: ${error} units in the last place`);
}

// the bounds are the ones measured over 40,000 points (about 8,000 for erf_inv) each (erf 0.85, erfc 2.2, erfInv 1.45), plus the truth's rounding

Deno.test("erf() is within 1 unit in the last place, and odd", () => {
  for (const [x, expected] of erfTruth) {
    assertUnits(`erf(${x})`, erf(x), expected, 1.5);
    assertEquals(erf(-x), -erf(x));
  }
});

Deno.test("erfc() is within 2.3 units in the last place far out in the tail", () => {
  for (const [x, , expected] of erfTruth) assertUnits(`erfc(${x})`, erfc(x), expected, 2.8);
});

Deno.test("erfInv() is within 1.5 units in the last place, and odd", () => {
  for (const [x, expected] of erfInvTruth) {
    assertUnits(`erfInv(${x})`, erfInv(x), expected, 2);
    assertEquals(erfInv(-x), -erfInv(x));
  }
});

Deno.test("erfInv() undoes erf()", () => {
  for (let x = -3; x <= 3; x += 0.037) assert(Math.abs(erfInv(erf(x)) - x) < 1e-15 * Math.exp(x * x), `x = ${x}`);
});

Deno.test("special functions at zeros, ends and outside", () => {
  assertEquals([erf(0), erf(-0), erf(Infinity), erf(-Infinity), erf(NaN)], [0, -0, 1, -1, NaN]);
  assertEquals([erfc(0), erfc(Infinity), erfc(-Infinity), erfc(NaN), erfc(30)], [1, 0, 2, NaN, 0]);
  assertEquals([erfInv(0), erfInv(-0), erfInv(1), erfInv(-1)], [0, -0, Infinity, -Infinity]);
  assertEquals([erfInv(1.1), erfInv(-2), erfInv(NaN)], [NaN, NaN, NaN]);
});
