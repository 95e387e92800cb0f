/** Bundles a thread's source into one file that node runs, as the build does. */
import { join } from "node:path";
import { build } from "esbuild";
import { temporaryDirectory } from "./temporary-directory.ts";

/** lmdb loads its binary from beside its own files: it stays outside, named by its place. */
const LMDB = join(process.cwd(), "node_modules/lmdb/dist/index.cjs");

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
    alias: { lmdb: LMDB },
    external: [LMDB],
    logLevel: "silent",
  });
  return outfile;
}
