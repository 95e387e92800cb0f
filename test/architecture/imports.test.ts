/** DESIGN's import directions and the habits of STYLE, held against the repository itself. */
import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { VERSION } from "../../src/version.ts";
import { IMPORT_RULES, type ImportRule } from "./import-rules.ts";
import { filesBelow, importsOf, read } from "./source-files.ts";

const SOURCES = filesBelow("src", [".ts", ".tsx"]);
const LINES_MAX = 400;

/** Files that may be longer, each with its reason. */
const LONGER_FILES: Record<string, string> = {
  "src/engine.ts": "composition root: every part once, in the order of starting and stopping",
  "src/encoding/transaction.ts": "one byte layout: its writer, reader and checker stand beside each other",
  "src/execution/block-executor.ts":
    "a block from its first transaction to its hash, the native shortcut and undo among it",
  "src/errors.ts": "one table: every code with its family, meaning and hint",
  "src/execution/state-table.ts": "one table: finding, reading, writing, lending and iterating its rows",
};

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function ruleFor(module: string): ImportRule | undefined {
  return IMPORT_RULES.find((rule) => isWithin(module, rule.from));
}

/** What is wrong with the imports of one file, as lines. */
function violationsOf(path: string): string[] {
  const module = path.slice("src/".length).replace(/\.tsx?$/, "");
  const rule = ruleFor(module);
  if (rule === undefined) return [`${path}: no rule says what it may import (test/architecture/import-rules.ts)`];
  return importsOf(read(path)).flatMap(({ specifier, isTypeOnly }) => {
    if (!specifier.startsWith(".")) {
      return rule.modules === undefined || rule.modules.includes(specifier)
        ? []
        : [`${path}: may not import ${specifier}`];
    }
    const target = posix.join(posix.dirname(module), specifier).replace(/\.tsx?$/, "");
    if (isWithin(target, rule.from) || isOwnFolder(module, target)) return [];
    const allowed = rule.to.find((folder) => isWithin(target, folder));
    if (allowed === undefined) return [`${path}: may not import ${target}`];
    if (rule.typesOnly?.includes(allowed) && !isTypeOnly) return [`${path}: may import only types of ${target}`];
    return [];
  });
}

/** True when both lie in the same folder of src/; engines/builtin and engines/wasm are folders of their own. */
function isOwnFolder(module: string, target: string): boolean {
  const depth = module.startsWith("engines/") ? 2 : 1;
  const folder = module.split("/").slice(0, depth).join("/");
  return module.includes("/") && isWithin(target, folder);
}

describe("import directions", () => {
  it("holds for every file of src", () => {
    expect(SOURCES.flatMap(violationsOf)).toEqual([]);
  });

  it("reads every form of import", () => {
    const source = [
      'import { a } from "./a.ts";',
      'import type { B } from "./b.ts";',
      'import { type C, type D } from "./c.ts";',
      'import {\n  e,\n  type F,\n} from "./e.ts";',
      'export * from "./g.ts";',
      'const h = await import("./h.ts");',
      'let i: import("./i.ts").I;',
      '// import { no } from "./no.ts";',
    ].join("\n");
    expect(importsOf(source)).toEqual([
      { specifier: "./a.ts", isTypeOnly: false },
      { specifier: "./b.ts", isTypeOnly: true },
      { specifier: "./c.ts", isTypeOnly: true },
      { specifier: "./e.ts", isTypeOnly: false },
      { specifier: "./g.ts", isTypeOnly: false },
      { specifier: "./h.ts", isTypeOnly: false },
      { specifier: "./i.ts", isTypeOnly: true },
    ]);
  });
});

describe("habits", () => {
  it(`keeps files of src to ${LINES_MAX} lines`, () => {
    const long = [...SOURCES, ...filesBelow("src", [".css"])].filter(
      (path) => LONGER_FILES[path] === undefined && read(path).split("\n").length - 1 > LINES_MAX,
    );
    expect(long).toEqual([]);
  });

  it("names files in kebab case", () => {
    const paths = [
      ...SOURCES,
      ...filesBelow("test", [".ts", ".mjs"]),
      ...filesBelow("bench", [".ts"]),
      ...filesBelow("scripts", [".mjs"]),
    ];
    expect(
      paths.filter((path) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|bench|d))?\.(tsx?|mjs)$/.test(posix.basename(path))),
    ).toEqual([]);
  });

  it("has no barrel files", () => {
    const barrels = SOURCES.filter((path) => {
      const code = read(path)
        .replace(/\/\*[\s\S]*?\*\//g, "")
        .replace(/^\s*\/\/.*$/gm, "");
      const rest = code.replace(/export\s+(type\s+)?(\*|\{[^}]*\})(\s+as\s+\w+)?\s+from\s+"[^"]+";?/g, "");
      return code.trim() !== "" && rest.trim() === "";
    });
    expect(barrels).toEqual([]);
  });

  it("leaves no work marked for later and no path of one machine", () => {
    const marks = new RegExp(
      ["TO" + "DO", "FIX" + "ME", "X" + "XX", "/ho" + "me/", "/ro" + "ot/", "/Us" + "ers/", "/wo" + "rk/"].join("|"),
    );
    const paths = [".ts", ".mjs", ".cc", ".h", ".json", ".md", ".toml"];
    const files = ["src", "test", "bench", "scripts", "native", "contracts", "ops", ".ci"].flatMap((folder) =>
      filesBelow(folder, paths),
    );
    expect(files.filter((path) => marks.test(read(path)))).toEqual([]);
  });

  it("pins every dependency to one version", () => {
    const manifest = JSON.parse(read("package.json")) as Record<string, Record<string, string> | undefined>;
    const all = { ...manifest["dependencies"], ...manifest["devDependencies"], ...manifest["optionalDependencies"] };
    expect(Object.entries(all).filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
  });

  it("locks the optional packages of every platform, or npm 11 refuses the lockfile (scripts/complete-lock.mjs)", () => {
    const { packages } = JSON.parse(read("package-lock.json")) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    };
    const locked = new Set(
      Object.keys(packages).map((path) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length)),
    );
    const wanted = Object.values(packages).flatMap(({ optionalDependencies }) =>
      Object.keys(optionalDependencies ?? {}),
    );
    expect(wanted.filter((name) => !locked.has(name))).toEqual([]);
  });

  it("says one version", () => {
    expect(VERSION).toBe((JSON.parse(read("package.json")) as { version: string }).version);
  });
});
