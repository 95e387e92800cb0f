/** The id of a data directory: made once, kept in its file `INSTANCE`. A database remembers whose tables it holds by it. */
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export function instanceId(dataDir: string): string {
  const path = join(dataDir, "INSTANCE");
  try {
    writeFileSync(path, `${randomUUID()}\n`, { flag: "wx", flush: true });
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code !== "EEXIST") throw problem;
  }
  return readFileSync(path, "utf8").trim();
}
