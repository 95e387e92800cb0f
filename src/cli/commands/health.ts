/** health: the daemon's status and each part of its storage, asked now. For people, and by its exit code for scripts. */
import type { ConnectivityJson } from "../../client/storage-methods.ts";
import type { CommandContext, Handler } from "../context.ts";
import { fields, table } from "../table.ts";

/** A part of it is not as it should be. */
const EXIT_UNAVAILABLE = 69;

export const health: Handler = async (context) => {
  const { remote, output } = context;
  const { storage, height, version } = await remote.call("engine_info", {});
  const connectivity = await remote.call("storage_connectivity", {});
  const status = String(storage["state"]);
  const isWell = status === "ready" || status === "replica";
  output.result({ status, version, height, ...connectivity }, () => {
    const shown = isWell ? output.styles.good(status) : output.styles.bad(status);
    return healthText(`${shown} at block ${height}`, connectivity, context);
  });
  if (!isWell) context.exit(EXIT_UNAVAILABLE);
};

function healthText(status: string, { backends }: ConnectivityJson, { output }: CommandContext): string {
  const { styles } = output;
  const rows = backends.map(({ name, status: state, latencyMs, version, where, error }) => [
    name,
    state === "ok" ? styles.good(state) : styles.bad(state),
    latencyMs === null ? "" : `${latencyMs} ms`,
    version ?? "",
    error ?? where,
  ]);
  const columns = [
    { title: "part" },
    { title: "status" },
    { title: "round trip" },
    { title: "version" },
    { title: "" },
  ];
  return [fields([["status", status]], styles.dim), table(columns, rows, styles.dim)].join("\n");
}
