/**
 * The short ways of the native addon against the long ones that they cut short: whatever bytes a client sends, the same
 * transactions are submitted and the same is answered; whatever a block holds, its receipts are the same text.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { BlockEntry, ENTRY_HEADER_BYTES } from "../../src/encoding/block-entry.ts";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { ERC20_EVENTS } from "../../src/encoding/erc20-abi.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { encodeReceipt, type Receipt } from "../../src/encoding/receipt.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import type { WireCodec } from "../../src/encoding/wire-codec.ts";
import { EngineError } from "../../src/errors.ts";
import { isAddon, loadAddon } from "../../src/native/addon.ts";
import { nativeWireCodec } from "../../src/native/wire-codec.ts";
import { type Caller, TRUSTED_CALLER } from "../../src/rpc/access.ts";
import { TOKEN_MEANING } from "../../src/rpc/contract-abis.ts";
import { JsonRpc } from "../../src/rpc/json-rpc.ts";
import { DEFAULT_FRONT_LIMITS } from "../../src/rpc/limits.ts";
import { BlockReceipts } from "../../src/rpc/receipt-text.ts";
import { describeWith } from "../support/describe-with.ts";
import { FakeEngine } from "../support/fake-engine.ts";
import { NATIVE } from "../support/need.ts";
import { anyTransaction } from "../support/request-arbitraries.ts";
import { ALICE, BOB, HASH, TOKEN, transfer } from "../support/requests.ts";

const addon = loadAddon();
const codec = isAddon(addon) ? nativeWireCodec(addon) : undefined;
const BATCH_MAX = 5;

/** Answers what reached the service, and what the client was told: every submission is answered with an error. */
class Front {
  reads = 0;
  #submitted: unknown[] = [];
  readonly #rpc: JsonRpc;

  constructor(short: WireCodec | undefined) {
    const engine = new FakeEngine("auto");
    engine.submit = (encode, wait, sink) => {
      const out = new ByteWriter();
      const count = encode(out);
      this.#submitted.push({ count, wait, bytes: toHex(out.take()) });
      sink.fail(new EngineError("BUSY", "not now", { retryAfterMs: 1 }));
    };
    const counted: WireCodec | undefined = short && {
      receiptText: () => undefined,
      summariesText: () => undefined,
      readSubmission: (text, start, end) => {
        const read = short.readSubmission(text, start, end);
        if (read !== undefined) this.reads++;
        return read;
      },
    };
    const log = { warn: () => undefined, error: () => undefined };
    const limits = { ...DEFAULT_FRONT_LIMITS, batchMax: BATCH_MAX };
    this.#rpc = new JsonRpc(
      { blockMode: "auto", limits, bech32Prefix: "poly" },
      { service: engine, log, codec: counted },
    );
  }

  /** The bytes stand in the middle of others, as lines in a socket's chunk do. */
  ask(bytes: Buffer, caller: Caller): { submitted: unknown[]; answers: string[] } {
    const answers: string[] = [];
    const chunk = Buffer.concat([Buffer.from("{]"), bytes, Buffer.from('"}')]);
    this.#rpc.handleBytes(chunk, 2, 2 + bytes.length, caller, { answer: (text) => void answers.push(text) }, 0);
    return { submitted: this.#submitted.splice(0), answers };
  }
}

const reader: Caller = { name: "reader", role: "reader" } as Caller;

/** Plain calls, and such as are nearly plain. */
const amount = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 257n }).map(String),
  fc.nat().map(String),
  fc.nat(),
  fc.constantFrom<unknown>("", "00", "1e3", "0x", "0x12", "x", "é", 'a"b', true, false, null, -1, 1.5, 1e21, [], {}),
);
const nonce = fc.oneof(
  fc.nat(),
  fc.nat().map(String),
  fc.constantFrom<unknown>(undefined, "01", -1, 2 ** 53, "9".repeat(16)),
);
const plainCall = fc
  .record({
    nonce,
    gasLimit: fc.oneof({ weight: 9, arbitrary: fc.nat().map(String) }, { weight: 9, arbitrary: fc.nat() }, nonce),
    entrypoint: fc.oneof({ weight: 8, arbitrary: fc.constant("transfer") }, fc.string({ maxLength: 300 })),
    args: fc.oneof(
      {
        weight: 2,
        arbitrary: fc.bigInt({ min: 0n, max: 2n ** 256n }).map((value) => [BOB, String(value)] as unknown[]),
      },
      fc.array(fc.oneof(fc.constantFrom<unknown>(BOB, BOB.toUpperCase(), HASH), amount), { maxLength: 4 }),
    ),
    more: fc.constantFrom<object>(
      {},
      {},
      {},
      {},
      { id: HASH },
      { id: "0x12" },
      { value: "5" },
      { to: undefined },
      { calldata: "0x12" },
    ),
  })
  .map(({ more, ...call }) => ({ kind: "call", sender: ALICE, to: TOKEN, ...call, ...more }) as unknown);
