// How does an answer show itself? As text, where Deno, Node or a notebook prints it, and in a notebook as a part of a page, too.

/** What Deno, notebooks and Node look for on an object that they print. A notebook takes the richest that it can show. */
export const shownAs = (toString: () => string, toHtml?: () => string | Promise<string>) => ({
  [Symbol.for("Deno.customInspect")]: toString,
  [Symbol.for("nodejs.util.inspect.custom")]: toString,
  ...(toHtml && {
    [Symbol.for("Jupyter.display")]: async () => ({ "text/plain": toString(), "text/html": await toHtml() }),
  }),
});
