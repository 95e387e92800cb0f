/**
 * How a block's transactions are shared out: by contract, so that those that are likely to meet run on one thread, one after
 * the other. Only calls of WebAssembly contracts are worth a helper: what is built in takes no longer than adopting it does.
 *   contracts, each as long as what its calls take   ├─ A ─┼─── B ───┼── C ──┼─ D ─┤
 *   lanes, each as long as its share                 ├─ executor ─┼──── helper ────┤    B is divided, if its calls seldom meet
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
  /** Its calls are on several lanes. */
  isDivided: boolean;
  /** Of its calls that helpers ran: taken over, and not because they had met others. */
  adopted: number;
  conflicts: number;
}

/** What is known of a contract. Only how the work is shared out depends on it. */
export interface Expected {
  /** Of a call. */
  readonly gas: number;
  /** Its calls seldom meet. */
  readonly isDivisible: boolean;
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
/** Its multiples' fractions lie evenly, however few are taken: so the calls of a contract that is divided go to its lanes. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/**
 * @param ownShare of the gas, what the executor should run itself.
 * @returns undefined where it is not worth it.
 */
export function planBlock(
  transactions: Uint8Array,
  total: number,
  {
    contracts,
    expectedOf,
    lanes,
    ownShare,
  }: { contracts: Contracts; expectedOf: (space: number) => Expected; lanes: number; ownShare: number },
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
      planned.push({ space, count: 0, positions: 0, gasUsed: 0, isDivided: false, adopted: 0, conflicts: 0 });
    }
    contractOf[i] = number;
    const contract = planned[number]!;
    contract.count++;
    contract.positions += i;
  }
  if (planned.length < 2) return undefined;
  const expected = planned.map(({ space }) => expectedOf(space));
  const { laneOf, filled } = assign({ planned, expected, contractOf, lanes, ownShare });
  const counts = new Array<number>(lanes).fill(0);
  for (const lane of laneOf) if (lane > 0) counts[lane - 1]!++;
  const shareable = sum(planned.map(({ count }) => count));
  const shared = sum(counts);
  if (Math.max(...counts) < SHARE_MIN || shared < SHARED_MIN * shareable) return undefined;
  const shares = counts.map((count) => new Uint32Array(2 * count));
  const ends = new Array<number>(lanes).fill(0);
  for (let i = 0; i < total; i++) {
    const lane = laneOf[i]!;
    if (lane === 0) continue;
    const share = shares[lane - 1]!;
    share[ends[lane - 1]!++] = i;
    share[ends[lane - 1]!++] = offsets[i]!;
  }
  return { laneOf, shares, contractOf, contracts: planned, ownShare: filled[0]! / sum(filled) };
}

/** The number of a WebAssembly contract's keys that the transaction at `at` calls; below 0: it calls none. */
function spaceOf(transactions: Uint8Array, at: number, contracts: Contracts): number {
  if (transactions[at] !== TransactionKind.call) return -1;
  const contract = contracts.resolve(transactions, at + TX_TO_AT);
  return contract !== undefined && contract.info.kind === "wasm" ? contract.space : -1;
}

/**
 * The lane of each transaction, 0 for the executor, and what each lane has of the gas. The executor works in the order of the
 * block, and would wait for what a helper has not come to: it takes the contracts that are called first, the helpers those
 * that are called last.
 */
function assign({
  planned,
  expected,
  contractOf,
  lanes,
  ownShare,
}: {
  planned: readonly PlannedContract[];
  expected: readonly Expected[];
  contractOf: Int32Array;
  lanes: number;
  ownShare: number;
}): { laneOf: Uint8Array; filled: number[] } {
  const lengths = planned.map(({ count }, i) => count * expected[i]!.gas);
  const whole = sum(lengths);
  const helperShare = (whole * (1 - ownShare)) / lanes;
  const laneAt = (point: number) => Math.min(lanes, Math.max(0, Math.ceil((point - whole * ownShare) / helperShare)));
  const starts = new Array<number>(planned.length).fill(0);
  const laneOfContract = new Array<number>(planned.length).fill(0);
  let at = 0;
  for (const [i, number] of inOrder(planned, contractOf.length).entries()) {
    const end = at + lengths[number]!;
    planned[number]!.isDivided = expected[number]!.isDivisible && laneAt(at) !== laneAt(end);
    starts[number] = at;
    laneOfContract[number] = i === 0 ? 0 : laneAt((at + end) / 2);
    at = end;
  }
  const laneOf = new Uint8Array(contractOf.length);
  const filled = new Array<number>(lanes + 1).fill(0);
  const seen = new Array<number>(planned.length).fill(0);
  for (const [i, number] of contractOf.entries()) {
    if (number === NOT_SHARED) continue;
    const part = (seen[number]!++ * GOLDEN_RATIO) % 1;
    const lane = planned[number]!.isDivided
      ? laneAt(starts[number]! + part * lengths[number]!)
      : laneOfContract[number]!;
    laneOf[i] = lane;
    filled[lane]! += expected[number]!.gas;
  }
  const heaviest = heaviestLane(filled, [whole * ownShare, ...new Array<number>(lanes).fill(helperShare)]);
  if (heaviest !== 0) swap(laneOf, filled, contractOf, heaviest);
  return { laneOf, filled };
}

/** Contracts that are called first come first. */
function inOrder(planned: readonly PlannedContract[], total: number): number[] {
  const places = planned.map(({ positions, count }) => Math.round((PLACES * positions) / count / total));
  return planned.map((_, i) => i).sort((a, b) => places[a]! - places[b]! || planned[a]!.space - planned[b]!.space);
}

/** The lane that has most of what it should have; the executor's where that is hardly more than its own. */
function heaviestLane(filled: readonly number[], targets: readonly number[]): number {
  const fullness = filled.map((weight, lane) => weight / targets[lane]!);
  const fullest = fullness.indexOf(Math.max(...fullness));
  return fullness[fullest]! < HEAVIER * fullness[0]! ? 0 : fullest;
}

/** One contract may be called more than all others: the executor takes that, which nobody then waits for. */
function swap(laneOf: Uint8Array, filled: number[], contractOf: Int32Array, heaviest: number): void {
  for (const [i, lane] of laneOf.entries()) {
    if (contractOf[i] === NOT_SHARED) continue;
    if (lane === 0) laneOf[i] = heaviest;
    else if (lane === heaviest) laneOf[i] = 0;
  }
  [filled[0], filled[heaviest]] = [filled[heaviest]!, filled[0]!];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
