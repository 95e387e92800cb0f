/** state export, import, copy. */

import { once } from "node:events";
import { resolve } from "node:path";
import { grouped } from "../../client/amounts.ts";
import { EngineError } from "../../errors.ts";
import type { Handler } from "../context.ts";
import { noted, runWithProgress } from "../long-work.ts";
import { openStateTools } from "../seams.ts";
import { configFor, nameOfStore, storeAddress } from "../store-address.ts";
import type { ExportReport, StateFormat } from "../store-copies.ts";
import { fields } from "../table.ts";

export const exportState: Handler = async (context, _args, options) => {
  const { output, cwd } = context;
  const config = configFor(context, options);
  const named = options["from"] as string | undefined;
  const from =
    named === undefined
      ? ({ kind: "directory", path: config.dataDir, keyFile: config.encryption.keyFile } as const)
      : storeAddress(named, "--from", context, options);
  const out = options["out"] as string | undefined;
  if (out === undefined && !output.isForPeople)
    throw new EngineError("VALIDATION_ERROR", "--json says what was exported; name a file for the state with --out", {
      path: "--out",
      expected: "a file",
      received: null,
    });
  const { schema } = config.storage.postgres;
  const target = {
    format: options["format"] as StateFormat,
    schema,
    file: out === undefined ? undefined : resolve(cwd, out),
    replace: options["force"] === true,
  };
  const tools = await openStateTools();
  const done = await runWithProgress(context, (run) => tools.export(from, target, print, run));
  await noted(config, from, "state export", { file: target.file ?? "standard output", seq: done.seq });
  if (out === undefined) {
    if (output.isTalkLive) output.talk(exportText(done));
    return;
  }
  output.result({ file: target.file, ...done }, () => `${target.file}\n${exportText(done)}`);
};

function exportText({ height, stateRoot, rows, sections }: ExportReport): string {
  const parts = Object.entries(sections).map(([name, section]) => `${grouped(section.rows)} ${name}`);
  return `exported ${grouped(rows)} rows at block ${height}: ${parts.join(", ")}\nstate root ${stateRoot}`;
}

async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}

export const importState: Handler = async (context, args, options) => {
  const { output, cwd } = context;
  const config = configFor(context, options);
  const named = options["to"] as string | undefined;
  const to =
    named === undefined
      ? ({ kind: "directory", path: config.dataDir, keyFile: config.encryption.keyFile } as const)
      : storeAddress(named, "--to", context, options);
  const file = resolve(cwd, args[0] as string);
  const settings = { replace: options["force"] === true, validate: options["skipValidation"] !== true };
  const tools = await openStateTools();
  const done = await runWithProgress(context, (run) => tools.import(file, to, settings, run));
  await noted(config, to, "state import", { file, seq: done.seq, validated: done.validated });
  output.result(done, () =>
    fields(
      [
        ["imported", `${grouped(done.rows)} rows into ${nameOfStore(to)}`],
        ["resumed", done.resumedRows === 0 ? undefined : `${grouped(done.resumedRows)} of them by an earlier run`],
        ["begins with", `block ${done.height}, entry ${done.seq}: nothing before it can be asked for`],
        [
          "state root",
          `${done.stateRoot} ${done.validated ? output.styles.good("checked") : output.styles.bad("not checked")}`,
        ],
        ["before", done.replaced === undefined ? undefined : `what was there is in ${done.replaced}`],
        [
          "missing",
          done.handles === 0
            ? undefined
            : `the ciphertexts of ${grouped(done.handles)} encrypted values: an export has none, a backup does`,
        ],
      ],
      output.styles.dim,
    ),
  );
};

export const copy: Handler = async (context, _args, options) => {
  const { output } = context;
  const from = storeAddress(options["from"] as string, "--from", context, options);
  const to = storeAddress(options["to"] as string, "--to", context, options);
  const tools = await openStateTools();
  const done = await runWithProgress(context, (run) =>
    tools.copy(from, to, { replace: options["force"] === true }, run),
  );
  await noted(configFor(context, options), to, "state copy", { from: nameOfStore(from), seq: done.seq });
  output.result(done, () =>
    fields(
      [
        ["copied", `${nameOfStore(from)} to ${nameOfStore(to)}`],
        ["as of", `entry ${done.seq}, block ${done.height}`],
        ["state root", `${done.stateRoot} ${output.styles.good("equal on both sides")}`],
        ["before", done.replaced === undefined ? undefined : `what was there is in ${done.replaced}`],
      ],
      output.styles.dim,
    ),
  );
};
