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

const GROUND = ["errors", "encoding", "version", "thread-gate"];

/** What a process or thread may be composed of. */
const PARTS = ["config", "execution", "engines", "native", "sequencer", "storage", "service", "rpc", "observability"];

export const IMPORT_RULES: readonly ImportRule[] = [
  { from: "errors", to: [] },
  { from: "version", to: [] },
  { from: "thread-gate", to: [] },
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
  // It runs in a browser: no module of Node's, and of the client what needs none.
  {
    from: "console",
    to: ["client", "errors"],
    modules: ["preact", "preact/hooks", "uplot", "uplot/dist/uPlot.min.css"],
  },
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
  {
    from: "cli/seams",
    to: [...GROUND, "config", "daemon", "native", "tools", "sequencer/executor-threads"],
  },
  { from: "cli", to: [...GROUND, "client", "config", "native"] },
  { from: "main", to: ["cli"] },
  { from: "contract-engines", to: [...GROUND, "execution", "engines"] },
  // Entries of worker threads, and what they are composed of.
  { from: "threads/compile-worker", to: ["engines"] },
  { from: "threads/postgres-worker", to: [...GROUND, "storage"] },
  { from: "threads/redis-worker", to: [...GROUND, "storage"] },
  { from: "threads/backup-worker", to: [...GROUND, "storage"] },
  { from: "threads", to: [...GROUND, ...PARTS, "contract-engines"] },
  {
    from: "engine-options",
    to: [...GROUND, "execution", "sequencer", "service"],
    typesOnly: ["execution", "sequencer", "service"],
  },
  { from: "engine", to: [...GROUND, ...PARTS, "threads", "engine-options"] },
  // What the composition root is helped by.
  { from: "daemon/tokens", to: [...GROUND, "rpc"] },
  { from: "daemon/monitoring", to: [...GROUND, "client", "config", "engine", "observability"] },
  { from: "daemon/development", to: [...GROUND, ...PARTS, "engine"] },
  {
    from: "daemon/administration",
    to: [...GROUND, ...PARTS, "client", "daemon/tokens", "engine", "tools/database"],
    typesOnly: ["client", "engine"],
  },
  { from: "daemon", to: [...GROUND, ...PARTS, "engine", "cli/seams"], typesOnly: ["cli/seams"] },
  // What commands do to a data directory or a database.
  { from: "tools/audit", to: [...GROUND, "config", "storage", "cli/seams"], typesOnly: ["config", "cli/seams"] },
  { from: "tools/encryption", to: [...GROUND, "storage", "cli/seams"], typesOnly: ["cli/seams"] },
  { from: "tools/database", to: [...GROUND, "config", "storage", "cli/seams"], typesOnly: ["config", "cli/seams"] },
  { from: "tools/daemon-source", to: [...GROUND, "client", "storage"], typesOnly: ["client"] },
  {
    from: "tools/state",
    to: [...GROUND, "client", "config", "tools/daemon-source", "execution", "native", "storage", "cli/store-copies"],
    typesOnly: ["config", "cli/store-copies"],
  },
  { from: "tools", to: [...GROUND, ...PARTS, "contract-engines", "cli/seams"], typesOnly: ["cli/seams"] },
];
