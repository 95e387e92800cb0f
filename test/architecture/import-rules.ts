/**
 * Who may import whom: DESIGN's layout as data. A folder may always import itself. The first rule whose path is a prefix
 * of the importing file holds; a target is a folder or file of src/ without its extension.
 */
export interface ImportRule {
  /** Path below src/: a folder, or a file without `.ts`. */
  readonly from: string;
  readonly to: readonly string[];
  /** Targets of which only types may be imported. */
  readonly typesOnly?: readonly string[];
  /** Modules that are not of this repository; anything when left out. */
  readonly modules?: readonly string[];
}

const GROUND = ["errors", "encoding", "version"];

/** Processes and threads: each composes what it runs, and nobody but the seams imports it. */
const COMPOSED = ["config", "execution", "engines", "native", "sequencer", "storage", "rpc", "client", "observability"];

export const IMPORT_RULES: readonly ImportRule[] = [
  { from: "errors", to: [] },
  { from: "version", to: [] },
  { from: "verify", to: [], modules: ["node:crypto"] },
  { from: "encoding", to: ["errors"] },
  { from: "config", to: GROUND },
  { from: "observability", to: GROUND },
  { from: "native", to: GROUND },
  { from: "client", to: GROUND },
  { from: "execution", to: GROUND },
  { from: "engines/privacy", to: [...GROUND, "execution", "native"] },
  { from: "engines", to: [...GROUND, "execution"] },
  { from: "storage", to: [...GROUND, "execution"] },
  { from: "sequencer", to: [...GROUND, "execution"] },
  { from: "rpc", to: [...GROUND, "execution", "client"], typesOnly: ["execution", "client"] },
  { from: "cli/seams", to: [...GROUND, "config", "daemon", "daemon-tools"] },
  { from: "cli", to: [...GROUND, "client", "config", "native"] },
  { from: "main", to: ["cli"] },
  { from: "executor-worker", to: [...GROUND, ...COMPOSED, "executor"] },
  { from: "follower-worker", to: [...GROUND, ...COMPOSED, "follower"] },
  { from: "query-worker", to: [...GROUND, ...COMPOSED, "executor", "query"] },
  { from: "executor", to: [...GROUND, ...COMPOSED] },
  { from: "daemon-tools", to: [...GROUND, ...COMPOSED, "executor"] },
  { from: "daemon", to: [...GROUND, ...COMPOSED, "executor"] },
];
