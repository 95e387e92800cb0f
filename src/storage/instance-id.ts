/** The id of a data directory: made once, kept in its file `INSTANCE`. A database remembers whose tables it holds by it. */
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "./files.ts";

export function instanceId(dataDir: string): string {
  const path = join(dataDir, "INSTANCE");
  if (!existsSync(path)) replaceFile(path, Buffer.from(`${randomUUID()}\n`));
  return readFileSync(path, "utf8").trim();
}
