/**
 * Compiles contracts: `<folder>/assembly/<name>.ts` to `<folder>/build/<name>.wasm`, and its ABI beside it.
 *   node contracts/build.mjs               all contracts of this folder whose sources are newer than their build
 *   node contracts/build.mjs token PATH…   these, by name or by the path of a folder
 *
 * The modules hold no floats, no clock and no randomness: what would import them does not pass admission.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const CONTRACTS = fileURLToPath(new URL(".", import.meta.url));
const SDK = join(CONTRACTS, "sdk");
const TRANSFORM = join(SDK, "transform", "transform.mjs");
const ABI_SECTION = "polytorus.abi";

/**
 * stub: memory grows only, which is right where each call starts from the same image. Assertions stay in: a contract
 * that says assert() means it. 0.28 would otherwise use SIMD, which admission refuses.
 */
const FLAGS = ["-O3", "--runtime", "stub", "--initialMemory", "1", "--disable", "simd"];

/** Names of the contracts in this folder. */
export function contractNames() {
  return readdirSync(CONTRACTS).filter((name) => existsSync(join(CONTRACTS, name, "assembly", `${name}.ts`)));
}

/** Where a contract's build lies. @param contract a name of this folder, or the path of a contract's folder. */
export function artifactPaths(contract) {
  const folder = contractNames().includes(contract) ? join(CONTRACTS, contract) : resolve(contract);
  const name = basename(folder);
  const build = join(folder, "build");
  return {
    folder,
    name,
    source: join(folder, "assembly", `${name}.ts`),
    wasm: join(build, `${name}.wasm`),
    abi: join(build, `${name}.abi.json`),
  };
}

/** Compiles when the build is missing or older than a source. @returns the paths of the build. */
export async function buildContract(contract) {
  const paths = artifactPaths(contract);
  if (!existsSync(paths.source))
    throw new Error(`expected a contract at ${relative(".", paths.source)}, found no file`);
  if (isFresh(paths)) return paths;
  const code = await compile(paths.source);
  const abi = readAbi(code);
  mkdirSync(join(paths.folder, "build"), { recursive: true });
  replaceFile(paths.abi, `${JSON.stringify(abi, null, 2)}\n`);
  replaceFile(paths.wasm, code);
  return paths;
}

function isFresh({ folder, wasm, abi }) {
  if (!existsSync(wasm) || !existsSync(abi)) return false;
  const builtAtMs = statSync(wasm).mtimeMs;
  const sources = [
    join(folder, "assembly"),
    join(SDK, "assembly"),
    join(SDK, "transform"),
    join(CONTRACTS, "build.mjs"),
  ];
  return sources.every((path) => newestMtimeMs(path) < builtAtMs);
}

function newestMtimeMs(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return readdirSync(path).reduce((newest, name) => Math.max(newest, newestMtimeMs(join(path, name))), stats.mtimeMs);
}

/** Two test processes may build at once: a reader sees the old file or the new one. */
function replaceFile(path, content) {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}

/**
 * @param source a path, resolved against this folder.
 * @param readText serves sources that are in no file: `(path) => text`, undefined for those that are.
 * @returns the module's bytes. @throws Error with the compiler's diagnostics.
 */
export async function compile(source, readText = () => undefined) {
  const { main } = await import("assemblyscript/asc");
  let code;
  const diagnostics = [];
  const { error } = await main(
    [
      relative(CONTRACTS, resolve(CONTRACTS, source)),
      "--baseDir",
      CONTRACTS,
      "--outFile",
      "module.wasm",
      "--transform",
      TRANSFORM,
      ...FLAGS,
    ],
    {
      stderr: { write: (text) => diagnostics.push(text) },
      async readFile(path, baseDir) {
        return readText(path) ?? (await readFile(resolve(baseDir, path), "utf8").catch(() => null));
      },
      writeFile(path, content) {
        if (path === "module.wasm") code = content;
      },
    },
  );
  if (error !== null || code === undefined) throw new Error(`${diagnostics.join("")}${error?.message ?? "no module"}`);
  return code;
}

/** The ABI in a module's custom section. */
export function readAbi(code) {
  const [section] = WebAssembly.Module.customSections(new WebAssembly.Module(code), ABI_SECTION);
  if (section === undefined) throw new Error(`expected a custom section ${ABI_SECTION}, the module has none`);
  return JSON.parse(Buffer.from(section).toString("utf8"));
}

async function run(names) {
  for (const name of names.length === 0 ? contractNames() : names) {
    const { wasm } = await buildContract(name);
    process.stdout.write(`${relative(".", wasm)}  ${readFileSync(wasm).length} bytes\n`);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  run(process.argv.slice(2)).catch((problem) => {
    process.stderr.write(`${problem.message}\n`);
    process.exitCode = 1;
  });
}
