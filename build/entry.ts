// What is in the built file? All that `mod.ts` exports, with the packages that only some programs need.
import { carry } from "../runtime/packages.ts";

carry("npm:jpeg-js@0.4.4", () => import("npm:jpeg-js@0.4.4"));
// written out: only so are they found when the file is made
carry("npm:hyparquet@1.31.5/src/metadata.js", () => import("npm:hyparquet@1.31.5/src/metadata.js"));
carry("npm:hyparquet@1.31.5/src/column.js", () => import("npm:hyparquet@1.31.5/src/column.js"));
carry("npm:hyparquet@1.31.5/src/plain.js", () => import("npm:hyparquet@1.31.5/src/plain.js"));
carry("npm:hyparquet@1.31.5/src/encoding.js", () => import("npm:hyparquet@1.31.5/src/encoding.js"));
carry("npm:hyparquet@1.31.5/src/delta.js", () => import("npm:hyparquet@1.31.5/src/delta.js"));
carry("npm:hyparquet@1.31.5/src/thrift.js", () => import("npm:hyparquet@1.31.5/src/thrift.js"));
carry("npm:hyparquet@1.31.5/src/snappy.js", () => import("npm:hyparquet@1.31.5/src/snappy.js"));

export * from "../mod.ts";
