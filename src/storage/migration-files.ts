/**
 * The migrations of a directory: SQL files `NNNN_name.sql`, numbered from 0001 without gaps, each with a part that begins
 * `-- Up Migration` and one that begins `-- Down Migration`.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { EngineError } from "../errors.ts";

export interface MigrationFile {
  /** The number that it begins with. */
  readonly version: number;
  /** The file's name without its ending: what the database calls it. */
  readonly name: string;
  readonly path: string;
  /** SHA-256 of the whole file, hex. */
  readonly checksum: string;
  readonly upSql: string;
  readonly downSql: string;
}

const NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;
const UP = /^-- Up Migration$/m;
const DOWN = /^-- Down Migration$/m;

/** The project's own migrations, from wherever this file was bundled to. */
export function migrationsDirectory(from: string = fileURLToPath(import.meta.url)): string {
  for (let directory = dirname(from); ; directory = dirname(directory)) {
    const found = join(directory, "migrations");
    if (existsSync(join(directory, "package.json")) && existsSync(found)) return found;
    if (directory === dirname(directory))
      throw new EngineError("CONFIGURATION_ERROR", `no directory "migrations" stands above ${from}`, { from });
  }
}

/** In order of their versions. @throws EngineError CONFIGURATION_ERROR naming the file and what is wrong with it. */
export function readMigrations(directory: string): MigrationFile[] {
  const files = readdirSync(directory)
    .filter((file) => file.endsWith(".sql"))
    .sort();
  return files.map((file, index) => {
    const path = join(directory, file);
    const match = NAME.exec(file);
    if (match === null) refuse(path, "is not named NNNN_name.sql, in lower case letters, digits and underscores");
    const version = Number(match[1]);
    if (version !== index + 1) refuse(path, `has number ${version}, but ${index + 1} comes next`);
    const text = readFileSync(path, "utf8");
    const up = UP.exec(text);
    const down = DOWN.exec(text);
    if (up === null || down === null || down.index < up.index)
      refuse(path, 'needs a line "-- Up Migration" and after its part a line "-- Down Migration"');
    return {
      version,
      name: file.slice(0, -".sql".length),
      path,
      checksum: createHash("sha256").update(text).digest("hex"),
      upSql: text.slice(up.index, down.index).trim(),
      downSql: text.slice(down.index).trim(),
    };
  });
}

/** Writes an empty pair with the next number. Answers its path. */
export function createMigration(directory: string, name: string): string {
  const plain = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  if (plain === "")
    throw new EngineError("VALIDATION_ERROR", `a migration's name needs letters or digits, received "${name}"`, {
      path: "name",
    });
  const version = readMigrations(directory).length + 1;
  const path = join(directory, `${String(version).padStart(4, "0")}_${plain}.sql`);
  const text = `-- Why this is needed.\n\n-- Up Migration\n\n\n-- Down Migration\n\n`;
  writeFileSync(path, text, { flag: "wx" });
  return path;
}

function refuse(path: string, problem: string): never {
  throw new EngineError("CONFIGURATION_ERROR", `migration ${path} ${problem}`, { path });
}
