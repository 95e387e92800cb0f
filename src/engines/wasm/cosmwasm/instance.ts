/**
 * CosmWasmInstance: what a call does to a contract's instance: run an entry point, keep the events of its response, carry
 * out its submessages, run its replies.
 *   execute ──▶ #run ──▶ guest ──▶ Response ──▶ events ──▶ dispatch ──▶ reply ──▶ Response …
 * Always
 *  - Each entry point finds the instance as new: contracts keep nothing but their state.
 *  - The guest is never entered while it runs. Its submessages run after it returned, so that another contract may well
 *    call it again; a query of its state while it runs gets an instance of its own.
 */
import { equalBytes } from "../../../encoding/bytes.ts";
import type { Outcome } from "../../../execution/host.ts";
import type { AbiFrame } from "../abi.ts";
import { GUEST_REVERT, type InstanceSlot } from "../instance-slot.ts";
import type { Addresses, KnownAddress } from "./addresses.ts";
import { type Coin, coinsOf } from "./coins.ts";
import { type DispatchDepth, dispatch, type Failure, type Replier } from "./dispatcher.ts";
import { envJson, infoJson, migrateInfoJson, replyJson, type SubMessageResult } from "./env.ts";
import { bankEvents, CONTRACT_ATTRIBUTE, type EventJournal, responseEvents } from "./events.ts";
import { CosmWasmFrame } from "./frame.ts";
import { MessageRunner } from "./message-runner.ts";
import { PlainLogs, plainAttributes } from "./plain-response.ts";
import { parseQueryResult, parseResponse, type Response, type SubMessage } from "./response.ts";
import { encodeRevert } from "./revert-text.ts";

/** What all CosmWasm contracts of a thread share. */
export interface CosmWasmChain {
  readonly addresses: Addresses;
  /** The native denomination. */
  readonly denom: string;
  readonly journal: EventJournal;
  readonly depth: DispatchDepth;
}

const EMPTY = new Uint8Array(0);
/** A response without messages and data, its events logged. */
const NOTHING_MORE: Response = { messages: [], attributes: [], events: [], data: undefined };
const DONE: Outcome = { status: "success", returnData: EMPTY };

export class CosmWasmInstance implements AbiFrame, Replier {
  readonly #slot: InstanceSlot;
  readonly #chain: CosmWasmChain;
  readonly #frame: CosmWasmFrame;
  readonly #runner: MessageRunner;
  #address: Uint8Array = EMPTY;
  #addressText = "";
  #plainLogs: PlainLogs | undefined;
  #envMade: { contract: string; height: number; timestampMs: number; chainId: number; bytes: Uint8Array } | undefined;

