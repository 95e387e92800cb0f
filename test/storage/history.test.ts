/** History against a naive scan of the canonical blocks, over any chain with rollbacks, cut into small segments. */
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BlockEntry } from "../../src/encoding/block-entry.ts";
import { equalBytes } from "../../src/encoding/bytes.ts";
import { decodeReceipt } from "../../src/encoding/receipt.ts";
import { ChainIndex } from "../../src/storage/chain-index.ts";
import { type ExecutionItem, History, type HistoryCursor, type LogItem, type Page } from "../../src/storage/history.ts";
import { SegmentIndex } from "../../src/storage/segment-index.ts";
import { SegmentIndexer } from "../../src/storage/segment-indexer.ts";
import { ChainBuilder, EntryList, type TransactionSpec } from "../support/entries.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const SEGMENT_ENTRIES = 4;
const contract = (n: number) => new Uint8Array(20).fill(0xa0 + n);
/** Words with few and many leading zeros, and topics that are no words. */
const topic = (n: number) => (n === 3 ? Uint8Array.of(1, 2, 3) : new Uint8Array(32).fill(n, n === 2 ? 31 : 0));

interface LogSpec {
  address: number;
  topics: number[];
}
interface TxSpec {
  to: number;
  deploys: boolean;
  logs: LogSpec[];
}
const logSpecs: fc.Arbitrary<LogSpec> = fc.record({
  address: fc.nat(2),
  topics: fc.array(fc.nat(3), { maxLength: 3 }),
});
const txSpecs: fc.Arbitrary<TxSpec> = fc.record({
  to: fc.nat(3),
  deploys: fc.boolean(),
  logs: fc.array(logSpecs, { maxLength: 3 }),
});
type Move = { block: TxSpec[] } | { back: number };
const moves: fc.Arbitrary<Move[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ block: fc.array(txSpecs, { maxLength: 4 }) }) },
    fc.record({ back: fc.nat(3) }),
  ),
  { minLength: 1, maxLength: 30 },
);

function transactionOf({ to, deploys, logs }: TxSpec): TransactionSpec {
  const made = logs.map((log) => ({
    address: contract(log.address),
    topics: log.topics.map(topic),
    data: Uint8Array.of(9),
  }));
  return deploys ? { to: undefined, contractAddress: contract(to), logs: made } : { to: contract(to), logs: made };
}

function play(chain: ChainBuilder, list: readonly Move[]): void {
  for (const move of list) {
    if ("block" in move) chain.block({ transactions: move.block.map(transactionOf) });
    else if (chain.headHeight >= 0) chain.rollBack(Math.max(0, chain.headHeight - move.back));
  }
}

/** The canonical blocks, oldest first, found the slow way. */
function canonical(entries: readonly Uint8Array[]): BlockEntry[] {
  const blocks: BlockEntry[] = [];
  for (const bytes of entries) {
    const entry = BlockEntry.parse(bytes);
    blocks.length = entry.isRollback ? entry.height + 1 : entry.height;
    if (!entry.isRollback) blocks.push(entry);
  }
  return blocks;
}

interface Wanted {
  address?: number | undefined;
  topics: (number | number[] | null)[];
  fromHeight: number;
  toHeight: number;
}
const wantedLogs: fc.Arbitrary<Wanted> = fc.record({
  address: fc.option(fc.nat(2), { nil: undefined }),
  topics: fc.array(fc.oneof(fc.nat(3), fc.array(fc.nat(3), { maxLength: 2 }), fc.constant(null)), { maxLength: 3 }),
  fromHeight: fc.nat(10),
  toHeight: fc.nat(40),
});

function naiveLogs(blocks: readonly BlockEntry[], wanted: Wanted): LogItem[] {
  const items: LogItem[] = [];
  const passes = (expected: number | number[] | null, received: Uint8Array | undefined) => {
    if (received === undefined) return false;
    const anyOf = expected === null ? [] : typeof expected === "number" ? [expected] : expected;
    return anyOf.length === 0 || anyOf.some((n) => equalBytes(topic(n), received));
  };
  for (const block of blocks.slice(wanted.fromHeight, wanted.toHeight + 1)) {
    for (let transactionIndex = 0; transactionIndex < block.transactionCount; transactionIndex++) {
      decodeReceipt(block.bytes, block.receiptAt(transactionIndex)).logs.forEach((log, logIndex) => {
        const isFrom = wanted.address === undefined || equalBytes(log.address, contract(wanted.address));
        if (isFrom && wanted.topics.every((expected, i) => passes(expected, log.topics[i]))) {
          items.push({ seq: block.seq, height: block.height, transactionIndex, logIndex });
        }
      });
    }
  }
  return items;
}

