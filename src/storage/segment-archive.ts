/**
 * Puts a sealed segment into a directory of archived ones, durably, before its journal lets go of it: a second name where the
 * file system can give one, else a copy. Segments of an encrypted directory stay encrypted under its data key.
 */
import * as fs from "node:fs/promises";
import { basename, join } from "node:path";
import { StorageError } from "../errors.ts";
import { errorCode, systemFiles } from "./files.ts";
import { SEGMENT_HEADER_BYTES } from "./journal-format.ts";
import { TEMPORARY_SUFFIX } from "./segment-writer.ts";

/** A file system without hard links, or another one. */
const NO_LINK = ["EXDEV", "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];

/** It may stand there already. @throws StorageError when another segment stands there under its name. */
export async function archiveSegment(path: string, archive: string): Promise<void> {
  systemFiles.makeDirectory(archive);
  const to = join(archive, basename(path));
  const stands = await identityOf(to);
  if (stands === undefined) await put(path, to);
  else if (stands !== (await identityOf(path))) {
    const problem = `${to} is another log's: every log needs an archive of its own`;
    throw new StorageError(problem, { retryable: false, path: to });
  }
  // Who put one there may have ended before its name was durable.
  await systemFiles.syncDirectory(archive).later();
}

async function put(path: string, to: string): Promise<void> {
  try {
    await fs.link(path, to);
  } catch (thrown) {
    if (!NO_LINK.includes(errorCode(thrown) ?? "")) throw thrown;
    await copyDurably(path, to);
  }
}

async function copyDurably(from: string, to: string): Promise<void> {
  const draft = to + TEMPORARY_SUFFIX;
  await fs.copyFile(from, draft);
  const file = await fs.open(draft, "r+");
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
  await fs.rename(draft, to);
}

/** A segment's header has a random tag; undefined when there is no such file. */
async function identityOf(path: string): Promise<string | undefined> {
  let file: fs.FileHandle;
  try {
    file = await fs.open(path, "r");
  } catch (thrown) {
    if (errorCode(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
  try {
    const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
    await file.read(header, 0, header.length, 0);
    return `${(await file.stat()).size} ${header.toString("hex")}`;
  } finally {
    await file.close();
  }
}
