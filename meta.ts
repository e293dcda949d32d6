#!/usr/bin/env -S deno run
// The command line: `deno run meta.ts FILE.meta` runs a program; docs/cli.md says the rest. Reads the arguments, calls the
// verb, ends with its exit code.
import { type CommandLine, parseArguments, type ParsedArguments } from "./cli/arguments.ts";
import { exitCodes } from "./cli/exit_codes.ts";
import { type Console, processConsole } from "./cli/console.ts";
import { firstScreen, helpText } from "./cli/help.ts";
import { sayProblem, sayWhatIsUnsaid, showThrown } from "./cli/problems.ts";
import { compareVerb } from "./cli/compare_verb.ts";
import { newVerb } from "./cli/new_verb.ts";
import { resumeVerb } from "./cli/resume_verb.ts";
import { runVerb } from "./cli/run_verb.ts";
import { sweepVerb } from "./cli/sweep_verb.ts";
import { explainVerb } from "./cli/explain.ts";
import { explainProgram } from "./cli/explain_program.ts";
import { doctorVerb } from "./cli/doctor.ts";
import { checkVerb, fmtVerb } from "./cli/source_verbs.ts";
import { verifyVerb } from "./cli/verify.ts";
import { version } from "./api/version.ts";
import { type Disk, systemDisk } from "./runtime/record/disk.ts";

/** Does what the arguments say, writes to the console and, where it is asked to, to the disk, and gives the exit code. */
export async function main(args: readonly string[], console: Console, disk: Disk = systemDisk): Promise<number> {
  const parsed = parseArguments(args);
  const code = await codeOf(parsed, console, disk);
  const json = parsed.kind === "command" && parsed.command.json;
  const said = sayWhatIsUnsaid({ console, json });
  return code === exitCodes.done && !said ? exitCodes.runFailed : code;
}

async function codeOf(parsed: ParsedArguments, console: Console, disk: Disk): Promise<number> {
  switch (parsed.kind) {
    case "help":
      console.out(helpText(parsed.verb, console.width()));
      return exitCodes.done;
    case "nothing":
      console.err(firstScreen(console.width()));
      return exitCodes.wrongUse;
    case "version":
      console.out(`${version}\n`);
      return exitCodes.done;
    case "wrong":
      sayProblem(`error: ${parsed.message}\n`, console);
      return exitCodes.wrongUse;
    case "command":
      return await runCommand(parsed.command, console, disk);
  }
}

async function runCommand(command: CommandLine, console: Console, disk: Disk): Promise<number> {
  const { json } = command;
  try {
    if (command.verb === "new") return await newVerb(command, console, disk);
    if (command.verb === "check") return await checkVerb(command, console);
    if (command.verb === "fmt") return fmtVerb(command, console);
    if (command.verb === "explain") {
      return await (command.files[0]!.endsWith(".meta")
        ? explainProgram(command, console)
        : explainVerb(command, console));
    }
    if (command.verb === "compare") return compareVerb(command, console);
    // what draws is loaded by these two only
    if (command.verb === "report") return await (await import("./cli/report_verb.ts")).reportVerb(command, console);
    if (command.verb === "show") return await (await import("./cli/show_verb.ts")).showVerb(command, console);
    if (command.verb === "doctor") return await doctorVerb(console);
    if (command.verb === "verify") return await verifyVerb(command, console);
    if (command.verb === "sweep" || command.swept) return await sweepVerb(command, console, disk);
    return await (command.verb === "resume" ? resumeVerb : runVerb)(command, console, disk);
  } catch (error) {
    return showThrown(error, { console, json });
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args, processConsole()));