function naiveExecutions(blocks: readonly BlockEntry[], address: Uint8Array): ExecutionItem[] {
  const items: ExecutionItem[] = [];
  for (const block of blocks) {
    for (let transactionIndex = 0; transactionIndex < block.transactionCount; transactionIndex++) {
      const at = block.transactionAt(transactionIndex);
      const { contractAddress: made, logs } = decodeReceipt(block.bytes, block.receiptAt(transactionIndex));
      const hasLogged = logs.some((log) => equalBytes(log.address, address));
      if (hasLogged || equalBytes(made ?? block.bytes.subarray(at + 44, at + 64), address)) {
        items.push({ seq: block.seq, height: block.height, transactionIndex });
      }
    }
  }
  return items;
}

/** Follows cursors to the end. A thousand pages of these small chains would be a cursor that stands still. */
function allPages<T>(ask: (after: HistoryCursor | undefined) => Page<T>): T[] {
  const items: T[] = [];
  let after: HistoryCursor | undefined;
  for (let pages = 0; pages < 1000; pages++) {
    const page = ask(after);
    items.push(...page.items);
    if (page.next === undefined) return items;
    after = page.next;
  }
  throw new Error("the cursor does not move");
}

function logQuery(wanted: Wanted) {
  return {
    address: wanted.address === undefined ? undefined : contract(wanted.address),
    topics: wanted.topics.map((t) => (t === null ? null : typeof t === "number" ? topic(t) : t.map(topic))),
    fromHeight: wanted.fromHeight,
    toHeight: wanted.toHeight,
  };
}

function historyOf(entries: readonly Uint8Array[], options: { scanBytesMax?: number; cacheBytesMax?: number } = {}) {
  const source = new EntryList(entries, SEGMENT_ENTRIES);
  const indexDirectory = temporaryDirectory();
  const history = new History({ indexDirectory, ...options }, { source, chain: new ChainIndex() });
  history.advance(entries.length - 1);
  return { history, source, indexDirectory };
}

const bounds = fc.record({
  scanBytesMax: fc.constantFrom(1, 2000, 1_000_000),
  cacheBytesMax: fc.constantFrom(0, 1_000_000),
});

