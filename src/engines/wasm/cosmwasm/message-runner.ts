/**
 * MessageRunner: carries out one message of a contract through the host. What can go wrong with it is an answer, never a throw.
 * Always
 *  - A message that fails leaves no trace in state and events.
 *  - The contract is told errors in wasmd's words where contracts are known to look for them (out of gas, no funds).
 */
import { BodyForm } from "../../../encoding/transaction.ts";
import { Halt } from "../../../execution/gas.ts";
import type { CallOutcome, HostContext } from "../../../execution/host.ts";
import { ADDRESS_BYTES, type Addresses, predictAddress } from "./addresses.ts";
import { type Coin, nativeAmount } from "./coins.ts";
import { gasForCallee } from "./costs.ts";
import { bankEvents, burnEvents, CONTRACT_ATTRIBUTE, type EventJournal } from "./events.ts";
import type { Message } from "./messages.ts";
import {
  emptyResponse,
  executeResponse,
  instantiateResponse,
  type MessageResponse,
  migrateResponse,
} from "./protobuf.ts";
import { encodeRevert, revertText } from "./revert-text.ts";

/** Of instantiate2: cosmwasm-std's limits. */
const SALT_BYTES_MAX = 64;
/** Errors that contracts recognise by their number in the Cosmos SDK. */
const OUT_OF_GAS = "codespace: sdk, code: 11";
const INSUFFICIENT_FUNDS = "codespace: sdk, code: 5";
const VM_ERROR = "codespace: wasm, code: 29";

export type MessageOutcome = { readonly gasUsed: number } & (
  | { readonly response: MessageResponse }
  | {
      /** What the contract that sent it is told. */
      readonly error: string;
      /** What the frame reverts with when nobody catches it: as the failed contract had it. */
      readonly revertData: Uint8Array;
    }
);

type Attempt = { readonly response: MessageResponse } | { readonly error: string; readonly revertData: Uint8Array };

/** @param error what the contract is told, when that is not the text itself. */
function failure(text: string, error = text): Attempt {
  return { error, revertData: encodeRevert(text) };
}

export interface RunnerContext {
  readonly host: HostContext;
  readonly addresses: Addresses;
  readonly denom: string;
  readonly journal: EventJournal;
  /** Around work that runs other contracts. */
  outside<Result>(work: () => Result): Result;
}

export class MessageRunner {
  readonly #context: RunnerContext;

  constructor(context: RunnerContext) {
    this.#context = context;
  }

  /**
   * @param limit of gas; undefined: all that is left but a reserve, and running out of it takes this frame along.
   * @throws Halt when this frame itself cannot go on.
   */
  run(message: Message, limit: number | undefined): MessageOutcome {
    const { host, outside } = this.#context;
    return outside(() => {
      const before = host.gas.remaining;
      const attempt = this.#attempt(message, Math.min(limit ?? gasForCallee(before), before));
      if (limit === undefined && "error" in attempt && attempt.error === OUT_OF_GAS) throw new Halt("OutOfGas");
      return { ...attempt, gasUsed: before - host.gas.remaining };
    });
  }

