/** seed: sample data on a development chain, by a file or built in. The daemon runs it and keeps a record of it. */

import { resolve } from "node:path";
import type { SeedTransactionJson } from "../../client/admin-methods.ts";
import { grouped } from "../../client/amounts.ts";
import { EngineError } from "../../errors.ts";
import type { Handler } from "../context.ts";
import { parseJson, readInput } from "../input-files.ts";
import { fields } from "../table.ts";

export const seed: Handler = async ({ remote, output, cwd }, args, options) => {
  const file = args[0] as string | undefined;
  const transactions = file === undefined ? undefined : transactionsIn(resolve(cwd, file));
  const result = await remote.call("admin_seed", {
    ...(transactions === undefined ? {} : { transactions }),
    ...(options["force"] === true ? { force: true } : {}),
  });
  output.result(result, () =>
    fields(
      [
        [
          "seeded",
          `${grouped(result.applied)} transactions, ${grouped(result.transactions - result.applied)} were there already`,
        ],
        ["block", grouped(result.blockHeight)],
        ...Object.entries(result.contracts),
      ],
      output.styles.dim,
    ),
  );
};

function transactionsIn(file: string): readonly SeedTransactionJson[] {
  const { transactions } = (parseJson(readInput(file, "FILE").toString(), "FILE") ?? {}) as { transactions?: unknown };
  if (Array.isArray(transactions) && transactions.length > 0) return transactions as SeedTransactionJson[];
  throw new EngineError("VALIDATION_ERROR", `${file}: expected { "transactions": [ … ] } with at least one`, {
    path: file,
    expected: "transactions",
  });
}
