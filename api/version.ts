// Which version is this? The same as in deno.json, as a test says.

/** The version of the package.
 *
 *  ```ts
 *  import { version } from "../mod.ts";
 *
 *  console.log(version);
 *  ```
 *
 *  @category Compile
 */
export const version = "0.1.0";
