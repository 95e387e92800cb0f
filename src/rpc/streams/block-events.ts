/**
 * BlockEvents: what a block, or one that a rollback takes back, tells streams. Everything is made once, however many listen,
 * unless they all want something else: past a bound it is let go of, and made again for whoever still wants it.
 *   block ─ select ─▶ events that match ─ frames ─▶ texts, a slice at a time
 * Always
 *  - Events of a block that is taken back are those that it told, in reverse, marked as removed.
 */
import type { BlockEntry } from "../../encoding/block-entry.ts";
import type { ContractAbis } from "../contract-abis.ts";
import { BlockReceipts } from "../receipt-text.ts";
import { blockHeaderText, foundLogText } from "../views.ts";
import { eventCount, type SelectedEvent, type Selection } from "./selection.ts";

/** How an event is written on one transport. */
export interface FrameFormat {
  /** Equal for formats that write the same. */
  readonly key: string;
  frame(type: string, cursor: string, result: string): string;
}

export interface Slice {
  readonly frames: readonly string[];
  readonly bytes: number;
  /** Behind its last event; undefined when the slice is empty. */
  readonly cursor: string | undefined;
  /** Where the next slice begins, among the events that were selected. */
  readonly next: number;
}

/** The last place that a cursor has. */
const LAST_EVENT = 999_999_998;
/** Events of one slice: some tens of kilobytes. */
const SLICE_EVENTS = 64;
/** What is made of one block for all who listen: as much as is kept of all blocks (entry-events.ts). */
const MADE_BYTES_MAX = 16 * 1024 * 1024;
/** Of an event that a selection wants, in the list of them. */
const SELECTED_BYTES = 64;

export class BlockEvents {
  readonly block: BlockEntry;
  /** Of the lists and texts that are kept. */
  madeBytes = 0;
  readonly #place: { seq: number; part: number; hash: string };
  readonly #isRemoved: boolean;
  readonly #abis: ContractAbis;
  readonly #receipts: BlockReceipts;
  readonly #selected = new Map<string, readonly SelectedEvent[]>();
  readonly #results = new Map<number, string>();
  readonly #slices = new Map<string, Slice>();
  #count: number | undefined;

  /** @param place of the part in the log: what its events' cursors say. */
  constructor(
    block: BlockEntry,
    place: { seq: number; part: number; hash: string },
    isRemoved: boolean,
    abis: ContractAbis,
  ) {
    this.block = block;
    this.#place = place;
    this.#isRemoved = isRemoved;
    this.#abis = abis;
    this.#receipts = new BlockReceipts(block, abis);
  }

  /** What a selection wants of it, in the order in which it is told. */
  selected(selection: Selection): readonly SelectedEvent[] {
    let found = this.#selected.get(selection.key);
    if (found === undefined) {
      const told = selection.select(this.block);
      found = this.#isRemoved ? told.reverse().map((each) => ({ ...each, event: this.#reversed(each.event) })) : told;
      this.#keep(SELECTED_BYTES * found.length);
      this.#selected.set(selection.key, found);
    }
    return found;
  }

  /** What has to be known before a slice is written; undefined when all is. */
  prepare(selection: Selection, from: number): Promise<void> | undefined {
    const contracts: string[] = [];
    let last = -1;
    for (const { transaction } of this.selected(selection).slice(from, from + SLICE_EVENTS)) {
      if (transaction === last || transaction < 0) continue;
      last = transaction;
      contracts.push(...this.#receipts.contracts(transaction));
    }
    return this.#abis.load(contracts);
  }

  slice(selection: Selection, from: number, format: FrameFormat): Slice {
    const key = `${selection.key} ${format.key} ${from}`;
    let slice = this.#slices.get(key);
    if (slice === undefined) {
      slice = this.#write(this.selected(selection).slice(from, from + SLICE_EVENTS), from, format);
      this.#keep(slice.bytes);
      this.#slices.set(key, slice);
    }
    return slice;
  }

  #write(events: readonly SelectedEvent[], from: number, format: FrameFormat): Slice {
    const { seq, part, hash } = this.#place;
    let bytes = 0;
    let cursor: string | undefined;
    const frames = events.map((event) => {
      cursor = `${seq}.${part}.${event.event + 1}.${hash}`;
      const frame = format.frame(event.type, cursor, this.#result(event));
      bytes += frame.length;
      return frame;
    });
    return { frames, bytes, cursor, next: from + events.length };
  }

  #result({ type, event, transaction, log }: SelectedEvent): string {
    let text = this.#results.get(event);
    if (text === undefined) {
      const { block } = this;
      if (type === "newBlocks") text = blockHeaderText(block);
      else if (type === "receipts") text = this.#receipts.full(transaction);
      else text = foundLogText({ block, transactionIndex: transaction, logIndex: log }, this.#abis);
      text = `${text.slice(0, -1)},"removed":${this.#isRemoved}}`;
      this.#keep(text.length);
      this.#results.set(event, text);
    }
    return text;
  }

  #keep(bytes: number): void {
    this.madeBytes += bytes;
    if (this.madeBytes <= MADE_BYTES_MAX) return;
    this.#selected.clear();
    this.#results.clear();
    this.#slices.clear();
    this.madeBytes = bytes;
  }

  /** The block itself goes last: how many events it has is not known from its header. */
  #reversed(event: number): number {
    if (event === 0) return LAST_EVENT;
    this.#count ??= eventCount(this.block);
    return this.#count - 1 - event;
  }
}
