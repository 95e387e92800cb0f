/**
 * How a block's transactions are shared out: by contract, so that those that are likely to meet run on one thread, one after
 * the other. Only calls of WebAssembly contracts are worth a helper: what is built in takes no longer than adopting it does.
 */
import { alignUp } from "../../encoding/bytes.ts";
import { TransactionKind, TX_TO_AT, transactionLength } from "../../encoding/transaction.ts";
import type { Contracts } from "../contracts.ts";

export interface Plan {
  /** By transaction: 0 where the executor runs it, else the number of the lane, from 1. */
  readonly laneOf: Uint8Array;
  /** By lane, from 0: index and offset of each transaction. */
  readonly shares: readonly Uint32Array[];
  /** By transaction, of those that may be shared: the contract's number in the plan. */
  readonly contractOf: Int32Array;
  readonly contracts: readonly PlannedContract[];
  /** Of the weight of what may be shared, what stays with the executor. */
  readonly ownShare: number;
}

export interface PlannedContract {
  /** The state table's number for its keys. */
  readonly space: number;
  count: number;
  /** Sum of the positions of its transactions. */
  positions: number;
  gasUsed: number;
}

/** With fewer, waking a helper takes as long as they do. */
const SHARE_MIN = 16;
/** Every so many transactions one is looked at, before all are. */
const SAMPLE_STEP = 8;
/** Of those looked at, this share has to be WebAssembly's. */
const WASM_SHARE_MIN = 0.25;
/** Below it, what helpers take off the executor is less than what it costs to ask them. */
const SHARED_MIN = 0.2;
const NOT_SHARED = -1;
/** Shares about as they should be keep their order. */
const HEAVIER = 1.25;
/** Contracts whose calls lie about alike, in such parts of a block, stay with the thread that knows their state. */
const PLACES = 4;

/**
 * @param gasOf how much gas a call of a contract uses, as far as is known. Only how the work is shared out depends on it.
 * @param ownShare of the gas, what the executor should run itself.
 * @returns undefined where it is not worth it.
 */
export function planBlock(
  transactions: Uint8Array,
  total: number,
  {
    contracts,
    gasOf,
    lanes,
    ownShare,
  }: { contracts: Contracts; gasOf: (space: number) => number; lanes: number; ownShare: number },
): Plan | undefined {
  if (total < 2 * SHARE_MIN) return undefined;
  const offsets = new Uint32Array(total);
  for (let i = 0, at = 0; i < total; i++) {
    offsets[i] = at;
    at += alignUp(transactionLength(transactions, at));
  }
  let found = 0;
  for (let i = 0; i < total; i += SAMPLE_STEP) if (spaceOf(transactions, offsets[i]!, contracts) >= 0) found++;
  if (found < (WASM_SHARE_MIN * total) / SAMPLE_STEP) return undefined;

  const contractOf = new Int32Array(total).fill(NOT_SHARED);
  const planned: PlannedContract[] = [];
  const numbers = new Map<number, number>();
  for (let i = 0; i < total; i++) {
    const space = spaceOf(transactions, offsets[i]!, contracts);
    if (space < 0) continue;
    let number = numbers.get(space);
    if (number === undefined) {
      number = planned.length;
      numbers.set(space, number);
      planned.push({ space, count: 0, positions: 0, gasUsed: 0 });
    }
    contractOf[i] = number;
    const contract = planned[number]!;
    contract.count++;
    contract.positions += i;
  }
  if (planned.length < 2) return undefined;
  const weights = planned.map(({ space, count }) => count * gasOf(space));
  const weight = sum(weights);
  const targets = [ownShare, ...new Array<number>(lanes).fill((1 - ownShare) / lanes)].map((part) => part * weight);
  const laneOfContract = assign(planned, total, weights, targets);
  const laneOf = new Uint8Array(total);
  const counts = new Array<number>(lanes).fill(0);
  for (let i = 0; i < total; i++) {
    const lane = contractOf[i] === NOT_SHARED ? 0 : laneOfContract[contractOf[i]!]!;
    laneOf[i] = lane;
    if (lane > 0) counts[lane - 1]!++;
  }
  const shareable = sum(planned.map(({ count }) => count));
  const shared = sum(counts);
  if (Math.max(...counts) < SHARE_MIN || shared < SHARED_MIN * shareable) return undefined;
  const shares = counts.map((count) => new Uint32Array(2 * count));
  const filled = new Array<number>(lanes).fill(0);
  for (let i = 0; i < total; i++) {
    const lane = laneOf[i]!;
    if (lane === 0) continue;
    const share = shares[lane - 1]!;
    share[filled[lane - 1]!++] = i;
    share[filled[lane - 1]!++] = offsets[i]!;
  }
  const own = sum(weights.filter((_, contract) => laneOfContract[contract] === 0));
  return { laneOf, shares, contractOf, contracts: planned, ownShare: own / weight };
}

/** The number of a WebAssembly contract's keys that the transaction at `at` calls; below 0: it calls none. */
function spaceOf(transactions: Uint8Array, at: number, contracts: Contracts): number {
  if (transactions[at] !== TransactionKind.call) return -1;
  const contract = contracts.resolve(transactions, at + TX_TO_AT);
  return contract !== undefined && contract.info.kind === "wasm" ? contract.space : -1;
}

/**
 * The lane of each contract, 0 for the executor. The executor works in the order of the block, and would wait for what a
 * helper has not come to: it takes the contracts that are called first, the helpers those that are called last.
 * @param total transactions of the block.
 * @param targets what each lane should have of the weights.
 */
function assign(
  contracts: readonly PlannedContract[],
  total: number,
  weights: readonly number[],
  targets: readonly number[],
): number[] {
  const places = contracts.map(({ positions, count }) => Math.round((PLACES * positions) / count / total));
  const order = contracts
    .map((_, i) => i)
    .sort((a, b) => places[a]! - places[b]! || contracts[a]!.space - contracts[b]!.space);
  const laneOf = new Array<number>(contracts.length).fill(0);
  let lane = 0;
  let done = 0;
  let target = targets[0]!;
  for (const [i, contract] of order.entries()) {
    const weight = weights[contract]!;
    // The next lane begins where leaving the contract here would be further from its share than leaving it out.
    if (lane < targets.length - 1 && i > 0 && done + weight / 2 > target) target += targets[++lane]!;
    laneOf[contract] = lane;
    done += weight;
  }
  return swapped(laneOf, weights, targets);
}

/** One contract may be called more than all others: the executor takes that, which nobody then waits for. */
function swapped(laneOf: readonly number[], weights: readonly number[], targets: readonly number[]): number[] {
  const filled = targets.map((target, lane) => sum(weights.filter((_, i) => laneOf[i] === lane)) / target);
  const fullest = filled.indexOf(Math.max(...filled));
  if (filled[fullest]! < HEAVIER * filled[0]!) return [...laneOf];
  return laneOf.map((lane) => (lane === 0 ? fullest : lane === fullest ? 0 : lane));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
