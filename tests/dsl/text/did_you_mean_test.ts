import { assertEquals } from "@std/assert";
import { nearestName, typingMistakes } from "../../../dsl/text/did_you_mean.ts";

Deno.test("nearestName() forgives a third of the letters", () => {
  const known = ["minimize", "maximize", "over", "by", "for", "through", "momentum", "lr"];
  const cases: Record<string, string | undefined> = {
    minimise: "minimize",
    Minimize: "minimize",
    minmize: "minimize",
    ovre: "over",
    momentun: "momentum",
    LR: "lr",
    rl: undefined,
    xyz: undefined,
    th: undefined,
    over: undefined,
    thorugh: "through",
  };
  for (const [written, expected] of Object.entries(cases)) assertEquals(nearestName(written, known), expected, written);
});

Deno.test("nearestName() prefers the same letters in another case when one candidate has them", () => {
  assertEquals(nearestName("mlp", ["MLP", "mlq"]), "MLP");
  assertEquals(nearestName("mlp", ["MLP", "Mlp", "mlq"]), "Mlp", "one letter away, and first");
});

Deno.test("nearestName() takes a short name with another letter for another word", () => {
  assertEquals(nearestName("std", ["sgd"]), undefined);
  assertEquals(nearestName("sort", ["sqrt"]), undefined);
  assertEquals(nearestName("fti", ["fit"]), "fit");
  assertEquals(nearestName("men", ["mean"]), "mean");
  assertEquals(nearestName("t", ["T"]), undefined);
});

Deno.test("typingMistakes() counts swapped neighbours once", () => {
  assertEquals(typingMistakes("abcd", "abdc"), 1);
  assertEquals(typingMistakes("abcd", "abcd"), 0);
  assertEquals(typingMistakes("", "abc"), 3);
  assertEquals(typingMistakes("kitten", "sitting"), 3);
});
