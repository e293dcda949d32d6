// How are erf and its inverse computed on vectors of f64? All ranges at once, each lane taking its own. Sources: fdlibm's
// s_erf.c; Wichura, AS 241 (PPND16), then one Newton step, as in the reference backend.
import type { Vectors } from "./math.ts";

type One = (x: number) => number;

const erfAtOne = 8.45062911510467529297e-01;

/** erf and erfc of a >= 0. */
export function erfParts(v: Vectors, a: number, exp: One): { readonly erf: number; readonly erfc: number } {
  const rational = (x: number, p: readonly number[], q: readonly number[]) =>
    v.div(v.polynomial(x, p), v.polynomial(x, q));
  const one = v.num(1);
  const near = v.madd(
    a,
    rational(v.mul(a, a), [
      1.28379167095512558561e-01,
      -3.25042107247001499370e-01,
      -2.84817495755985104766e-02,
      -5.77027029648944159157e-03,
      -2.37630166566501626084e-05,
    ], [
      1,
      3.97917223959155352819e-01,
      6.50222499887672944485e-02,
      5.08130628187576562776e-03,
      1.32494738004321644526e-04,
      -3.96022827877536812320e-06,
    ]),
    a,
  );
  const middle = rational(v.sub(a, one), [
    -2.36211856075265944077e-03,
    4.14856118683748331666e-01,
    -3.72207876035701323847e-01,
    3.18346619901161753674e-01,
    -1.10894694282396677476e-01,
    3.54783043256182359371e-02,
    -2.16637559486879084300e-03,
  ], [
    1,
    1.06420880400844228286e-01,
    5.40397917702171048937e-01,
    7.18286544141962662868e-02,
    1.26171219808761642112e-01,
    1.36370839120290507362e-02,
    1.19844998467991074170e-02,
  ]);
  const clamped = v.clamp(a, 1.25, 28);
  const s = v.div(one, v.mul(clamped, clamped));
  const first = rational(s, [
    -9.86494403484714822705e-03,
    -6.93858572707181764372e-01,
    -1.05586262253232909814e+01,
    -6.23753324503260060396e+01,
    -1.62396669462573470355e+02,
    -1.84605092906711035994e+02,
    -8.12874355063065934246e+01,
    -9.81432934416914548592e+00,
  ], [
    1,
    1.96512716674392571292e+01,
    1.37657754143519042600e+02,
    4.34565877475229228821e+02,
    6.45387271733267880336e+02,
    4.29008140027567833386e+02,
    1.08635005541779435134e+02,
    6.57024977031928170135e+00,
    -6.04244152148580987438e-02,
  ]);
  const second = rational(s, [
    -9.86494292470009928597e-03,
    -7.99283237680523006574e-01,
    -1.77579549177547519889e+01,
    -1.60636384855821916062e+02,
    -6.37566443368389627722e+02,
    -1.02509513161107724954e+03,
    -4.83519191608651397019e+02,
  ], [
    1,
    3.03380607434824582924e+01,
    3.25792512996573918826e+02,
    1.53672958608443695994e+03,
    3.19985821950859553908e+03,
    2.55305040643316442583e+03,
    4.74528541206955367215e+02,
    -2.24409524465858183362e+01,
  ]);
  const r = v.select(v.op("lt", clamped, v.num(1 / 0.35)), first, second);
  // a^2 in two parts: z has half the bits, so z z is exact
  const z = v.bits("and", clamped, v.integer(-(2n ** 32n)));
  const e1 = exp(v.sub(v.op("neg", v.mul(z, z)), v.num(0.5625)));
  const e2 = exp(v.add(v.mul(v.sub(z, clamped), v.add(z, clamped)), r));
  const tail = v.div(v.mul(e1, e2), clamped);
  const isNear = v.op("lt", a, v.num(0.84375));
  const isMiddle = v.op("lt", a, v.num(1.25));
  const nan = v.op("ne", a, a);
  const erf = v.select(isNear, near, v.select(isMiddle, v.add(v.num(erfAtOne), middle), v.sub(one, tail)));
  const erfc = v.select(isNear, v.sub(one, near), v.select(isMiddle, v.sub(v.num(1 - erfAtOne), middle), tail));
  return { erf: v.select(nan, a, erf), erfc: v.select(nan, a, erfc) };
}

