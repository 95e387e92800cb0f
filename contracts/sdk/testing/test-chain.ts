/**
 * A chain in memory for the tests of contracts: deployments, calls, contracts that call one another, reverts that take
 * everything back. It runs the module that was built, through AssemblyScript's loader, each frame in an instance of its own.
 *
 *   const chain = new TestChain();
 *   const token = chain.deploy(await loadArtifact("token"), ["Gold", "GLD", 18, "1000"], { from: alice });
 *   token.call("transfer", [bob, "40"], { from: alice });
 *   token.query("balanceOf", [bob]);          // "40"
 *
 * Gas is not metered here: what a contract costs, the engine tells (`tx_estimateGas`).
 */
import { instantiateSync } from "@assemblyscript/loader";
import { encodeError } from "../../../src/encoding/abi.ts";
import { SOLIDITY_ERRORS } from "../../../src/encoding/erc20-abi.ts";
import type { Artifact } from "./artifact.ts";
import { ContractInterface, type NamedEvent, type RaisedError } from "./contract-interface.ts";
import { FrameHalt, FrameImports, FrameRevert, type TestFrame, type TestOutcome } from "./frame-imports.ts";
import { TestState } from "./test-state.ts";

const GAS_LIMIT = 10_000_000n;
/** The engine's limit of nested calls is a parameter of its chain; this one only keeps a test from recursing for ever. */
const DEPTH_MAX = 64;
const NO_BYTES = new Uint8Array();

export interface Sending {
  readonly from: string;
  readonly value?: bigint;
}

export interface CallReport {
  readonly status: TestOutcome["status"];
  /** Of a success: nothing is null, one value stands alone, several make an array. */
  readonly result: unknown;
  /** Of a revert. */
  readonly error: RaisedError | undefined;
  /** Of a halt. */
  readonly reason: string | undefined;
  readonly events: readonly NamedEvent[];
}

export class TestChain {
  readonly state = new TestState();
  height = 1;
  timestampMs = 1_700_000_000_000;
  readonly chainId = 1;
  readonly #contracts = new Map<string, Deployed>();
  #depth = 0;

  /** @throws Error when the constructor fails, with its error. */
  deploy(artifact: Artifact, args: readonly unknown[], { from, value = 0n }: Sending): TestContract {
    const address = `0x${(this.#contracts.size + 1).toString(16).padStart(40, "c0de")}`;
    const face = new ContractInterface(artifact.abi);
    this.#contracts.set(address, { module: new WebAssembly.Module(artifact.code), face });
    const input = face.encodeDeployment(args);
    const outcome = this.#enter(frameOf(address, from, value, input, false), "deploy");
    if (outcome.status !== "success") {
      this.#contracts.delete(address);
      const cause = outcome.reason ?? JSON.stringify(face.decodeError(outcome.returnData));
      throw new Error(`${artifact.name} was not deployed, its constructor ${outcome.status}: ${cause}`);
    }
    return new TestContract(this, address, face);
  }

  /** Runs new code over the state that a contract has, as an upgrade does. */
  upgrade(contract: TestContract, artifact: Artifact): TestContract {
    const face = new ContractInterface(artifact.abi);
    this.#contracts.set(contract.address, { module: new WebAssembly.Module(artifact.code), face });
    return new TestContract(this, contract.address, face);
  }

  send(to: string, input: Uint8Array, { from, value = 0n }: Sending, isStatic = false): TestOutcome {
    return this.run(frameOf(to, from, value, input, isStatic));
  }

  /** Every event of the logs since `start`, under the names of the contract that wrote each. */
  eventsSince(start: number): NamedEvent[] {
    return this.state.logs.slice(start).flatMap((log) => {
      const event = this.#contracts.get(log.address)?.face.decodeLog(log);
      return event === undefined ? [] : [event];
    });
  }

  /** One frame: what it wrote stays only when it succeeds. */
  run(frame: TestFrame): TestOutcome {
    return this.#enter(frame, "call");
  }

