/**
 * What typed clients of contracts stand on (`polytorus contract gen-client` writes them): a contract's entrypoints, events
 * and errors by its ABI, over a connection to a daemon.
 *   arguments ── ABI ──▶ calldata ── contract_query, tx_submit ──▶ answer, receipt ── ABI ──▶ values
 * Values are as in TypeScript: addresses and bytes are 0x hex, whole numbers of at most 32 bits are numbers, wider ones
 * bigint; several results make an array.
 */
import {
  type AbiError,
  type AbiEvent,
  type AbiFunction,
  type AbiInput,
  abiErrorOf,
  abiEventOf,
  abiFunctionOf,
  type ContractAbi,
  decodeArguments,
  decodeLog,
  encodeCall,
} from "../encoding/abi.ts";
import { decodeParameters } from "../encoding/abi-codec.ts";
import type { AbiType } from "../encoding/abi-types.ts";
import { SOLIDITY_ERRORS } from "../encoding/erc20-abi.ts";
import { fromHex, toHex } from "../encoding/hex.ts";
import { EngineError } from "../errors.ts";
import type { LogJson, MethodName, ParamsOf, ReceiptJson, ResultOf, TransactionJson } from "./methods.ts";

export type { ContractAbi } from "../encoding/abi.ts";

/** Whole numbers up to here are numbers: all of them are safe integers. */
export const NUMBER_BITS_MAX = 32;
/** Other transactions may run between the estimate and the call. */
const GAS_MARGIN_PERCENT = 20n;

/** A connection: `connect` of this package answers one. */
export interface Caller {
  call<M extends MethodName>(method: M, params: ParamsOf<M>): Promise<ResultOf<M>>;
}

export interface ContractOptions {
  /** Who sends, where a call does not say. */
  readonly sender?: string | undefined;
}

export interface QueryOptions {
  /** Who the contract takes for its caller. */
  readonly caller?: string | undefined;
  readonly gasLimit?: bigint | number | undefined;
  /** A retained height; the newest when left out. */
  readonly at?: number | undefined;
}

export interface SendOptions {
  readonly sender?: string | undefined;
  /** Native value for the contract. */
  readonly value?: bigint | undefined;
  /** Left out: what the daemon estimates and a fifth more. A call that reverts in the estimate is thrown, and not sent. */
  readonly gasLimit?: bigint | number | undefined;
  readonly nonce?: number | undefined;
  readonly id?: string | undefined;
}

export interface DeployOptions extends SendOptions {
  readonly sender: string;
}

/** An event or error of the contract, or one of Solidity's two errors, with its arguments by name. */
export interface NamedValues {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** What became of a transaction. `result` is set when it succeeded, `error` when the contract raised one that is known. */
export interface Sent<Result, Failure extends NamedValues> {
  readonly receipt: ReceiptJson;
  readonly result: Result | undefined;
  readonly error: Failure | SolidityError | undefined;
}

export type SolidityError =
  | { readonly name: "Error"; readonly args: { readonly message: string } }
  | { readonly name: "Panic"; readonly args: { readonly code: bigint } };

export abstract class ContractClient<Event extends NamedValues, Failure extends NamedValues> {
  readonly address: string;
  readonly #client: Caller;
  readonly #sender: string | undefined;
  /** By signature: `transfer(address,uint256)`. */
  readonly #functions: ReadonlyMap<string, AbiFunction>;
  readonly #events: readonly AbiEvent[];
  readonly #errors: readonly AbiError[];

  protected constructor(client: Caller, address: string, abi: ContractAbi, options: ContractOptions) {
    this.address = address;
    this.#client = client;
    this.#sender = options.sender;
    const functions = abi.filter(({ type }) => type === "function").map(abiFunctionOf);
    this.#functions = new Map(functions.map((fn) => [fn.signature, fn]));
    this.#events = abi.filter(({ type }) => type === "event").map(abiEventOf);
    this.#errors = [...abi.filter(({ type }) => type === "error").map(abiErrorOf), ...Object.values(SOLIDITY_ERRORS)];
  }

  /** The events among logs that this contract wrote and its ABI describes, in order. */
  eventsOf(logs: readonly LogJson[]): Event[] {
    const own = logs.filter(({ address }) => address.toLowerCase() === this.address.toLowerCase());
    return own.flatMap((log) => {
      const topics = log.topics.map((topic) => bytesOf(topic, "a log's topic"));
      const data = bytesOf(log.data, "a log's data");
      for (const event of this.#events) {
        const values = decodeLog(event, topics, data);
        if (values !== undefined) return [{ name: event.name, args: namedValues(event.inputs, values) } as Event];
      }
      return [];
    });
  }

  /** The error in a revert's data, as hex; undefined when it is none that the ABI describes. */
  errorOf(data: string): Failure | SolidityError | undefined {
    const bytes = bytesOf(data, "a revert's data");
    for (const error of this.#errors) {
      const values = decodeArguments(error, bytes);
      if (values !== undefined)
        return { name: error.name, args: namedValues(error.inputs, values) } as Failure | SolidityError;
    }
    return undefined;
  }

