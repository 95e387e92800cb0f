import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectBinary } from "../../src/client/client.ts";
import { FrameType } from "../../src/encoding/binary-frame.ts";
import { alignUp, writeU32 } from "../../src/encoding/bytes.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { type TransactionJson, transactionLength } from "../../src/encoding/transaction.ts";
import { encoded, exchange, frame, submitPayload } from "../support/binary-frames.ts";
import { describeBinary } from "../support/binary-suite.ts";
import { ALICE, BOB, DEPLOY, HASH, TOKEN, transfer } from "../support/requests.ts";
import { type FakeDaemon, openFakeDaemon } from "../support/rpc-target.ts";

const FRAME_BYTES_MAX = 64 * 1024;

describeBinary(() => openFakeDaemon({ limits: { frameBytesMax: FRAME_BYTES_MAX } }));

async function refusal(daemon: FakeDaemon, payload: Buffer, type: number = FrameType.submit) {
  const frames = await exchange(daemon.binaryIpc, frame(type, 7, payload));
  expect(frames).toMatchObject([{ type: FrameType.refused, id: 7 }]);
  return JSON.parse(frames[0]!.payload.toString()).data;
}

describe("the binary socket", () => {
  let daemon: FakeDaemon;
  beforeAll(async () => {
    daemon = await openFakeDaemon({ limits: { frameBytesMax: FRAME_BYTES_MAX, batchMax: 100 } });
  });
  afterAll(() => daemon.close());

  it("answers each transaction in its place, rejections too", async () => {
    const client = await connectBinary(daemon.binaryIpc);
    const sender = `0x${"01".repeat(20)}`;
    const from = (nonce: number | undefined, overrides: Partial<TransactionJson> = {}) =>
      transfer(nonce, { sender, ...overrides });
    const { blockHeight, outcomes } = await client.submitBatch([
      from(0),
      from(9),
      from(1, { args: [BOB, "99999999999"] }),
      from(2, { entrypoint: "loop", args: [] }),
      { ...DEPLOY, sender, nonce: 3 },
    ]);
    expect(blockHeight).toBe(daemon.engine.blocks.length);
    expect(outcomes).toMatchObject([
      { status: "success", gasUsed: 51234, contractAddress: undefined, receipt: undefined },
      { status: "rejected", error: { code: "NONCE_MISMATCH", facts: { expected: 1, received: 9 } } },
      { status: "reverted" },
      { status: "halted" },
      { status: "success", contractAddress: expect.any(Uint8Array) },
    ]);
    await client.close();
  });

  it("answers what JSON-RPC answers about the same transactions", async () => {
    const client = await connectBinary(daemon.binaryIpc);
    const { outcomes } = await client.submitBatch([transfer(undefined, { sender: `0x${"02".repeat(20)}` })], {
      receipts: true,
    });
    const [outcome] = outcomes;
    if (outcome?.status !== "success") throw new Error("not executed");
    const located = await daemon.engine.transaction(outcome.transactionHash);
    expect(located?.block.height).toBe(daemon.engine.blocks.length);
    expect(outcome.receipt).toMatchObject({ status: "success", gasUsed: 51234, logs: [{ topics: { length: 3 } }] });
    expect(toHex(outcome.receipt!.logs[0]!.address)).toBe(TOKEN);
    await client.close();
  });

  it("accepts before it executes when asked, and needs a nonce or an id for it", async () => {
    const client = await connectBinary(daemon.binaryIpc);
    const sender = `0x${"03".repeat(20)}`;
    const transactions = [
      transfer(0, { sender }),
      transfer(undefined, { sender, id: HASH }),
      transfer(undefined, { sender }),
    ];
    const { blockHeight, outcomes } = await client.submitBatch(transactions, { wait: "accepted" });
    expect(blockHeight).toBeUndefined();
    expect(outcomes).toMatchObject([
      { status: "accepted", transactionHash: expect.any(Uint8Array) },
      { status: "accepted" },
      { status: "rejected", error: { code: "NONCE_REQUIRED", facts: { path: "transactions[2]" } } },
    ]);
    await client.close();
  });

  it("answers queries in their places", async () => {
    const client = await connectBinary(daemon.binaryIpc);
    const query = (entrypoint: string, args: unknown[], gasLimit = 0): TransactionJson => ({
      kind: "call",
      sender: ALICE,
      nonce: 0,
      gasLimit,
      to: TOKEN,
      entrypoint,
      args,
    });
    const answers = await client.queryBatch([
      query("balanceOf", [`0x${"99".repeat(20)}`]),
      query("nothing", []),
      query("loop", []),
      query("transfer", []),
      query("balanceOf", [ALICE], 10 ** 11),
      { ...transfer(0), kind: "setAdmin", admin: null, entrypoint: undefined, args: undefined },
    ]);
    expect(answers).toMatchObject([
      { status: "success", gasUsed: 24000, returnData: { length: 32 } },
      { status: "rejected", error: { code: "UNKNOWN_ENTRYPOINT" } },
      { status: "halted", haltReason: "OutOfGas" },
      { status: "reverted" },
      { status: "rejected", error: { code: "LIMIT_EXCEEDED", facts: { limit: "queryGasMax" } } },
      { status: "rejected", error: { code: "VALIDATION_ERROR", facts: { path: "transactions[5].kind" } } },
    ]);
    await client.close();
  });

  it("rejects what is wrong in itself in its place, and leaves the neighbours alone", async () => {
    const sender = `0x${"04".repeat(20)}`;
    const body = encoded(transfer(0, { sender }), transfer(1, { sender }), transfer(1, { sender }));
    const second = alignUp(transactionLength(body, 0));
    body[second + 2] = 9;
    const frames = await exchange(daemon.binaryIpc, frame(FrameType.submit, 1, submitPayload(3, body)));
    const payload = frames[0]!.payload;
    expect([payload.readUInt32LE(8), payload[12]]).toEqual([3, 1]);
    expect(payload.toString("latin1")).toContain('"path":"transactions[1].bodyForm"');
    expect(
      daemon.engine.executed.filter((transaction) => transaction.sender === sender).map(({ nonce }) => nonce),
    ).toEqual([0, 1]);
  });

  it("refuses a frame whole when its transactions do not add up to it", async () => {
    const executedBefore = daemon.engine.executed.length;
    const one = encoded(transfer(0));
    const overlong = Buffer.from(one);
    writeU32(overlong, 4, 1_000_000);
    const dirtyPadding = encoded(transfer(0, { args: [BOB, "1"] }));
    expect(dirtyPadding.length).not.toBe(transactionLength(dirtyPadding, 0));
    dirtyPadding[dirtyPadding.length - 1] = 1;
    expect(await refusal(daemon, submitPayload(2, one))).toMatchObject({
      code: "VALIDATION_ERROR",
      path: "transactions[1]",
    });
    expect(await refusal(daemon, submitPayload(1, Buffer.concat([one, one])))).toMatchObject({ path: "frame" });
    expect(await refusal(daemon, submitPayload(1, overlong))).toMatchObject({ path: "transactions[0].bodyLength" });
    expect(await refusal(daemon, submitPayload(1, dirtyPadding))).toMatchObject({ path: "frame" });
    expect(await refusal(daemon, submitPayload(0, Buffer.alloc(0)))).toMatchObject({ path: "count" });
    expect(await refusal(daemon, submitPayload(101, one))).toMatchObject({ code: "LIMIT_EXCEEDED", limit: "batchMax" });
    expect(await refusal(daemon, submitPayload(0xffffffff, one))).toMatchObject({
      code: "LIMIT_EXCEEDED",
      limit: "batchMax",
    });
    expect(await refusal(daemon, submitPayload(1, one, 3))).toMatchObject({ path: "options" });
    expect(await refusal(daemon, submitPayload(1, one, 0x200))).toMatchObject({ path: "options" });
    expect(await refusal(daemon, submitPayload(1, one, 0x10000))).toMatchObject({ path: "options" });
    expect(await refusal(daemon, Buffer.alloc(3))).toMatchObject({ path: "frame" });
    expect(await refusal(daemon, Buffer.alloc(0), 77)).toMatchObject({ code: "METHOD_NOT_FOUND", type: 77 });
    expect(daemon.engine.executed.length).toBe(executedBefore);
  });

  it("takes frames that come a byte at a time, and many in one write", async () => {
    const bytes = frame(FrameType.query, 5, submitPayload(1, encoded(transfer(0, { entrypoint: "name", args: [] }))));
    const socket = connect(daemon.binaryIpc);
    const answered = new Promise<Buffer>((resolve) => socket.once("data", resolve));
    for (const byte of bytes) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await answered)[4]).toBe(FrameType.queried);
    socket.destroy();
    expect(await exchange(daemon.binaryIpc, Buffer.concat(new Array<Buffer>(500).fill(bytes)))).toHaveLength(500);
  });
});
