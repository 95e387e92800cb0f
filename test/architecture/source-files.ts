/** Reads the repository's own files for the tests about them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const NOT_OURS = new Set(["node_modules", "dist", "build", "data", "coverage", "vectors"]);

/** Paths relative to the repository, with `/`, of the files below `folder` that end with one of `endings`. */
export function filesBelow(folder: string, endings: readonly string[]): string[] {
  let entries: import("node:fs").Dirent[];
  try {
    entries = readdirSync(join(ROOT, folder), { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : filesBelow(path, endings);
    return endings.some((ending) => entry.name.endsWith(ending)) ? [path] : [];
  });
}

export function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

export interface Import {
  specifier: string;
  isTypeOnly: boolean;
}

const STATEMENT = /^\s*(?:import|export)\s+(type\s+)?(?:([\w*{}\s,$]+?)\s+from\s+)?"([^"]+)"/gm;
const DYNAMIC = /\bimport\(\s*"([^"]+)"\s*\)/g;

/** Import and re-export statements and dynamic imports; comments are left out. */
export function importsOf(source: string): Import[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const found: Import[] = [];
  for (const [, typeKeyword, names, specifier] of code.matchAll(STATEMENT)) {
    const members = /\{([^}]*)\}/
      .exec(names ?? "")?.[1]
      ?.split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "");
    const isTypeOnly =
      typeKeyword !== undefined ||
      (members !== undefined && members.length > 0 && members.every((name) => name.startsWith("type ")));
    found.push({ specifier: specifier!, isTypeOnly });
  }
  for (const [whole, specifier] of code.matchAll(DYNAMIC)) {
    // `import("…").Type` in a type position is erased like an `import type`.
    const after = code.slice(code.indexOf(whole) + whole.length).trimStart();
    found.push({ specifier: specifier!, isTypeOnly: /^\.[A-Z]/.test(after) });
  }
  return found;
}
