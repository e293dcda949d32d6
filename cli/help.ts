// What does the command line say of itself? The first screen, all verbs and options, and one verb with an example.

import { exitCodeTexts } from "./exit_codes.ts";
import { options, type Verb, verbs } from "./verbs.ts";
import { wrapTable, wrapText } from "../dsl/text/wrap.ts";

const start = "deno run --allow-read=FOLDER meta.ts";

/** All verbs and options, or one verb, for a terminal so wide. */
export function helpText(verb: Verb | undefined, width: number): string {
  return `${(verb === undefined ? everything(width) : ofVerb(verb, width)).join("\n")}\n`;
}

/** What is shown where nothing is asked for. */
export function firstScreen(width: number): string {
  const rows: [string, string][] = [
    ["meta.ts new NAME", "write a program to begin from, with its data"],
    ["meta.ts FILE.meta", "run a program; `--out DIR` keeps what comes of it"],
    ["meta.ts check FILE.meta", "say what is wrong with it"],
    ["meta.ts explain FILE.meta", "say what it does and what it takes"],
    ["meta.ts report DIR", "make a page of what came of it"],
    ["meta.ts help", "all verbs and options"],
    ["meta.ts help VERB", "one verb, with an example"],
  ];
  const about = wrapText(
    "Runs programs in the .meta language for meta-learning and hyperparameter optimization.",
    width,
  );
  const how = wrapText(`meta.ts stands for \`${start}\`, where FOLDER is that of the program.`, width);
  return `${[...about, "", ...wrapTable(rows, width), "", ...how].join("\n")}\n`;
}

function everything(width: number): string[] {
  return [
    ...wrapText("Runs programs in the .meta language for meta-learning and hyperparameter optimization.", width),
    "",
    `  ${start} [VERB] FOLDER/FILE.meta [OPTIONS]`,
    "",
    "Verbs (`help VERB` says more)",
    ...wrapTable(Object.entries(verbs).map(([name, { text }]) => [name, text] as const), width),
    "",
    "Options",
    ...wrapTable(Object.keys(options).map((name) => optionRow(name)), width),
    "",
    "Exit codes",
    ...wrapTable(exitCodeTexts, width),
  ];
}

function ofVerb(verb: Verb, width: number): string[] {
  const { text, takes, example, does } = verbs[verb];
  const own = Object.keys(options).filter((name) => options[name]!.verbs.includes(verb));
  return [
    ...wrapText(`${verb}: ${text}.`, width),
    "",
    `  meta.ts ${[verb, takes, "[OPTIONS]"].filter((word) => word !== "").join(" ")}`,
    "",
    "Options",
    ...wrapTable(own.map((name) => optionRow(name, verb)), width),
    "",
    "Example",
    `  ${example}`,
    "",
    ...wrapText(does, width),
  ];
}

/** An option with what is said of it, as it goes with a verb. */
function optionRow(name: string, verb?: Verb): [string, string] {
  const facts = options[name]!;
  const { value, text } = verb && facts.of?.[verb] || facts;
  return [value === undefined ? `--${name}` : `--${name} ${value}`, text];
}
