/** backup, restore: a whole store as one file, and back. */

import { resolve } from "node:path";
import { grouped } from "../../client/amounts.ts";
import type { CommandContext, Handler, Options } from "../context.ts";
import { noted, runWithProgress } from "../long-work.ts";
import { openStateTools } from "../seams.ts";
import { configFor, nameOfStore, storeAddress } from "../store-address.ts";
import type { StoreAddress } from "../store-copies.ts";
import { bytesText, fields } from "../table.ts";

export const backup: Handler = async (context, args, options) => {
  const { output } = context;
  const from = addressIn("from", context, options);
  const file = resolve(context.cwd, args[0] as string);
  const tools = await openStateTools();
  const done = await runWithProgress(context, (run) =>
    tools.backup(from, { file, replace: options["force"] === true }, run),
  );
  await noted(configFor(context, options), from, "backup", { file, seq: done.seq });
  output.result(done, () =>
    fields(
      [
        ["backup", `${done.file} (${bytesText(done.bytes)})`],
        ["of", nameOfStore(from)],
        ["as of", `entry ${done.seq}, block ${done.height}`],
        ["state root", done.stateRoot],
        [
          "holds",
          `${grouped(done.rows)} rows of state, ${grouped(done.entries)} entries of the log${blobsText(done.blobs)}`,
        ],
        ["digest", done.digest],
        ["encrypted", done.keyId === null ? undefined : `under key ${done.keyId}`],
      ],
      output.styles.dim,
    ),
  );
};

export const restore: Handler = async (context, args, options) => {
  const { output } = context;
  const to = addressIn("to", context, options);
  const file = resolve(context.cwd, args[0] as string);
  const { keyFile } = configFor(context, options).encryption;
  const tools = await openStateTools();
  const done = await runWithProgress(context, (run) =>
    tools.restore(file, to, { replace: options["force"] === true, keyFile }, run),
  );
  await noted(configFor(context, options), to, "restore", { file, seq: done.seq, stateRoot: done.stateRoot });
  output.result(done, () =>
    fields(
      [
        ["restored", nameOfStore(to)],
        ["from", `${file}, made ${done.createdAt}`],
        ["as of", `entry ${done.seq}, block ${done.height}`],
        ["state root", `${done.stateRoot} ${output.styles.good("checked")}`],
        ["before", done.replaced === undefined ? undefined : `what was there is in ${done.replaced}`],
      ],
      output.styles.dim,
    ),
  );
};

/** --from or --to, or the data directory of the configuration. */
function addressIn(name: "from" | "to", context: CommandContext, options: Options): StoreAddress {
  const text = options[name] as string | undefined;
  if (text !== undefined) return storeAddress(text, `--${name}`, context, options);
  const { dataDir, encryption } = configFor(context, options);
  return { kind: "directory", path: dataDir, keyFile: encryption.keyFile };
}

function blobsText(count: number): string {
  return count === 0 ? "" : `, ${grouped(count)} rows of ciphertexts and keys`;
}
