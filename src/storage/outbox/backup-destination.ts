/**
 * Where backups go: a directory, or a bucket. Whoever puts a file may put it again after a failure, whatever came of it.
 * Errors   StorageError, with what the other side said.
 */
export interface BackupDestination {
  /** For people; without secrets. */
  readonly name: string;
  /** Resolves when the file is there, whole and as it was read. */
  put(name: string, path: string, signal: AbortSignal): Promise<void>;
  list(signal: AbortSignal): Promise<string[]>;
  remove(name: string, signal: AbortSignal): Promise<void>;
}
