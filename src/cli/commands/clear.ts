/** clear: deletes what a daemon kept in its data directory, after it said what. The audit log stays, with a record of it. */

import { grouped } from "../../client/amounts.ts";
import { loadConfig } from "../../config/load.ts";
import { EngineError } from "../../errors.ts";
import type { Handler } from "../context.ts";
import { audited, type ClosedDataDir, closedDataDir } from "../seams.ts";

export const clear: Handler = async (context, _args, options) => {
  const { output, environment, cwd } = context;
  const flags = { data_dir: options["dataDir"] };
  const { config } = loadConfig({ file: options["config"] as string | undefined, flags, environment, cwd });
  const { dataDir, storage } = config;
  const directory = await closedDataDir(dataDir);
  try {
    const { parts } = directory;
    const listed = parts.map(partText).join("\n");
    if (parts.length === 0) {
      output.result({ dataDir, deleted: [] }, () => `there is nothing in ${dataDir}`);
      return;
    }
    if (
      options["force"] !== true &&
      !(await output.confirm(`${dataDir} holds\n${listed}\ndelete all of it, for good?`))
    )
      throw new EngineError("DATA_WOULD_BE_LOST", `nothing was deleted; --force deletes from ${dataDir}\n${listed}`, {
        dataDir,
        parts,
      });
    await audited(config, { action: "clear", facts: { parts } }, async () => directory.clear());
    const note =
      storage.kind === "postgres" ? "\nPostgreSQL still has its schema: `polytorus db reset --force` drops it" : "";
    output.result({ dataDir, deleted: parts }, () => `deleted from ${dataDir}\n${listed}${note}`);
  } finally {
    directory.close();
  }
};

function partText({ name, files, bytes }: ClosedDataDir["parts"][number]): string {
  return `  ${name}  ${grouped(bytes)} bytes${files === 1 ? "" : ` in ${grouped(files)} files`}`;
}