  /** @throws EngineError: REVERTED with the error in `facts.revert`, and every other that `contract_query` has. */
  protected async queryContract(
    signature: string,
    args: readonly unknown[],
    options: QueryOptions = {},
  ): Promise<unknown> {
    const fn = this.#function(signature);
    const { returnData } = await this.#client.call("contract_query", {
      address: this.address,
      calldata: toHex(encodeCall(fn, args)),
      caller: options.caller ?? this.#sender,
      gasLimit: options.gasLimit?.toString(),
      at: options.at,
    });
    return resultOf(fn, returnData);
  }

  /** Sends one transaction and waits until it is durable. @throws EngineError when nothing of it ran. */
  protected async sendTransaction(
    signature: string,
    args: readonly unknown[],
    options: SendOptions = {},
  ): Promise<Sent<unknown, Failure>> {
    const fn = this.#function(signature);
    const calldata = toHex(encodeCall(fn, args));
    const sender = options.sender ?? this.#sender;
    if (sender === undefined)
      throw new EngineError("VALIDATION_ERROR", `${fn.name}: expected a sender in its options or the client's`, {
        path: "options.sender",
      });
    const receipt = await submit(this.#client, { kind: "call", to: this.address, calldata }, { ...options, sender });
    return {
      receipt,
      result: receipt.status === "success" ? resultOf(fn, receipt.returnData) : undefined,
      error: receipt.status === "reverted" ? this.errorOf(receipt.returnData) : undefined,
    };
  }

  #function(signature: string): AbiFunction {
    const fn = this.#functions.get(signature);
    if (fn !== undefined) return fn;
    throw new EngineError("UNKNOWN_ENTRYPOINT", `the contract's ABI has no function ${signature}`, { signature });
  }
}

/**
 * Deploys a WebAssembly module. @returns the new contract's address.
 * @throws EngineError REVERTED or HALTED when its constructor fails, with the receipt in `facts.receipt`.
 */
export async function deployContract(
  client: Caller,
  code: Uint8Array | string,
  init: readonly unknown[],
  options: DeployOptions,
): Promise<string> {
  const contract = { type: "wasm", code: typeof code === "string" ? code : toHex(code), init: init.map(jsonOf) };
  const receipt = await submit(client, { kind: "deploy", contract }, options);
  if (receipt.status === "success" && receipt.contractAddress !== null) return receipt.contractAddress;
  throw new EngineError(receipt.status === "reverted" ? "REVERTED" : "HALTED", `the deployment ${receipt.status}`, {
    receipt,
  });
}

async function submit(
  client: Caller,
  parts: Pick<TransactionJson, "kind" | "to" | "calldata" | "contract">,
  options: DeployOptions,
): Promise<ReceiptJson> {
  const transaction = {
    ...parts,
    sender: options.sender,
    value: options.value?.toString(),
    nonce: options.nonce,
    id: options.id,
  };
  const gasLimit = options.gasLimit?.toString() ?? (await estimated(client, transaction));
  const answer = await client.call("tx_submit", { transaction: { ...transaction, gasLimit }, wait: "durable" });
  return answer as ReceiptJson;
}

async function estimated(client: Caller, transaction: Omit<TransactionJson, "gasLimit">): Promise<string> {
  const { gasLimit } = await client.call("tx_estimateGas", { transaction: { ...transaction, gasLimit: "0" } });
  return ((BigInt(gasLimit) * (100n + GAS_MARGIN_PERCENT)) / 100n).toString();
}

function resultOf(fn: AbiFunction, returnData: string): unknown {
  const values = decodeParameters(fn.outputTypes, bytesOf(returnData, "an answer's data"));
  if (values === undefined)
    throw new EngineError("INTERNAL_ERROR", `${fn.signature} answered ${returnData}, which its ABI does not describe`, {
      signature: fn.signature,
      returnData,
    });
  const typed = values.map((value, index) => typedValue(fn.outputTypes[index]!, value));
  return typed.length > 1 ? typed : typed[0];
}

/** An argument without a name is `arg` and its position; one whose name another has before it ends in underscores. */
function namedValues(inputs: readonly AbiInput[], values: readonly unknown[]): Record<string, unknown> {
  const named = new Map<string, unknown>();
  for (const [index, { name, type }] of inputs.entries()) {
    let unique = name === "" ? `arg${index}` : name;
    while (named.has(unique)) unique += "_";
    named.set(unique, typedValue(type, values[index]));
  }
  return Object.fromEntries(named);
}

/** JSON of the codec as TypeScript has it. An indexed argument of dynamic type is its hash: text, whatever its type. */
function typedValue(type: AbiType, value: unknown): unknown {
  if (type.kind === "array" && Array.isArray(value)) return value.map((item) => typedValue(type.item, item));
  if (type.kind !== "uint" && type.kind !== "int") return value;
  return type.bits <= NUMBER_BITS_MAX ? Number(value) : BigInt(value as string);
}

function jsonOf(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return toHex(value);
  return Array.isArray(value) ? value.map(jsonOf) : value;
}

function bytesOf(text: string, what: string): Uint8Array {
  const bytes = fromHex(text);
  if (bytes === undefined) throw new EngineError("INTERNAL_ERROR", `${what}: expected 0x hex, received ${text}`);
  return bytes;
}
