// What are erf, erfc and the inverse of erf in float64? Rational approximations; errors measured against 50-digit
// arithmetic in tests/runtime/reference_special_test.ts.

const square = (x: number): number => x * x;

/** erf(x) = 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x. Odd; NaN for NaN; 1 at infinity.
 *  Error below 1 unit in the last place. Source: fdlibm's s_erf.c (Sun Microsystems, 1993). */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (size < 0.84375) return size < 2 ** -28 ? x + 1.28379167095512586316e-01 * x : x + x * nearZero(x * x);
  if (size < 1.25) return Math.sign(x) * (erfAtOne + nearOne(size - 1));
  if (size < 6) return Math.sign(x) * (1 - tail(size));
  return x === x ? Math.sign(x) : NaN;
}

/** erfc(x) = 1 - erf(x), without cancellation: error below 2.3 units in the last place until it underflows near
 *  x = 26.5. Source: as `erf`. */
export function erfc(x: number): number {
  const size = Math.abs(x);
  if (size < 0.84375) {
    if (size < 2 ** -56) return 1 - x;
    const y = x * nearZero(x * x);
    return x < 0.25 ? 1 - (x + y) : 0.5 - (y + (x - 0.5));
  }
  if (size < 1.25) return x > 0 ? 1 - erfAtOne - nearOne(size - 1) : 1 + (erfAtOne + nearOne(size - 1));
  if (size < 28) return x > 0 ? tail(size) : 2 - (x > -6 ? tail(size) : 0);
  return x > 0 ? 0 : x < 0 ? 2 : NaN;
}

/** erf(1) rounded to 24 bits, the constant that `nearOne` completes. */
const erfAtOne = 8.45062911510467529297e-01;

/** erf(x) / x - 1 as a function of z = x^2, |x| < 0.84375. */
function nearZero(z: number): number {
  const p = 1.28379167095512558561e-01 + z * (-3.25042107247001499370e-01 + z * (-2.84817495755985104766e-02 +
            z * (-5.77027029648944159157e-03 + z * -2.37630166566501626084e-05)));
  const q = 1 + z * (3.97917223959155352819e-01 + z * (6.50222499887672944485e-02 + z * (5.08130628187576562776e-03 +
                z * (1.32494738004321644526e-04 + z * -3.96022827877536812320e-06))));
  return p / q;
}

/** erf(1 + s) - erfAtOne for 0.84375 <= 1 + s < 1.25. */
function nearOne(s: number): number {
  const p = -2.36211856075265944077e-03 + s * (4.14856118683748331666e-01 + s * (-3.72207876035701323847e-01 +
            s * (3.18346619901161753674e-01 + s * (-1.10894694282396677476e-01 + s * (3.54783043256182359371e-02 +
                        s * -2.16637559486879084300e-03)))));
  const q = 1 + s * (1.06420880400844228286e-01 + s * (5.40397917702171048937e-01 + s * (7.18286544141962662868e-02 +
                s * (1.26171219808761642112e-01 + s * (1.36370839120290507362e-02 + s * 1.19844998467991074170e-02)))));
  return p / q;
}

/** erfc(x) for 1.25 <= x < 28. */
function tail(x: number): number {
  const s = 1 / (x * x);
  let p: number;
  let q: number;
  if (x < 1 / 0.35) {
    p = -9.86494403484714822705e-03 + s * (-6.93858572707181764372e-01 + s * (-1.05586262253232909814e+01 +
              s * (-6.23753324503260060396e+01 + s * (-1.62396669462573470355e+02 + s * (-1.84605092906711035994e+02 +
                          s * (-8.12874355063065934246e+01 + s * -9.81432934416914548592e+00))))));
    q = 1 + s * (1.96512716674392571292e+01 + s * (1.37657754143519042600e+02 + s * (4.34565877475229228821e+02 +
                  s * (6.45387271733267880336e+02 + s * (4.29008140027567833386e+02 + s * (1.08635005541779435134e+02 +
                              s * (6.57024977031928170135e+00 + s * -6.04244152148580987438e-02)))))));
  } else {
    p = -9.86494292470009928597e-03 + s * (-7.99283237680523006574e-01 + s * (-1.77579549177547519889e+01 +
              s * (-1.60636384855821916062e+02 + s * (-6.37566443368389627722e+02 + s * (-1.02509513161107724954e+03 +
                          s * -4.83519191608651397019e+02)))));
    q = 1 + s * (3.03380607434824582924e+01 + s * (3.25792512996573918826e+02 + s * (1.53672958608443695994e+03 +
                  s * (3.19985821950859553908e+03 + s * (2.55305040643316442583e+03 + s * (4.74528541206955367215e+02 +
                              s * -2.24409524465858183362e+01))))));
  }
  // x^2 in two parts: z has 24 bits, so z * z is exact
  const z = Math.fround(x);
  return Math.exp(-z * z - 0.5625) * Math.exp((z - x) * (z + x) + p / q) / x;
}

