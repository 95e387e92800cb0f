/** dev: what `serve --dev` offers whoever develops a contract: accounts, snapshots, time, empty blocks. */
import { grouped } from "../../client/amounts.ts";
import type { DevTimeJson } from "../../client/dev-methods.ts";
import { EngineError } from "../../errors.ts";
import type { Handler } from "../context.ts";
import type { Styles } from "../styles.ts";
import { fields, table } from "../table.ts";

const SPANS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const SPAN = /^(\d{1,12})(ms|s|m|h|d|w)$/;

export const accounts: Handler = async ({ remote, output }) => {
  const result = await remote.call("dev_accounts", {});
  output.result(result, () =>
    table(
      [
        { title: "name" },
        { title: "address" },
        { title: "nonce", align: "right" },
        { title: "balance", align: "right" },
      ],
      result.items.map(({ name, address, nonce, balance }) => [name, address, grouped(nonce), grouped(balance)]),
      output.styles.dim,
    ),
  );
};

export const snapshot: Handler = async ({ remote, output }) => {
  const result = await remote.call("dev_snapshot", {});
  const { snapshotId, height, stateRoot } = result;
  output.result(result, () =>
    fields(
      [
        ["snapshot", snapshotId],
        ["block", grouped(height)],
        ["state root", stateRoot],
      ],
      output.styles.dim,
    ),
  );
};

export const revert: Handler = async ({ remote, output }, args) => {
  const result = await remote.call("dev_revert", { snapshotId: args[0] as string });
  output.result(result, () =>
    fields(
      [
        ["back at block", grouped(result.height)],
        ["state root", result.stateRoot],
      ],
      output.styles.dim,
    ),
  );
};

export const time: Handler = async ({ remote, output }, _args, options) => {
  const { forward, next } = options as { forward?: string; next?: string };
  if ((forward === undefined) === (next === undefined))
    throw new EngineError("VALIDATION_ERROR", "say --forward SPAN, or --next TIME", { path: "--forward" });
  const result =
    forward === undefined
      ? await remote.call("dev_setNextBlockTimestamp", { timestampMs: timeOf(next!) })
      : await remote.call("dev_increaseTime", { ms: spanOf(forward) });
  output.result(result, () => clockText(result, output.styles));
};

export const mine: Handler = async ({ remote, output }, args) => {
  const [blocks] = args as [number | undefined];
  const result = await remote.call("dev_mine", blocks === undefined ? {} : { blocks });
  output.result(result, () =>
    fields(
      [
        ["block", grouped(result.height)],
        ["time", new Date(result.timestampMs).toISOString()],
      ],
      output.styles.dim,
    ),
  );
};

function clockText({ timestampMs, offsetMs }: DevTimeJson, { dim }: Styles): string {
  return fields(
    [
      ["a block made now", new Date(timestampMs).toISOString()],
      ["ahead of this machine", `${(offsetMs / 1000).toFixed(3)} s`],
    ],
    dim,
  );
}

function spanOf(text: string): number {
  const [, digits, unit] = SPAN.exec(text) ?? [];
  if (digits !== undefined) return Number(digits) * (unit === "ms" ? 1 : SPANS[unit!]!);
  throw refusal("--forward", "a number and ms, s, m, h, d or w", text);
}

function timeOf(text: string): number {
  const ms = /^\d{1,16}$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isSafeInteger(ms) && ms >= 0) return ms;
  throw refusal("--next", "milliseconds since 1970, or a time such as 2030-01-01T00:00:00Z", text);
}

function refusal(path: string, expected: string, received: string): EngineError {
  return new EngineError("VALIDATION_ERROR", `${path}: expected ${expected}, received ${JSON.stringify(received)}`, {
    path,
    expected,
    received,
  });
}