const byCalldata = fc
  .constantFrom("0x", "0xa9059cbb", "0xA9", "0x1", "a9", "0xzz")
  .map((calldata) => ({ kind: "call", sender: ALICE, to: TOKEN, gasLimit: 5, calldata }) as unknown);
const transaction = fc.oneof({ weight: 6, arbitrary: plainCall }, byCalldata, anyTransaction);

const extras = (...choices: object[]) =>
  fc.oneof({ weight: 6, arbitrary: fc.constant({}) }, fc.constantFrom(...choices));
const WAITS = [{ wait: "durable" }, { wait: "accepted" }, { wait: "executed" }, { wait: 1 }, { unknown: 1 }];
const one = fc
  .tuple(transaction, extras(...WAITS))
  .map(([sent, more]) => ({ method: "tx_submit", params: { transaction: sent, ...more } }));
const batch = fc
  .tuple(
    fc.array(transaction, { maxLength: BATCH_MAX + 1 }),
    extras({ receipts: "summary" }, { receipts: "full" }, { receipts: 1 }, ...WAITS),
  )
  .map(([transactions, more]) => ({ method: "tx_submitBatch", params: { transactions, ...more } }));
const id = fc.oneof(
  fc.nat(),
  fc.constantFrom<unknown>("a", "a".repeat(100), 'a"', null, 1.5, -1, 2 ** 60, undefined, {}, true),
);
const request = fc
  .tuple(
    fc.oneof({ weight: 3, arbitrary: one }, batch),
    fc.oneof({ weight: 4, arbitrary: fc.nat() }, id),
    extras({ traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" }, { jsonrpc: "1.0" }, { more: 1 }),
  )
  .map(([asked, requestId, more]) => ({ jsonrpc: "2.0", id: requestId, ...asked, ...more }) as Record<string, unknown>);

/** Its members in another order, with white space, or a key twice. */
const text = fc.tuple(request, fc.nat(), fc.constantFrom("", "", " ", "\t", "\r")).map(([asked, seed, space]) => {
  const shuffled = (value: unknown): string => {
    if (Array.isArray(value)) return `[${value.map(shuffled).join(`${space},`)}]`;
    if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    if (seed % 3 === 0) members.reverse();
    if (seed % 29 === 0 && members.length > 0) members.push(members[seed % members.length]!);
    const texts = members.map(([key, member]) => `${space}${JSON.stringify(key)}:${space}${shuffled(member)}`);
    return `{${texts.join(",")}${space}}`;
  };
  return `${space}${shuffled(asked)}${space}`;
});

/** The same with a byte changed, added or taken away, or cut off. */
const damage = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }), fc.constantFrom("set", "add", "drop", "cut")),
);
const bytes = fc.tuple(text, damage).map(([whole, change]) => {
  const sent = Buffer.from(whole);
  if (change === null) return sent;
  const [place, byte, kind] = change;
  const at = place % sent.length;
  if (kind === "cut") return sent.subarray(0, at);
  const rest = sent.subarray(kind === "add" ? at : at + 1);
  return Buffer.concat([sent.subarray(0, at), Buffer.from(kind === "drop" ? [] : [byte]), rest]);
});

describeWith(NATIVE, "requests that are read natively", () => {
  it("submit and answer what they would if they were parsed", () => {
    const short = new Front(codec);
    const long = new Front(undefined);
    fc.assert(
      fc.property(bytes, fc.constantFrom(TRUSTED_CALLER, TRUSTED_CALLER, reader), (sent, caller) => {
        expect(short.ask(sent, caller)).toEqual(long.ask(sent, caller));
      }),
      { numRuns: 30_000 },
    );
    expect(short.reads).toBeGreaterThan(1_000);
  });

  it("are those that a node sends most", () => {
    const sent = [
      { id: 1, method: "tx_submit", params: { transaction: transfer(5) } },
      { id: "a", method: "tx_submit", params: { transaction: transfer(undefined), wait: "durable" } },
      { id: 2, method: "tx_submit", params: { transaction: { ...transfer(5), id: HASH } } },
      { id: 3, method: "tx_submitBatch", params: { transactions: [transfer(1), transfer(2)], receipts: "summary" } },
    ].map((asked) => Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...asked })));
    const short = new Front(codec);
    for (const bytes of sent) short.ask(bytes, TRUSTED_CALLER);
    expect(short.reads).toBe(sent.length);
  });
});

describeWith(NATIVE, "the shortest requests that submit", () => {
  const least = { kind: "call", sender: ALICE, to: TOKEN, gasLimit: 1 };
  it.each([{ entrypoint: "t" }, { calldata: "0x" }])("are read: %j", (called) => {
    const submit = { jsonrpc: "2.0", id: 1, method: "tx_submit", params: { transaction: { ...least, ...called } } };
    const text = Buffer.from(JSON.stringify(submit));
    expect(codec!.readSubmission(text, 0, text.length)?.count).toBe(1);
  });
});

