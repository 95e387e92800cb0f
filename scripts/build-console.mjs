/**
 * Builds the web page of src/console into a directory, and beside each file its compressed forms, which the daemon sends as
 * they are: compressing once with the best settings costs a second here and nothing there.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const source = fileURLToPath(new URL("../src/console", import.meta.url));

/** Directories and files below; smaller ones would not get smaller. */
const COMPRESSED_BYTES_MIN = 256;

export async function buildConsole(outDir) {
  // Vite looks at it, and would bundle the development forms of libraries.
  const environment = process.env.NODE_ENV;
  process.env.NODE_ENV = "production";
  const { build } = await import("vite");
  rmSync(outDir, { recursive: true, force: true });
  await build({
    root: source,
    base: "/console/",
    configFile: false,
    envDir: false,
    logLevel: "warn",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      outDir,
      emptyOutDir: true,
      target: "es2022",
      // Data URLs for nothing: every file has a name of its own, and the page's policy stays simple.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
  });
  if (environment === undefined) delete process.env.NODE_ENV;
  else process.env.NODE_ENV = environment;
  for (const entry of readdirSync(outDir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = readFileSync(path);
    if (bytes.length < COMPRESSED_BYTES_MIN) continue;
    writeFileSync(
      `${path}.br`,
      brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
    );
    writeFileSync(`${path}.gz`, gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }));
  }
}
