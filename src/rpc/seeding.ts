/**
 * Sample data: transactions with labels, run in order. Each has an id that follows from what it says and where it stands, so that
 * seeding twice, or again after it broke off, runs nothing twice.
 */
import { createHash } from "node:crypto";
import type { SeedResultJson, SeedTransactionJson } from "../client/admin-methods.ts";
import type { ByteWriter } from "../encoding/bytes.ts";
import { encodeTransaction, type TransactionJson } from "../encoding/transaction.ts";
import { EngineError, toEngineError } from "../errors.ts";
import { requireRole, roleForKind } from "./access.ts";
import type { MethodContext } from "./method.ts";
import { BlockReceipts } from "./receipt-text.ts";
import type { SubmissionOutcome } from "./services.ts";
import { inside, requireTransactionObject } from "./transaction-batch.ts";
import { invalid, isObject } from "./validate.ts";

const LABEL = /^[A-Za-z0-9_-]{1,64}$/;
const REFERENCE = /^@([A-Za-z0-9_-]{1,64})$/;

const BEFORE_IT = "those before it are on the chain";

interface Ran {
  height: number;
  contractAddress: string | undefined;
}

/** @throws EngineError with the index of the first transaction that was rejected or did not succeed; those before it are on the chain. */
export async function seed(
  transactions: readonly SeedTransactionJson[],
  context: MethodContext,
): Promise<SeedResultJson> {
  for (const [index, transaction] of (transactions as readonly unknown[]).entries()) {
    if (!isObject(transaction)) throw invalid(`transactions[${index}]`, "a transaction object", transaction);
    const { label } = transaction;
    if (label !== undefined && !(typeof label === "string" && LABEL.test(label)))
      throw invalid(`transactions[${index}].label`, "up to 64 letters, digits, _ and -", label);
  }
  const before = context.service.info()["height"] as number;
  const contracts: Record<string, string> = {};
  let applied = 0;
  let blockHeight = before;
  for (let from = 0; from < transactions.length; ) {
    const part = nextPart(transactions, from, contracts, context.limits.batchMax);
    for (const [index, { height, contractAddress }] of (await run(part, from, context)).entries()) {
      const { label } = transactions[from + index]!;
      if (label !== undefined && contractAddress !== undefined) contracts[label] = contractAddress;
      if (height > before) applied++;
      blockHeight = Math.max(blockHeight, height);
    }
    from += part.length;
  }
  return { transactions: transactions.length, applied, blockHeight, contracts };
}

/** As many as can run together: up to one that names a contract which the part itself deploys. */
function nextPart(
  transactions: readonly SeedTransactionJson[],
  from: number,
  contracts: Record<string, string>,
  countMax: number,
): TransactionJson[] {
  const part: TransactionJson[] = [];
  for (let index = from; index < transactions.length && part.length < countMax; index++) {
    const { label: _, ...transaction } = transactions[index]!;
    const labels = transactions.slice(from, index).flatMap(({ label }) => label ?? []);
    const named = references(transaction);
    if (named.some((name) => labels.includes(name))) break;
    const unknown = named.find((name) => contracts[name] === undefined);
    if (unknown !== undefined)
      throw invalid(`transactions[${index}]`, "a label of an earlier transaction that deploys", `@${unknown}`);
    part.push(withId(resolved(transaction, contracts), index));
  }
  return part;
}

function references(transaction: TransactionJson): string[] {
  const { to, args } = transaction as { to?: unknown; args?: unknown };
  return [to, ...(Array.isArray(args) ? args : [])].flatMap((value) =>
    typeof value === "string" ? (REFERENCE.exec(value)?.[1] ?? []) : [],
  );
}

function resolved(transaction: TransactionJson, contracts: Record<string, string>): TransactionJson {
  const put = (value: unknown): unknown => {
    const name = typeof value === "string" ? REFERENCE.exec(value)?.[1] : undefined;
    return name === undefined ? value : contracts[name];
  };
  const { to, args } = transaction as { to?: unknown; args?: unknown };
  return {
    ...transaction,
    ...(to === undefined ? {} : { to: put(to) }),
    ...(Array.isArray(args) ? { args: args.map(put) } : {}),
  } as TransactionJson;
}

function withId(transaction: TransactionJson, index: number): TransactionJson {
  if (transaction.id !== undefined) return transaction;
  const hash = createHash("sha256")
    .update(`polytorus seed ${index} ${JSON.stringify(transaction)}`)
    .digest("hex");
  return { ...transaction, id: `0x${hash}` };
}

async function run(part: readonly TransactionJson[], place: number, context: MethodContext): Promise<Ran[]> {
  const { service, caller, abis } = context;
  const encode = (out: ByteWriter): number => {
    for (const [index, transaction] of part.entries()) {
      const at = `transactions[${place + index}]`;
      requireTransactionObject(transaction, at);
      requireRole(caller, roleForKind(transaction.kind), at);
      try {
        encodeTransaction(transaction, out);
      } catch (thrown) {
        throw inside(toEngineError(thrown), at);
      }
    }
    return part.length;
  };
  const outcome = await new Promise<SubmissionOutcome>((settle, fail) =>
    service.submit(encode, "durable", { settle, fail }),
  );
  return part.map((_, index) => {
    const at = `transactions[${place + index}]`;
    const rejection = outcome.rejection(index);
    if (rejection !== undefined)
      throw new EngineError(rejection.code, `${at}: ${rejection.message}; ${BEFORE_IT}`, {
        ...rejection.facts,
        path: at,
      });
    const block = outcome.block(index)!;
    const text = new BlockReceipts(block, abis).summary(outcome.position(index));
    const { status, contractAddress } = JSON.parse(text) as { status: string; contractAddress?: string };
    if (status !== "success")
      throw new EngineError(status === "reverted" ? "REVERTED" : "HALTED", `${at} ${status}; ${BEFORE_IT}`, {
        path: at,
      });
    return { height: block.height, contractAddress };
  });
}
