/** Another engine beside ours: the same transfers between as many holders, in turn. Ours are over the socket and durable. */
import { printBanner } from "./machine.ts";
import { rateSpreadText, spreadOf, tableText } from "./statistics.ts";
import { type Load, World } from "./world.ts";

/** Its holders have funds and have sent once, as those of a World. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  /** What it has done when a transfer is acknowledged. */
  readonly acknowledges: string;
  /** Transfers a second, all of them acknowledged. */
  measure(seconds: number): Promise<number>;
  /** Every balance. Says what was compared; @throws Error at the first difference. */
  check(): Promise<string>;
}

export interface Comparison {
  readonly holders: number;
  readonly seconds: number;
  readonly rounds: number;
  /** Undefined: there is none for so many holders. */
  readonly goal: number | undefined;
}

const WARMUP_SECONDS = 1;

/** @param directory for our data, which is left to the caller. */
export async function compareWith(peer: Peer, directory: string, comparison: Comparison): Promise<void> {
  const { seconds, rounds, goal, holders } = comparison;
  const world = await World.create(holders, directory);
  try {
    printBanner(`Transfers, ours over a Unix socket in batches of 100, in turn with ${peer.name} ${peer.version}`, {
      holders,
      seconds,
      rounds,
    });
    const load: Load = {
      wire: "json-batch",
      outstanding: 16,
      warmupMs: WARMUP_SECONDS * 1000,
      measureMs: seconds * 1000,
    };
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      ours.push((await world.run(load)).perSecond);
      await peer.measure(WARMUP_SECONDS);
      theirs.push(await peer.measure(seconds));
    }
    report(peer, ours, theirs, goal);
    process.stdout.write(`${await world.check()}\n${await peer.check()}\n`);
  } finally {
    await world.close();
  }
}

function report(
  { name, acknowledges }: Peer,
  ours: readonly number[],
  theirs: readonly number[],
  goal: number | undefined,
): void {
  const [our, their] = [spreadOf(ours), spreadOf(theirs)];
  const rows = [
    ["ours", rateSpreadText(our), "durable, blocks, receipts, logs, state root"],
    [name, rateSpreadText(their), acknowledges],
  ];
  process.stdout.write(`${tableText(["", "transfers/s, median (min–max)", "acknowledged means"], rows)}\n`);
  const ratio = our.median / their.median;
  const verdict = goal === undefined ? "" : `, goal ${goal}: ${ratio >= goal ? "met" : "missed"}`;
  process.stdout.write(`ours / ${name} ${ratio.toFixed(1)}${verdict}\n`);
}
