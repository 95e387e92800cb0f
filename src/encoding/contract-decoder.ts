/**
 * ContractDecoder: calls, results, logs and errors of a contract as names and arguments, by its ABI.
 * Always
 *  - What the ABI does not know, or cannot decode, is undefined; items that are malformed, or of types that are not
 *    supported, are left out: an ABI is what a contract claims.
 */
import {
  type AbiError,
  type AbiEvent,
  type AbiFunction,
  type AbiItem,
  abiErrorOf,
  abiEventOf,
  abiFunctionOf,
  type ContractAbi,
  decodeArguments,
  decodeLog,
  namedArguments,
  SELECTOR_BYTES,
  selectorKey,
} from "./abi.ts";
import { type DecodedError, describeError } from "./erc20-abi.ts";
import { toHex } from "./hex.ts";

export class ContractDecoder {
  readonly #functions = new Map<number, AbiFunction>();
  readonly #functionsByName = new Map<string, AbiFunction[]>();
  readonly #events = new Map<string, AbiEvent>();
  readonly #errors = new Map<number, AbiError>();

  constructor(abi: ContractAbi) {
    for (const item of abi) this.#add(item);
  }

  #add(item: AbiItem): void {
    try {
      if (item.type === "function") {
        const fn = abiFunctionOf(item);
        this.#functions.set(selectorKey(fn.selector), fn);
        this.#functionsByName.set(fn.name, [...(this.#functionsByName.get(fn.name) ?? []), fn]);
      } else if (item.type === "event") {
        const event = abiEventOf(item);
        this.#events.set(toHex(event.topic), event);
      } else if (item.type === "error") {
        const error = abiErrorOf(item);
        this.#errors.set(selectorKey(error.selector), error);
      }
    } catch {
      // Nothing of the contract's own is decoded by it.
    }
  }

  /** The function of this name, or signature, that takes so many arguments. */
  functionNamed(name: string, argumentCount: number): AbiFunction | undefined {
    const named = this.#functionsByName.get(name.split("(", 1)[0]!) ?? [];
    return named.find((fn) => (fn.name === name || fn.signature === name) && fn.inputs.length === argumentCount);
  }

  call(calldata: Uint8Array): { fn: AbiFunction; args: Record<string, unknown> | undefined } | undefined {
    const fn = calldata.length < SELECTOR_BYTES ? undefined : this.#functions.get(selectorKey(calldata));
    const values = fn && decodeArguments(fn, calldata);
    return fn && { fn, args: values && namedArguments(fn.inputs, values) };
  }

  log(topics: readonly Uint8Array[], data: Uint8Array): { event: string; args: Record<string, unknown> } | undefined {
    const event = topics[0] && this.#events.get(toHex(topics[0]));
    const values = event && decodeLog(event, topics, data);
    return event && values && { event: event.name, args: namedArguments(event.inputs, values) };
  }

  error(revertData: Uint8Array): DecodedError | undefined {
    const error = revertData.length < SELECTOR_BYTES ? undefined : this.#errors.get(selectorKey(revertData));
    return error && describeError(error, revertData);
  }
}