const KNOWN_TOKEN = fromHex(TOKEN)!;
const KNOWN = { of: (address: string) => (`0x${address}` === TOKEN ? TOKEN_MEANING : undefined) };
const addressBytes = fc.oneof(
  { weight: 6, arbitrary: fc.constant(KNOWN_TOKEN) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 20, maxLength: 20 }) },
);
const wordOf = (bytesMax: number) =>
  fc.uint8Array({ maxLength: bytesMax }).map((low) => Uint8Array.from([...new Uint8Array(32 - low.length), ...low]));
const party = fc.oneof({ weight: 9, arbitrary: wordOf(20) }, { weight: 1, arbitrary: wordOf(32) });
const eventTopic = fc.constantFrom(ERC20_EVENTS.Transfer.topic, ERC20_EVENTS.Approval.topic);
const tokenLog = fc.record({
  address: addressBytes,
  topics: fc.oneof(
    { weight: 9, arbitrary: fc.tuple(eventTopic, party, party) },
    { weight: 1, arbitrary: fc.array(wordOf(32), { maxLength: 4 }) },
  ),
  data: fc.oneof({ weight: 9, arbitrary: wordOf(32) }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) }),
});
const receipt: fc.Arbitrary<Receipt> = fc
  .record({
    status: fc.oneof({ weight: 9, arbitrary: fc.constant("success") }, fc.constantFrom("reverted", "halted")),
    gasUsed: fc.maxSafeNat(),
    contractAddress: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, addressBytes),
    returnData: fc.oneof({ weight: 9, arbitrary: wordOf(1) }, fc.uint8Array({ maxLength: 40 })),
    logs: fc.array(tokenLog, { maxLength: 3 }),
  })
  .map((made) => ({ ...made, haltReason: made.status === "halted" ? "OutOfGas" : undefined }) as Receipt);
const call = fc
  .tuple(
    fc.constantFrom("transfer", "transferFrom", "approve", "mint", "t"),
    fc.constantFrom(TOKEN, TOKEN, TOKEN, BOB),
    fc.nat(),
  )
  .map(([entrypoint, to, sentNonce]) => transfer(sentNonce, { entrypoint, to }));
const block = fc.array(fc.tuple(call, receipt), { minLength: 1, maxLength: 4 });

/** A block's entry, as far as receipts are read from it. */
function entryOf(parts: readonly (readonly [TransactionJson, Receipt])[]): BlockEntry {
  const transactions = new ByteWriter();
  const receipts = new ByteWriter();
  const transactionsAt = parts.map(([sent]) => {
    const at = transactions.length;
    encodeTransaction(sent, transactions);
    return at;
  });
  const receiptsAt = parts.map(([, made]) => {
    const at = receipts.length;
    encodeReceipt(made, receipts);
    return at;
  });
  const out = new ByteWriter();
  out.raw(new Uint8Array(ENTRY_HEADER_BYTES));
  out.bytes[0] = 1;
  out.bytes[1] = 1;
  const { length } = out;
  for (const [at, value] of [
    [4, parts.length],
    [16, 7],
    [40, transactions.length],
    [44, receipts.length],
  ] as const) {
    out.length = at;
    out.u32(value);
  }
  out.length = length;
  for (const i of parts.keys()) out.raw(new Uint8Array(32).fill(i + 1));
  for (const at of [...transactionsAt, ...receiptsAt]) out.u32(at);
  out.raw(transactions.take());
  out.raw(receipts.take());
  return BlockEntry.parse(out.take());
}

describeWith(NATIVE, "receipts that are written natively", () => {
  it("are the text that they would be", () => {
    let written = 0;
    let summarised = 0;
    fc.assert(
      fc.property(block, (parts) => {
        const entry = entryOf(parts);
        const receipts = new BlockReceipts(entry, KNOWN);
        for (const index of parts.keys()) {
          const text = codec!.receiptText(entry.bytes, index, KNOWN_TOKEN);
          if (text === undefined) continue;
          written++;
          expect(text).toBe(receipts.full(index));
        }
        const summaries = codec!.summariesText(entry.bytes, 0, parts.length);
        if (summaries === undefined) return;
        summarised++;
        expect(summaries).toBe(parts.map((_, index) => receipts.summary(index)).join(","));
      }),
      { numRuns: 5_000 },
    );
    expect(written).toBeGreaterThan(1_000);
    expect(summarised).toBeGreaterThan(1_000);
  });

  it("are those of tokens alone that are listed", () => {
    const plain: Receipt = {
      status: "success",
      haltReason: undefined,
      gasUsed: 30_000,
      contractAddress: undefined,
      returnData: new Uint8Array(32).fill(1, 31),
      logs: [],
    };
    const entry = entryOf([[transfer(1), plain]]);
    expect(codec!.receiptText(entry.bytes, 0, KNOWN_TOKEN)).toContain('"result":true');
    expect(codec!.receiptText(entry.bytes, 0, fromHex(BOB)!)).toBeUndefined();
    expect(codec!.receiptText(entry.bytes, 1, KNOWN_TOKEN)).toBeUndefined();
    expect(codec!.receiptText(entry.bytes.subarray(0, entry.bytes.length - 1), 0, KNOWN_TOKEN)).toBeUndefined();
  });
});
