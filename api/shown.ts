// How does an answer show itself? As text, where Deno, Node or a notebook prints it.

/** What Deno, notebooks and Node look for on an object that they print. */
export const shownAs = (toString: () => string) => ({
  [Symbol.for("Deno.customInspect")]: toString,
  [Symbol.for("nodejs.util.inspect.custom")]: toString,
});