  #enter(frame: TestFrame, entry: "deploy" | "call"): TestOutcome {
    const restore = this.state.checkpoint();
    this.#depth++;
    const outcome = this.#attempt(frame, entry);
    this.#depth--;
    if (outcome.status !== "success") restore();
    return outcome;
  }

  #attempt(frame: TestFrame, entry: "deploy" | "call"): TestOutcome {
    if (!this.state.transfer(frame.caller, frame.self, frame.value))
      return { status: "reverted", returnData: NO_BYTES };
    const contract = this.#contracts.get(frame.self);
    if (contract === undefined) return { status: "success", returnData: NO_BYTES };
    try {
      if (this.#depth > DEPTH_MAX) throw new FrameHalt(`more than ${DEPTH_MAX} nested calls`);
      return { status: "success", returnData: this.#execute(contract.module, frame, entry) };
    } catch (problem) {
      if (problem instanceof FrameRevert) return { status: "reverted", returnData: problem.data };
      const isHalt = problem instanceof FrameHalt || problem instanceof WebAssembly.RuntimeError;
      if (!isHalt) throw problem;
      return { status: "halted", returnData: NO_BYTES, reason: problem.message };
    }
  }

  #execute(module: WebAssembly.Module, frame: TestFrame, entry: "deploy" | "call"): Uint8Array {
    let exports: TestExports | undefined;
    const memory = () => new Uint8Array(exports!.memory.buffer);
    const imports = new FrameImports(this, frame, memory);
    const abort = (message: number, file: number, line: number, column: number): never => {
      const text = (pointer: number) => (pointer === 0 ? "" : exports!.__getString(pointer));
      const where = `${text(file)}:${line}:${column}`;
      throw new FrameRevert(encodeError(SOLIDITY_ERRORS.Error, [`abort: ${text(message)} at ${where}`]));
    };
    exports = instantiateSync(module, { polytorus: imports.functions(), env: { abort } })
      .exports as unknown as TestExports;
    exports[entry]();
    return imports.answer;
  }
}

interface Deployed {
  readonly module: WebAssembly.Module;
  readonly face: ContractInterface;
}

interface TestExports {
  readonly memory: WebAssembly.Memory;
  __getString(pointer: number): string;
  deploy(): void;
  call(): void;
}

function frameOf(self: string, from: string, value: bigint, input: Uint8Array, isStatic: boolean): TestFrame {
  return { self, caller: from, sender: from, value, input, isStatic, gasLimit: GAS_LIMIT };
}

export class TestContract {
  readonly address: string;
  readonly #chain: TestChain;
  readonly #face: ContractInterface;

  constructor(chain: TestChain, address: string, face: ContractInterface) {
    this.#chain = chain;
    this.address = address;
    this.#face = face;
  }

  /** One transaction. */
  call(entrypoint: string, args: readonly unknown[], sending: Sending): CallReport {
    const start = this.#chain.state.logs.length;
    const outcome = this.#chain.send(this.address, this.#face.encodeCall(entrypoint, args), sending);
    const { status, returnData } = outcome;
    return {
      status,
      result: status === "success" ? this.#face.decodeResult(entrypoint, returnData) : undefined,
      error: status === "reverted" ? this.#face.decodeError(returnData) : undefined,
      reason: outcome.reason,
      events: this.#chain.eventsSince(start),
    };
  }

  /** A call that may not write. @throws Error when it does not succeed. */
  query(entrypoint: string, args: readonly unknown[] = [], from = `0x${"0".repeat(40)}`): unknown {
    const input = this.#face.encodeCall(entrypoint, args);
    const { status, returnData, reason } = this.#chain.send(this.address, input, { from }, true);
    if (status === "success") return this.#face.decodeResult(entrypoint, returnData);
    throw new Error(`${entrypoint} ${status}: ${reason ?? JSON.stringify(this.#face.decodeError(returnData))}`);
  }

  /** The state as bytes: hex keys to hex values. */
  stored(): Record<string, string> {
    const entries = [...this.#chain.state.of(this.address)].sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries.map(([key, value]) => [key, `0x${Buffer.from(value).toString("hex")}`]));
  }
}