  constructor(slot: InstanceSlot, chain: CosmWasmChain) {
    const { addresses, denom, journal } = chain;
    const frame = new CosmWasmFrame(slot, addresses, denom);
    this.#slot = slot;
    this.#chain = chain;
    this.#frame = frame;
    this.#runner = new MessageRunner({
      get host() {
        return frame.host;
      },
      addresses,
      denom,
      journal,
      outside: (work) => slot.outside(work),
    });
  }

  get imports(): WebAssembly.Imports {
    return this.#frame.imports;
  }

  instantiate(message: Uint8Array): Outcome {
    return this.#run("instantiate", message, true, this.#codeId());
  }

  execute(message: Uint8Array): Outcome {
    return this.#run("execute", message, true, undefined);
  }

  /** Value that arrives without a message: a bank transfer, which runs no code. */
  receive(): Outcome {
    return DONE;
  }

  /** After an upgrade, with the new code in place. Contracts without `migrate` cannot be upgraded. */
  migrate(message: Uint8Array): Outcome {
    return this.#run("migrate", message, false, this.#codeId());
  }

  sudo(message: Uint8Array): Outcome {
    return this.#run("sudo", message, false, undefined);
  }

  query(message: Uint8Array): Outcome {
    if (!this.#frame.has("query")) return missing("query");
    try {
      const result = parseQueryResult(this.#frame.run("query", this.#env(), message));
      return "error" in result ? reverted(result.error) : { status: "success", returnData: result.ok };
    } catch (thrown) {
      return this.#aborted(thrown);
    }
  }

  reply(submessage: SubMessage, gasUsed: number, result: SubMessageResult): Response | Failure {
    if (!this.#frame.has("reply")) return { revertData: missing("reply").returnData };
    this.#slot.renew();
    const reply = Buffer.from(replyJson(submessage, gasUsed, result), "utf8");
    return this.#respond("reply", undefined, this.#env(), reply);
  }

  // ── an entry point that may write ───────────────────────────────────────────

  #run(entry: string, message: Uint8Array, hasInfo: boolean, codeId: string | undefined): Outcome {
    if (!this.#frame.has(entry)) return missing(entry);
    const { journal, depth, denom, addresses } = this.#chain;
    const { host } = this.#frame;
    const funds = coinsOf(host.value, denom);
    if (funds === undefined) return reverted("the value is above 2^128-1, which CosmWasm has no number for");
    const known = addresses.known(host.caller);
    const sender = known.text;
    const env = this.#env();
    const [second, third] = hasInfo
      ? [infoOf(known, funds), message]
      : // Contracts of two parameters leave the third argument alone.
        [message, entry === "migrate" ? Buffer.from(migrateInfoJson(sender), "utf8") : undefined];
    const mark = journal.enter();
    let isKept = false;
    try {
      if (host.value !== 0n)
        for (const event of bankEvents(sender, addresses.text(host.address), host.value, denom))
          journal.emit(host, event);
      const response = this.#respond(entry, codeId, env, second, third);
      if ("revertData" in response) return { status: "reverted", returnData: response.revertData };
      const end = dispatch(response, this.#runner, this, journal, depth);
      if ("revertData" in end) return { status: "reverted", returnData: end.revertData };
      isKept = true;
      return end.data === undefined ? DONE : { status: "success", returnData: end.data };
    } catch (thrown) {
      return this.#aborted(thrown);
    } finally {
      journal.leave(mark, isKept);
    }
  }

  /** Runs an entry point and keeps the events of its response. */
  #respond(
    entry: string,
    codeId: string | undefined,
    ...inputs: [env: Uint8Array, second: Uint8Array, third?: Uint8Array | undefined]
  ): Response | Failure {
    const { journal } = this.#chain;
    const { host } = this.#frame;
    const output = this.#frame.run(entry, ...inputs);
    const plain = codeId === undefined ? plainAttributes(output) : undefined;
    if (plain !== undefined) return this.#logPlain(entry, plain);
    const result = parseResponse(output);
    if ("error" in result) return { revertData: encodeRevert(result.error) };
    const contract = this.#contract();
    const events = responseEvents(result.ok, contract);
    if (typeof events === "string") return { revertData: encodeRevert(events) };
    const attributes = [{ key: CONTRACT_ATTRIBUTE, value: contract }];
    if (codeId !== undefined) attributes.push({ key: "code_id", value: codeId });
    journal.emit(host, { type: entry, attributes });
    for (const event of events) journal.emit(host, event);
    return result.ok;
  }

  #logPlain(entry: string, attributes: Uint8Array): Response {
    const { journal } = this.#chain;
    const { host } = this.#frame;
    const logs = this.#logsOf(this.#contract());
    journal.emitEncoded(host, entry, logs.entry(entry));
    if (attributes.length > 0) journal.emitEncoded(host, "wasm", logs.wasm(attributes));
    return NOTHING_MORE;
  }

  #aborted(thrown: unknown): Outcome {
    if (thrown !== GUEST_REVERT) throw thrown;
    return { status: "reverted", returnData: this.#frame.revertData };
  }

  #logsOf(contract: string): PlainLogs {
    if (this.#plainLogs?.contract !== contract) this.#plainLogs = new PlainLogs(contract);
    return this.#plainLogs;
  }

  /** The contract's own address as text; an instance is mostly used for one contract after itself. */
  #contract(): string {
    const { address } = this.#frame.host;
    if (!equalBytes(address, this.#address)) {
      this.#address = address.slice();
      this.#addressText = this.#chain.addresses.text(address);
    }
    return this.#addressText;
  }

  /** The same for all calls of a contract in a block. */
  #env(): Uint8Array {
    const { block } = this.#frame.host;
    const contract = this.#contract();
    const known = this.#envMade;
    const isKnown =
      known !== undefined &&
      known.contract === contract &&
      known.height === block.height &&
      known.timestampMs === block.timestampMs &&
      known.chainId === block.chainId;
    if (isKnown) return known.bytes;
    const { height, timestampMs, chainId } = block;
    const bytes = Buffer.from(envJson(block, contract), "utf8");
    this.#envMade = { contract, height, timestampMs, chainId, bytes };
    return bytes;
  }

  #codeId(): string {
    const { host } = this.#frame;
    return String(host.codeId(host.contractInfo(host.address)!.codeHash));
  }
}

function infoOf(caller: KnownAddress, funds: readonly Coin[]): Uint8Array {
  if (funds.length > 0) return infoJson(caller.text, funds);
  caller.info ??= infoJson(caller.text, funds);
  return caller.info;
}

function reverted(text: string): Outcome {
  return { status: "reverted", returnData: encodeRevert(text) };
}

function missing(entry: string): Outcome {
  return reverted(`the contract has no entry point ${entry}`);
}
