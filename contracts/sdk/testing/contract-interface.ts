/** Calldata, results, errors and events of a contract, by the names in its ABI. */
import {
  type AbiError,
  type AbiEvent,
  type AbiFunction,
  abiErrorOf,
  abiEventOf,
  abiFunctionOf,
  type ContractAbi,
  decodeArguments,
  decodeLog,
  decodeResult,
  encodeCall,
  namedArguments,
} from "../../../src/encoding/abi.ts";
import { encodeParameters } from "../../../src/encoding/abi-codec.ts";
import { parseAbiType } from "../../../src/encoding/abi-types.ts";
import { SOLIDITY_ERRORS } from "../../../src/encoding/erc20-abi.ts";
import type { TestLog } from "./test-state.ts";

export interface RaisedError {
  /** "" when the frame reverted without data that is an error of the ABI, of Solidity, or of a contract it called. */
  readonly name: string;
  readonly args: Record<string, unknown>;
}

export interface NamedEvent {
  readonly address: string;
  readonly event: string;
  readonly args: Record<string, unknown>;
}

export class ContractInterface {
  readonly #functions: ReadonlyMap<string, AbiFunction>;
  readonly #events: readonly AbiEvent[];
  readonly #errors: readonly AbiError[];
  readonly #constructorTypes: readonly string[];

  constructor(abi: ContractAbi) {
    const items = (type: string) => abi.filter((item) => item.type === type);
    this.#functions = new Map(items("function").map((item) => [item.name ?? "", abiFunctionOf(item)]));
    this.#events = items("event").map(abiEventOf);
    this.#errors = [...items("error").map(abiErrorOf), ...Object.values(SOLIDITY_ERRORS)];
    this.#constructorTypes = (items("constructor")[0]?.inputs ?? []).map(({ type }) => type);
  }

  encodeDeployment(args: readonly unknown[]): Uint8Array {
    return encodeParameters(
      this.#constructorTypes.map((type) => parseAbiType(type)),
      args,
    );
  }

  encodeCall(entrypoint: string, args: readonly unknown[]): Uint8Array {
    return encodeCall(this.#function(entrypoint), args);
  }

  decodeResult(entrypoint: string, returnData: Uint8Array): unknown {
    const result = decodeResult(this.#function(entrypoint), returnData);
    if (result === undefined) throw new Error(`${entrypoint} answered ${returnData.length} bytes that do not decode`);
    return result;
  }

  decodeError(data: Uint8Array): RaisedError {
    for (const error of this.#errors) {
      const values = decodeArguments(error, data);
      if (values !== undefined) return { name: error.name, args: namedArguments(error.inputs, values) };
    }
    return { name: "", args: {} };
  }

  decodeLog({ address, topics, data }: TestLog): NamedEvent | undefined {
    for (const event of this.#events) {
      const values = decodeLog(event, topics, data);
      if (values !== undefined) return { address, event: event.name, args: namedArguments(event.inputs, values) };
    }
    return undefined;
  }

  #function(entrypoint: string): AbiFunction {
    const fn = this.#functions.get(entrypoint);
    if (fn !== undefined) return fn;
    throw new Error(`expected one of ${[...this.#functions.keys()].join(", ")}, received ${entrypoint}`);
  }
}