/** The inverse of erf. */
export function erfInverse(
  v: Vectors,
  x: number,
  { exp, log, exact }: { readonly exp: One; readonly log: One; readonly exact: boolean },
): number {
  const rational = (at: number, p: readonly number[], q: readonly number[]) =>
    v.div(v.polynomial(at, p), v.polynomial(at, q));
  const size = v.op("abs", x);
  const half = v.mul(size, v.num(0.5));
  const central = v.mul(
    half,
    rational(v.sub(v.num(0.180625), v.mul(half, half)), [
      3.3871328727963666080,
      1.3314166789178437745e+2,
      1.9715909503065514427e+3,
      1.3731693765509461125e+4,
      4.5921953931549871457e+4,
      6.7265770927008700853e+4,
      3.3430575583588128105e+4,
      2.5090809287301226727e+3,
    ], [
      1,
      4.2313330701600911252e+1,
      6.8718700749205790830e+2,
      5.3941960214247511077e+3,
      2.1213794301586595867e+4,
      3.9307895800092710610e+4,
      2.8729085735721942674e+4,
      5.2264952788528545610e+3,
    ]),
  );
  const r = v.op("sqrt", v.op("neg", log(v.mul(v.sub(v.num(1), size), v.num(0.5)))));
  const middle = rational(v.sub(r, v.num(1.6)), [
    1.42343711074968357734,
    4.63033784615654529590,
    5.76949722146069140550,
    3.64784832476320460504,
    1.27045825245236838258,
    2.41780725177450611770e-1,
    2.27238449892691845833e-2,
    7.74545014278341407640e-4,
  ], [
    1,
    2.05319162663775882187,
    1.67638483018380384940,
    6.89767334985100004550e-1,
    1.48103976427480074590e-1,
    1.51986665636164571966e-2,
    5.47593808499534494600e-4,
    1.05075007164441684324e-9,
  ]);
  const far = rational(v.sub(r, v.num(5)), [
    6.65790464350110377720,
    5.46378491116411436990,
    1.78482653991729133580,
    2.96560571828504891230e-1,
    2.65321895265761230930e-2,
    1.24266094738807843860e-3,
    2.71155556874348757815e-5,
    2.01033439929228813265e-7,
  ], [
    1,
    5.99832206555887937690e-1,
    1.36929880922735805310e-1,
    1.48753612908506148525e-2,
    7.86869131745613259100e-4,
    1.84631831751005468180e-5,
    1.42151175831644588870e-7,
    2.04426310338993978564e-15,
  ]);
  const outer = v.select(v.op("le", r, v.num(5)), middle, far);
  const y = v.mul(v.select(v.op("le", size, v.num(0.85)), central, outer), v.num(Math.SQRT1_2));
  const halfRootPi = v.num(0.886226925452758013649);
  let newton = y;
  if (exact) {
    const { erf, erfc } = erfParts(v, y, exp);
    const excess = v.select(v.op("lt", size, v.num(0.5)), v.sub(erf, size), v.sub(v.sub(v.num(1), size), erfc));
    newton = v.sub(y, v.mul(v.mul(excess, halfRootPi), exp(v.mul(y, y))));
  }
  const small = v.select(v.op("lt", size, v.num(1e-8)), v.mul(size, halfRootPi), newton);
  const inside = v.select(
    v.op("lt", size, v.num(1)),
    small,
    v.select(v.op("eq", size, v.num(1)), v.num(Infinity), v.num(NaN)),
  );
  return v.copySign(inside, x);
}