/** The inverse of erf: erf(erfInv(x)) = x for -1 < x < 1; plus and minus infinity at 1 and -1; NaN outside.
 *  Error below 1.5 units in the last place. Source: Wichura, "Algorithm AS 241: the percentage points of the normal
 *  distribution", Applied Statistics 37, 1988 (PPND16), with erfInv(x) = normal quantile((1 + x) / 2) / sqrt(2), then
 *  one Newton step on erf, or on erfc where erf is near 1. */
export function erfInv(x: number): number {
  const size = Math.abs(x);
  if (!(size < 1)) return size === 1 ? x * Infinity : NaN;
  if (size < 1e-8) return x * halfRootPi;
  const y = Math.SQRT1_2 * halfNormalQuantile(size);
  // 1 - |x| is exact from 1/2 on
  const excess = size < 0.5 ? erf(y) - size : 1 - size - erfc(y);
  return Math.sign(x) * (y - excess * halfRootPi * Math.exp(y * y));
}

/** sqrt(pi) / 2, the derivative of erfInv at 0; the next term of the series is (pi / 12) x^2 as large. */
const halfRootPi = 0.886226925452758013649;

/** The number that a standard normal is below in absolute value with probability x, 0 <= x < 1. */
function halfNormalQuantile(x: number): number {
  if (x <= 0.85) return x / 2 * centralQuantile(0.180625 - square(x / 2));
  const r = Math.sqrt(-Math.log((1 - x) / 2));
  return r <= 5 ? middleQuantile(r - 1.6) : farQuantile(r - 5);
}

function centralQuantile(r: number): number {
  const p = ((((((2.5090809287301226727e+3 * r + 3.3430575583588128105e+4) * r + 6.7265770927008700853e+4) * r +
                    4.5921953931549871457e+4) * r + 1.3731693765509461125e+4) * r + 1.9715909503065514427e+3) * r +
        1.3314166789178437745e+2) * r + 3.3871328727963666080;
  const q = ((((((5.2264952788528545610e+3 * r + 2.8729085735721942674e+4) * r + 3.9307895800092710610e+4) * r +
                    2.1213794301586595867e+4) * r + 5.3941960214247511077e+3) * r + 6.8718700749205790830e+2) * r +
        4.2313330701600911252e+1) * r + 1;
  return p / q;
}

function middleQuantile(r: number): number {
  const p = ((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r + 2.41780725177450611770e-1) * r +
                    1.27045825245236838258) * r + 3.64784832476320460504) * r + 5.76949722146069140550) * r +
        4.63033784615654529590) * r + 1.42343711074968357734;
  const q = ((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r + 1.51986665636164571966e-2) * r +
                    1.48103976427480074590e-1) * r + 6.89767334985100004550e-1) * r + 1.67638483018380384940) * r +
        2.05319162663775882187) * r + 1;
  return p / q;
}

function farQuantile(r: number): number {
  const p = ((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 1.24266094738807843860e-3) * r +
                    2.65321895265761230930e-2) * r + 2.96560571828504891230e-1) * r + 1.78482653991729133580) * r +
        5.46378491116411436990) * r + 6.65790464350110377720;
  const q = ((((((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r + 1.84631831751005468180e-5) * r +
                    7.86869131145613259100e-4) * r + 1.48753612908506148525e-2) * r + 1.36929880922735805310e-1) * r +
        5.99832206555887937690e-1) * r + 1;
  return p / q;
}
