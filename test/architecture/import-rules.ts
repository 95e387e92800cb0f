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

/** What a process or thread may be composed of. */
const PARTS = ["config", "execution", "engines", "native", "sequencer", "storage", "service", "rpc", "observability"];

export const IMPORT_RULES: readonly ImportRule[] = [
  { from: "errors", to: [] },
  { from: "version", to: [] },
  { from: "verify", to: [], modules: ["node:crypto"] },
  { from: "encoding", to: ["errors"] },
  { from: "config", to: GROUND },
  // It implements the telemetry ports of execution and rpc.
  {
    from: "observability",
    to: [...GROUND, "client", "execution", "rpc"],
    typesOnly: ["client", "execution", "rpc"],
  },
  { from: "native", to: GROUND },
  { from: "client", to: GROUND },
  { from: "execution", to: GROUND },
  { from: "engines/privacy", to: [...GROUND, "execution", "native"] },
  { from: "engines", to: [...GROUND, "execution"] },
  { from: "storage", to: [...GROUND, "execution"] },
  { from: "sequencer", to: [...GROUND, "execution"] },
  { from: "rpc", to: [...GROUND, "execution", "client"], typesOnly: ["execution", "client"] },
  // The engine as the front end calls it: rpc's port over sequencer and storage.
  // Insights are the enhanced engine's, put together.
  {
    from: "service",
    to: [...[...GROUND, "execution", "engines/enhanced", "engines/privacy", "sequencer", "storage", "rpc", "client"]],
    typesOnly: ["rpc", "client"],
  },
  { from: "cli/seams", to: [...GROUND, "config", "daemon", "daemon-tools", "database-tools"] },
  { from: "cli", to: [...GROUND, "client", "config", "native"] },
  { from: "main", to: ["cli"] },
  { from: "tokens", to: [...GROUND, "rpc"] },
  { from: "contract-engines", to: [...GROUND, "execution", "engines"] },
  { from: "compile-worker", to: ["engines"] },
  { from: "executor", to: [...GROUND, ...PARTS, "contract-engines"] },
  { from: "executor-worker", to: [...GROUND, ...PARTS, "executor"] },
  { from: "query-worker", to: [...GROUND, ...PARTS, "executor"] },
  { from: "query-pool-worker", to: [...GROUND, ...PARTS, "contract-engines"] },
  { from: "privacy-worker", to: [...GROUND, ...PARTS] },
  { from: "follower-worker", to: [...GROUND, ...PARTS] },
  { from: "postgres-worker", to: [...GROUND, "storage"] },
  {
    from: "engine-options",
    to: [...GROUND, "execution", "sequencer", "service"],
    typesOnly: ["execution", "sequencer", "service"],
  },
  { from: "engine", to: [...GROUND, ...PARTS, "executor", "follower-worker", "engine-options", "query-pool-worker"] },
  { from: "monitoring", to: [...GROUND, "client", "config", "engine", "observability"] },
  {
    from: "daemon",
    to: [...GROUND, ...PARTS, "engine", "monitoring", "tokens", "cli/seams"],
    typesOnly: ["cli/seams"],
  },
  { from: "database-tools", to: [...GROUND, "config", "storage", "cli/seams"], typesOnly: ["config", "cli/seams"] },
  { from: "daemon-tools", to: [...GROUND, ...PARTS, "contract-engines", "cli/seams"], typesOnly: ["cli/seams"] },
];
