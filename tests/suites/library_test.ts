// The tests that `suites.ts` lists under this file's name.
import { loadSuite } from "./suites.ts";

await loadSuite(import.meta.url);
