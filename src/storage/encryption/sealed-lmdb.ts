/**
 * An LMDB environment in an encrypted directory, in two layers.
 *   pages    by lmdb itself: ChaCha8, no authentication, and a nonce that is the page's number. Keys and structure are hidden
 *            from whoever has one image of the disk; two images of different times can be compared page by page.
 *   values   by us: AES-256-GCM with a random nonce, bound to their row's key. They are hidden from whoever has many images too,
 *            and one that was changed, or moved to another row, is refused.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { threadId } from "node:worker_threads";
import { StorageError } from "../../errors.ts";
import { systemFiles } from "../files.ts";
import type { Cipher, DataKeys } from "./data-keys.ts";
import { openSealedFile, sealFile } from "./sealed-file.ts";

/** What is used of an environment, as lmdb has it. */
interface Environment {
  getBinary(key: Uint8Array, ...more: never[]): Uint8Array | undefined;
  putSync(key: Uint8Array, value: Uint8Array): unknown;
  getKeysCount(options: object): number;
  getRange(options: object): Iterable<{ key: Uint8Array; value: Uint8Array }> & {
    iterate(): unknown;
    map<T>(change: (row: { key: Uint8Array; value: Uint8Array }) => T): Iterable<T>;
  };
}

const MARK = "KEY";

/**
 * What to open an environment with. lmdb can't tell its key from another, and crashes on pages that make no sense: a file
 * beside the environment says that this is the key, and is made before it.
 * @throws StorageError when the environment in `directory` is of another key.
 */
export function lmdbEncryption(
  keys: DataKeys | undefined,
  purpose: string,
  directory: string,
): { encryptionKey?: string } {
  if (keys === undefined) return {};
  const path = join(directory, MARK);
  if (!existsSync(path) && !readdirSync(directory).some((name) => name.endsWith(".mdb")))
    writeMark(path, keys, purpose);
  if (!existsSync(path) || openSealedFile(keys, purpose, MARK, readFileSync(path)) === undefined)
    throw new StorageError(`the ${purpose} store in ${directory} is not of this data directory's key`, {
      retryable: false,
      directory,
    });
  return { encryptionKey: keys.lmdbKey(`${purpose} pages`) };
}

/** Two threads may make it at once: either will do. */
function writeMark(path: string, keys: DataKeys, purpose: string): void {
  const draft = `${path}.${process.pid}-${threadId}`;
  const file = systemFiles.open(draft, "create").now();
  try {
    file.write([sealFile(keys, purpose, MARK, new Uint8Array(0))], 0).now();
    file.sync().now();
  } finally {
    file.close();
  }
  systemFiles.rename(draft, path).now();
  systemFiles.syncDirectory(dirname(path)).now();
}

/** Makes `environment` seal what is put and open what is got; answers it. */
export function withSealedValues<T>(environment: T, keys: DataKeys | undefined, purpose: string): T {
  if (keys === undefined) return environment;
  const cipher = keys.cipher(`${purpose} values`);
  const inner = environment as Environment;
  const getBinary = inner.getBinary.bind(inner);
  const putSync = inner.putSync.bind(inner);
  const getRange = inner.getRange.bind(inner);
  inner.getBinary = (key, ...more) => {
    const sealed = getBinary(key, ...more);
    return sealed === undefined ? undefined : opened(cipher, key, sealed, purpose);
  };
  inner.putSync = (key, value) => putSync(key, cipher.seal(value, key));
  // lmdb counts through its own getRange, of which a mapped one can't be asked.
  inner.getKeysCount = (options) => getRange({ ...options, onlyCount: true, values: false }).iterate() as number;
  inner.getRange = (options) => {
    const open = ({ key, value }: { key: Uint8Array; value: Uint8Array }) => ({
      key,
      value: opened(cipher, key, value, purpose),
    });
    return getRange(options).map(open) as ReturnType<Environment["getRange"]>;
  };
  return environment;
}

function opened(cipher: Cipher, key: Uint8Array, sealed: Uint8Array, purpose: string): Uint8Array {
  const value = cipher.open(sealed, key);
  if (value !== undefined) return value;
  throw new StorageError(`a value of the ${purpose} store does not decrypt: it was changed`, { retryable: false });
}
