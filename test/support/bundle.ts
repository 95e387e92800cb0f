/** Bundles a thread's source into one file that node runs, as the build does. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { temporaryDirectory } from "./temporary-directory.ts";

/** It starts a thread from beside its own files: it stays outside, named by its place. */
const PISCINA = join(process.cwd(), "node_modules/piscina/dist/esm-wrapper.mjs");
/** Where the code believes to be: what it loads at run time lies around the build. */
const PLACE = pathToFileURL(join(process.cwd(), "dist/bundle.mjs")).href;

/** `source` is a file of the repository, or code that imports from it. Answers the path of the bundle. */
export async function bundle(source: { file: string } | { code: string }): Promise<string> {
  const outfile = join(temporaryDirectory(), "bundle.mjs");
  await build({
    ...("file" in source
      ? { entryPoints: [source.file] }
      : { stdin: { contents: source.code, resolveDir: process.cwd(), loader: "ts" } }),
    bundle: true,
    platform: "node",
    format: "esm",
    outfile,
    alias: { piscina: PISCINA },
    external: [PISCINA],
    define: { "import.meta.url": JSON.stringify(PLACE) },
    logLevel: "silent",
  });
  return outfile;
}