describe("History", () => {
  it("finds the logs that a naive scan finds, in pages of any size and work", () => {
    fc.assert(
      fc.property(
        moves,
        fc.array(wantedLogs, { minLength: 1, maxLength: 4 }),
        bounds,
        fc.integer({ min: 1, max: 5 }),
        (list, queries, options, limit) => {
          const chain = new ChainBuilder();
          play(chain, list);
          const { history } = historyOf(chain.entries, options);
          for (const wanted of queries) {
            const query = logQuery(wanted);
            const expected = naiveLogs(canonical(chain.entries), wanted);
            for (const newestFirst of [false, true]) {
              const found = allPages((after) => history.logs({ ...query, newestFirst, limit, after }));
              expect(found).toEqual(newestFirst ? expected.toReversed() : expected);
            }
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it("finds executions of a contract, those that it only logged in among them, in order and newest first", () => {
    fc.assert(
      fc.property(moves, fc.nat(3), bounds, fc.integer({ min: 1, max: 5 }), (list, number, options, limit) => {
        const chain = new ChainBuilder();
        play(chain, list);
        const { history } = historyOf(chain.entries, options);
        const expected = naiveExecutions(canonical(chain.entries), contract(number));
        for (const newestFirst of [false, true]) {
          const found = allPages((after) =>
            history.executions({ contract: contract(number), newestFirst, limit, after }),
          );
          expect(found).toEqual(newestFirst ? expected.toReversed() : expected);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("finds every canonical transaction and block, and none that was rolled back", () => {
    fc.assert(
      fc.property(moves, (list) => {
        const chain = new ChainBuilder();
        play(chain, list);
        const { history } = historyOf(chain.entries);
        const blocks = canonical(chain.entries);
        expect(history.headHeight).toBe(blocks.length - 1);
        const seqs = new Set(blocks.map((block) => block.seq));
        for (const block of chain.entries
          .map((bytes) => BlockEntry.parse(bytes))
          .filter((entry) => !entry.isRollback)) {
          const isCanonical = seqs.has(block.seq);
          if (isCanonical) expect(history.blockByHeight(block.height)?.seq).toBe(block.seq);
          for (let index = 0; index < block.transactionCount; index++) {
            const expected = isCanonical ? { seq: block.seq, index } : undefined;
            expect(history.transaction(block.transactionHash(index))).toEqual(expected);
          }
          const twin = blocks[block.height];
          const isSame = twin !== undefined && equalBytes(twin.blockHash, block.blockHash);
          expect(history.blockByHash(block.blockHash)?.seq).toBe(isSame ? twin.seq : undefined);
        }
        expect(history.blockByHeight(blocks.length)).toBeUndefined();
        expect(history.transaction(new Uint8Array(32))).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });

  it("neither repeats nor leaves out what stays canonical while the chain grows and rolls back between pages", () => {
    fc.assert(
      fc.property(moves, fc.array(moves, { minLength: 1, maxLength: 4 }), fc.boolean(), (first, later, newestFirst) => {
        const chain = new ChainBuilder();
        play(chain, first);
        const { history } = historyOf(chain.entries);
        const before = new Set(naiveExecutions(canonical(chain.entries), contract(1)).map(shown));
        const found: string[] = [];
        let after: HistoryCursor | undefined;
        for (const more of [...later, ...Array.from({ length: 200 }, () => [])]) {
          const page = history.executions({ contract: contract(1), newestFirst, limit: 1, after });
          found.push(...page.items.map(shown));
          if (page.next === undefined) break;
          after = page.next;
          play(chain, more);
          history.advance(chain.entries.length - 1);
        }
        expect(new Set(found).size).toBe(found.length);
        const stays = naiveExecutions(canonical(chain.entries), contract(1)).map(shown);
        const missed = stays.filter((item) => before.has(item) && !found.includes(item));
        expect(missed).toEqual([]);
      }),
    );
  });

  it("keeps to one transaction when its hash is given", () => {
    const chain = new ChainBuilder();
    const logs = [
      { address: 0, topics: [1] },
      { address: 0, topics: [1] },
    ];
    const tx = { to: 0, deploys: false, logs };
    play(chain, [{ block: [tx, tx] }, { block: [tx] }]);
    const { history } = historyOf(chain.entries);
    const transactionHash = BlockEntry.parse(chain.entries[0]!).transactionHash(1);
    const query = { fromHeight: 0, toHeight: 9, limit: 10 };
    const items = [0, 1].map((logIndex) => ({ seq: 0, height: 0, transactionIndex: 1, logIndex }));
    expect(history.logs({ ...query, transactionHash }).items).toEqual(items);
    expect(history.logs({ ...query, transactionHash, fromHeight: 1 }).items).toEqual([]);
    expect(history.logs({ ...query, transactionHash: new Uint8Array(32) }).items).toEqual([]);
  });

  it("shows nothing above the durable seq, and a rollback once it is durable", () => {
    const chain = new ChainBuilder();
    play(chain, [{ block: [] }, { block: [] }, { block: [] }, { back: 2 }]);
    const history = new History(
      { indexDirectory: temporaryDirectory() },
      { source: new EntryList(chain.entries), chain: new ChainIndex() },
    );
    const heights: number[] = [];
    for (let seq = 0; seq < 4; seq++) {
      const headers = seq % 2 === 0 ? [BlockEntry.parse(chain.entries[seq]!)] : [];
      history.advance(seq, headers);
      heights.push(history.headHeight);
    }
    expect(heights).toEqual([0, 1, 2, 0]);
  });

  it("reads no more than its bound and one entry", () => {
    const chain = new ChainBuilder();
    play(
      chain,
      Array.from({ length: 200 }, () => ({ block: [{ to: 0, deploys: false, logs: [] }] })),
    );
    const size = chain.entries[0]!.length;
    const source = new EntryList(chain.entries, 1000);
    const history = new History(
      { indexDirectory: temporaryDirectory(), scanBytesMax: 10 * size },
      { source, chain: new ChainIndex() },
    );
    history.advance(199);
    expect(history.headHeight).toBe(199);
    source.bytesRead = 0;
    const page = history.logs({ fromHeight: 0, toHeight: 199, limit: 100 });
    expect(page.items).toEqual([]);
    expect(page.next).toMatchObject({ seq: 9 });
    expect(source.bytesRead).toBe(10 * size);
  });

  it.each([
    ["missing", (path: string) => rmSync(path)],
    ["cut off", (path: string) => truncateSync(path, 5000)],
    ["empty", (path: string) => truncateSync(path, 0)],
    ["damaged in its header", (path: string) => flip(path, 17)],
    ["damaged in its directory", (path: string) => flip(path, 49)],
    ["damaged in a page", (path: string) => flip(path, 4000)],
  ])("makes an index again that is %s", (_what, damage) => {
    const chain = new ChainBuilder();
    play(
      chain,
      Array.from({ length: 9 }, (_, n) => ({
        block: [{ to: n % 3, deploys: false, logs: [{ address: 1, topics: [n % 3] }] }],
      })),
    );
    const { history, source, indexDirectory } = historyOf(chain.entries);
    const ask = (asked: History) => asked.logs({ address: contract(1), fromHeight: 0, toHeight: 8, limit: 100 }).items;
    const expected = ask(history);
    expect(expected).toHaveLength(9);
    for (const name of readdirSync(indexDirectory)) damage(join(indexDirectory, name));
    const fresh = new History({ indexDirectory }, { source, chain: new ChainIndex() });
    fresh.advance(8);
    for (const asked of [history, fresh]) {
      expect(ask(asked)).toEqual(expected);
      expect(
        asked.executions({ contract: contract(2), newestFirst: true, limit: 9 }).items.map((item) => item.height),
      ).toEqual([8, 5, 2]);
    }
    const whole = [0, 4].map((firstSeq) => SegmentIndex.open(indexDirectory, { firstSeq, lastSeq: firstSeq + 3 }));
    expect(whole.every((index) => index !== undefined)).toBe(true);
  });
});

describe("SegmentIndexer", () => {
  it("indexes sealed segments as it sees them, and those that it missed, alike", () => {
    const chain = new ChainBuilder();
    play(
      chain,
      Array.from({ length: 30 }, (_, n) =>
        n % 7 === 6 ? { back: 1 } : { block: [{ to: n % 3, deploys: false, logs: [{ address: 1, topics: [n % 3] }] }] },
      ),
    );
    const files = [0, 6, 30].map((start) => {
      const source = new EntryList(chain.entries, SEGMENT_ENTRIES);
      const directory = temporaryDirectory();
      const indexer = new SegmentIndexer(directory, source);
      for (let seq = start; seq < chain.entries.length; seq++) {
        source.advance(seq);
        indexer.add(BlockEntry.parse(chain.entries[seq]!));
      }
      source.advance(chain.entries.length - 1);
      while (indexer.advance());
      return readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), "hex")]);
    });
    expect(files[0]).toHaveLength(7);
    expect(files[1]).toEqual(files[0]);
    expect(files[2]).toEqual(files[0]);
  });

  it("drops the indexes of segments that are gone, and half-written files", () => {
    const chain = new ChainBuilder();
    play(
      chain,
      Array.from({ length: 12 }, () => ({ block: [] })),
    );
    const source = new EntryList(chain.entries, SEGMENT_ENTRIES);
    source.advance(11);
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "0000000000000000.index.1-0.part"), "half");
    const indexer = new SegmentIndexer(directory, source);
    while (indexer.advance());
    expect(readdirSync(directory)).toEqual(["0000000000000000.index", "0000000000000004.index"]);
    const kept = source.segments().slice(1);
    source.segments = () => kept;
    indexer.advance();
    expect(readdirSync(directory)).toEqual(["0000000000000004.index"]);
  });
});

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 1;
  writeFileSync(path, bytes);
}

function shown({ seq, transactionIndex }: ExecutionItem): string {
  return `${seq}/${transactionIndex}`;
}