  #attempt(message: Message, gasLimit: number): Attempt {
    switch (message.kind) {
      case "send":
        return this.#send(message, gasLimit);
      case "burn":
        return this.#burn(message);
      case "execute":
        return this.#execute(message, gasLimit);
      case "instantiate":
        return this.#instantiate(message, gasLimit);
      case "migrate":
        return this.#migrate(message, gasLimit);
      case "setAdmin":
        return this.#setAdmin(message);
      case "unsupported":
        return failure(`unsupported message: this chain has no ${message.name}`);
    }
  }

  #send({ to, amount }: Message & { kind: "send" }, gasLimit: number): Attempt {
    const { host, addresses, journal, denom } = this.#context;
    const recipient = addresses.parse(to);
    if (typeof recipient === "string") return failure(`invalid recipient: ${recipient}`);
    const value = this.#cover(amount);
    if (typeof value !== "bigint") return value;
    if (value === 0n) return failure("invalid coins: nothing to send");
    const input = { form: BodyForm.none, bytes: new Uint8Array(0), start: 0, end: 0 };
    const outcome = host.call({ to: recipient, input, value, gasLimit, isStatic: false });
    if (outcome.status !== "success") return failed(outcome, "bank send failed");
    for (const event of bankEvents(addresses.text(host.address), to, value, denom)) journal.emit(host, event);
    return { response: emptyResponse("/cosmos.bank.v1beta1.MsgSendResponse") };
  }

  #burn({ amount }: Message & { kind: "burn" }): Attempt {
    const { host, addresses, journal, denom } = this.#context;
    const value = this.#cover(amount);
    if (typeof value !== "bigint") return value;
    if (value === 0n) return failure("invalid coins: nothing to burn");
    host.burn(value);
    for (const event of burnEvents(addresses.text(host.address), value, denom)) journal.emit(host, event);
    return { response: emptyResponse("/cosmos.bank.v1beta1.MsgBurnResponse") };
  }

  #execute({ contract, message, funds }: Message & { kind: "execute" }, gasLimit: number): Attempt {
    const { host } = this.#context;
    const to = this.#contract(contract);
    if (!(to instanceof Uint8Array)) return to;
    const value = this.#cover(funds);
    if (typeof value !== "bigint") return value;
    const input = { form: BodyForm.json, bytes: message, start: 0, end: message.length };
    const outcome = host.call({ to, input, value, gasLimit, isStatic: false });
    if (outcome.status !== "success") return failed(outcome, "execute wasm contract failed");
    return { response: executeResponse(outcome.returnData) };
  }

  #instantiate(request: Message & { kind: "instantiate" }, gasLimit: number): Attempt {
    const { host, addresses } = this.#context;
    const { codeId, message: init, salt } = request;
    const codeHash = host.codeHashOf(Number(codeId));
    if (codeHash === undefined) return failure(`no such code: ${codeId}`);
    const admin = request.admin === undefined ? undefined : addresses.parse(request.admin);
    if (typeof admin === "string") return failure(`invalid admin: ${admin}`);
    const value = this.#cover(request.funds);
    if (typeof value !== "bigint") return value;
    if (salt !== undefined && (salt.length === 0 || salt.length > SALT_BYTES_MAX))
      return failure(`invalid salt: expected 1 to ${SALT_BYTES_MAX} bytes, received ${salt.length}`);
    const predicted = salt && predictAddress(codeHash, host.address, salt, new Uint8Array(0));
    const address = predicted?.slice(0, ADDRESS_BYTES);
    const outcome = host.deploy({ codeHash, init, admin, address, value, gasLimit });
    if (outcome.status !== "success") return failed(outcome, "instantiate wasm contract failed");
    return {
      response: instantiateResponse(addresses.text(outcome.address), outcome.returnData, salt !== undefined),
    };
  }

  #migrate({ contract, codeId, message }: Message & { kind: "migrate" }, gasLimit: number): Attempt {
    const { host } = this.#context;
    const to = this.#contract(contract);
    if (!(to instanceof Uint8Array)) return to;
    const codeHash = host.codeHashOf(Number(codeId));
    if (codeHash === undefined) return failure(`no such code: ${codeId}`);
    const outcome = host.upgrade({ to, codeHash, message, gasLimit });
    if (outcome.status !== "success") return failed(outcome, "migrate wasm contract failed");
    return { response: migrateResponse(outcome.returnData) };
  }

  #setAdmin({ contract, admin }: Message & { kind: "setAdmin" }): Attempt {
    const { host, addresses, journal } = this.#context;
    const to = this.#contract(contract);
    if (!(to instanceof Uint8Array)) return to;
    const wanted = admin === undefined ? undefined : addresses.parse(admin);
    if (typeof wanted === "string") return failure(`invalid admin: ${wanted}`);
    const outcome = host.setAdmin(to, wanted);
    if (outcome.status !== "success") return failed(outcome, "unauthorized");
    journal.emit(host, {
      type: "update_contract_admin",
      attributes: [
        { key: CONTRACT_ATTRIBUTE, value: contract },
        { key: "new_admin_address", value: admin ?? "" },
      ],
    });
    const name = admin === undefined ? "MsgClearAdminResponse" : "MsgUpdateAdminResponse";
    return { response: emptyResponse(`/cosmwasm.wasm.v1.${name}`) };
  }

  #contract(text: string): Uint8Array | Attempt {
    const address = this.#context.addresses.parse(text);
    if (typeof address === "string") return failure(`invalid contract address: ${address}`);
    return this.#context.host.contractInfo(address) === undefined ? failure(`no such contract: ${text}`) : address;
  }

  /** What the coins come to, when this contract has as much. */
  #cover(coins: readonly Coin[]): bigint | Attempt {
    const { host, denom } = this.#context;
    const value = nativeAmount(coins, denom);
    if (typeof value === "string")
      return value.startsWith("insufficient funds") ? failure(value, INSUFFICIENT_FUNDS) : failure(value);
    if (value === 0n) return value;
    const balance = host.balanceOf(host.address);
    if (value <= balance) return value;
    return failure(`insufficient funds: ${balance}${denom} is smaller than ${value}${denom}`, INSUFFICIENT_FUNDS);
  }
}

function failed({ status, haltReason, returnData }: CallOutcome, what: string): Attempt {
  if (status === "reverted") {
    // With no reason of its own, the revert of the frame says at least what failed.
    if (returnData.length === 0) return failure(what);
    return { error: `${revertText(returnData)}: ${what}`, revertData: returnData };
  }
  if (haltReason === undefined || haltReason === "OutOfGas") return failure(`out of gas: ${what}`, OUT_OF_GAS);
  return failure(`halted, ${haltReason}: ${what}`, VM_ERROR);
}
