/**
 * The imports of WASI preview 1 (module wasi_snapshot_preview1) that programs may use: their types, and for those that the
 * library serves, which arguments say how much they do. Sockets and signals are not there: a program that asks for them is
 * refused at admission.
 */
import type { FunctionType, ValueType } from "../module/wasm-types.ts";
import { HOST_IMPORTS } from "../polytorus/imports.ts";

export const PREVIEW1 = "wasi_snapshot_preview1";

/** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md, errno. */
export const Errno = {
  success: 0,
  fileTooLarge: 22,
  tooManyFiles: 41,
  invalid: 28,
  nameTooLong: 37,
  noSpace: 51,
  notSupported: 58,
} as const;

/** Answered here, from the block and the call: the library would ask the machine. */
export const OWN = {
  clock_res_get: "ii",
  clock_time_get: "iIi",
  fd_filestat_set_times: "iIIi",
  path_filestat_set_times: "iiiiIIi",
  poll_oneoff: "iiii",
  proc_exit: "i>",
  random_get: "ii",
  sched_yield: "",
} as const;

/** What the arguments of an import mean for its cost and its bounds: indices of arguments. */
export interface ServedImport {
  /** Parameters: i for i32, I for i64. All answer an errno. */
  readonly params: string;
  /** An array of (pointer, length) pairs: its pointer, its count behind it. */
  readonly vectors?: number;
  /** Bytes that go in or out. */
  readonly bytes?: readonly number[];
  /** Lengths of paths. */
  readonly paths?: readonly number[];
  /** May make a node of the file system. */
  readonly makesNode?: true;
  /** Sorts all nodes that there may be. */
  readonly readsDirectory?: true;
  /** The vectors are written to a file or pipe. */
  readonly isWrite?: true;
  /** An offset into a file, or the size that it is to have. */
  readonly offsets?: readonly number[];
}

/** Served by the library, from what it was given for this call: arguments, no environment, pipes, files in memory. */
export const SERVED: Readonly<Record<string, ServedImport>> = {
  args_get: { params: "ii" },
  args_sizes_get: { params: "ii" },
  environ_get: { params: "ii" },
  environ_sizes_get: { params: "ii" },
  fd_advise: { params: "iIIi" },
  fd_allocate: { params: "iII", offsets: [1, 2] },
  fd_close: { params: "i" },
  fd_datasync: { params: "i" },
  fd_fdstat_get: { params: "ii" },
  fd_fdstat_set_flags: { params: "ii" },
  fd_fdstat_set_rights: { params: "iII" },
  fd_filestat_get: { params: "ii" },
  fd_filestat_set_size: { params: "iI", offsets: [1] },
  fd_pread: { params: "iiiIi", vectors: 1, offsets: [3] },
  fd_prestat_dir_name: { params: "iii", bytes: [2] },
  fd_prestat_get: { params: "ii" },
  fd_pwrite: { params: "iiiIi", vectors: 1, isWrite: true, offsets: [3] },
  fd_read: { params: "iiii", vectors: 1 },
  fd_readdir: { params: "iiiIi", bytes: [2], readsDirectory: true },
  fd_renumber: { params: "ii" },
  fd_seek: { params: "iIii" },
  fd_sync: { params: "i" },
  fd_tell: { params: "ii" },
  fd_write: { params: "iiii", vectors: 1, isWrite: true },
  path_create_directory: { params: "iii", paths: [2], makesNode: true },
  path_filestat_get: { params: "iiiii", paths: [3] },
  path_link: { params: "iiiiiii", paths: [3, 6], makesNode: true },
  path_open: { params: "iiiiiIIii", paths: [3], makesNode: true },
  path_readlink: { params: "iiiiii", paths: [2], bytes: [4] },
  path_remove_directory: { params: "iii", paths: [2] },
  path_rename: { params: "iiiiii", paths: [2, 5] },
  path_symlink: { params: "iiiii", paths: [1, 4], makesNode: true },
  path_unlink_file: { params: "iii", paths: [2] },
};

function typeOf(text: string): FunctionType {
  const params = [...text.replace(">", "")].map((letter): ValueType => (letter === "I" ? "i64" : "i32"));
  return { params, results: text.endsWith(">") ? [] : ["i32"] };
}

/** Preview 1, and the host's own imports: state, logs, calls. */
export const WASI_IMPORTS: ReadonlyMap<string, FunctionType> = new Map([
  ...Object.entries(OWN).map(([name, text]): [string, FunctionType] => [`${PREVIEW1}.${name}`, typeOf(text)]),
  ...Object.entries(SERVED).map(([name, { params }]): [string, FunctionType] => [
    `${PREVIEW1}.${name}`,
    typeOf(params),
  ]),
  ...HOST_IMPORTS,
]);
