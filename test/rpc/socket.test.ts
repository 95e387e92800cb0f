import { describe, expect, it } from "vitest";
import { RawSocket } from "../support/raw-socket.ts";
import { ALICE, BOB, request, TOKEN, transfer } from "../support/requests.ts";
import { openFakeDaemon } from "../support/rpc-target.ts";
import { describeSocket } from "../support/socket-suite.ts";

describeSocket(() => openFakeDaemon({ limits: { frameBytesMax: 256 * 1024 } }));

const submit = (id: number, nonce: number) => request(id, "tx_submit", { transaction: transfer(nonce) });

describe("order and bounds", () => {
  it("executes pipelined transactions in the order sent, single, in arrays and in batches", async () => {
    const daemon = await openFakeDaemon();
    const socket = await RawSocket.open(daemon.ipc);
    const count = 3_000;
    for (let nonce = 0; nonce < count; nonce += 3) {
      socket.send(submit(nonce, nonce));
      socket.send([submit(nonce + 1, nonce + 1)]);
      socket.send(request(nonce + 2, "tx_submitBatch", { transactions: [transfer(nonce + 2)] }));
    }
    const answers = (await socket.read(count)).flat();
    expect(answers.filter(({ error }) => error !== undefined)).toEqual([]);
    expect(daemon.engine.executed.map(({ nonce }) => nonce)).toEqual(
      Array.from({ length: count }, (_, nonce) => nonce),
    );
    await daemon.close();
  });

  it("stops reading at the bound of requests in flight, and drops none", async () => {
    const daemon = await openFakeDaemon({ limits: { inFlightMax: 10 } });
    const socket = await RawSocket.open(daemon.ipc);
    daemon.engine.isHeld = true;
    for (let nonce = 0; nonce < 500; nonce++) socket.send(submit(nonce, nonce));
    await expect.poll(() => daemon.engine.queued).toBe(10);
    await idle();
    expect(daemon.engine.queued).toBe(10);
    daemon.engine.release();
    expect((await socket.read(500)).every(({ result }) => result.status === "success")).toBe(true);
    await daemon.close();
  });

  it("stops reading at the bound of bytes in flight", async () => {
    const daemon = await openFakeDaemon({ limits: { inFlightBytesMax: 100_000 } });
    const socket = await RawSocket.open(daemon.ipc);
    daemon.engine.isHeld = true;
    const large = { ...transfer(0), calldata: `0x${"00".repeat(20_000)}`, entrypoint: undefined, args: undefined };
    for (let nonce = 0; nonce < 50; nonce++)
      socket.send(request(nonce, "tx_submit", { transaction: { ...large, nonce } }));
    await expect.poll(() => daemon.engine.queued).toBe(3);
    await idle();
    expect(daemon.engine.queued).toBe(3);
    daemon.engine.release();
    expect(await socket.read(50)).toHaveLength(50);
    await daemon.close();
  });

  it("is not held up by a client that does not read, and cuts it off when too much stays unread", async () => {
    const daemon = await openFakeDaemon({ limits: { unreadAnswersBytesMax: 256 * 1024, unreadGraceMs: 200 } });
    const deaf = await RawSocket.open(daemon.ipc);
    deaf.socket.pause();
    daemon.engine.isHeld = true;
    const batch = Array.from({ length: 100 }, () => transfer(undefined));
    for (let id = 0; id < 64; id++) deaf.send(request(id, "tx_submitBatch", { transactions: batch }));
    while (daemon.engine.queued < 64) await idle(10);
    daemon.engine.release();
    const other = await RawSocket.open(daemon.ipc);
    const { result } = await other.ask("contract_query", { address: TOKEN, entrypoint: "balanceOf", args: [BOB] });
    expect(result.result).toBeDefined();
    while (daemon.logLines.length === 0) await idle(10);
    expect(daemon.logLines).toMatchObject([{ level: "warn", message: expect.stringMatching(/does not read/) }]);
    deaf.socket.resume();
    await deaf.closed;
    await daemon.close();
  });

  it("waits for a client that reads slowly, and loses none of its answers", async () => {
    const daemon = await openFakeDaemon();
    const slow = await RawSocket.open(daemon.ipc);
    slow.socket.pause();
    const batch = Array.from({ length: 50 }, () => transfer(undefined));
    const writer = (async () => {
      for (let id = 0; id < 400; id++) {
        if (!slow.socket.write(`${JSON.stringify(request(id, "tx_submitBatch", { transactions: batch }))}\n`)) {
          slow.socket.resume();
          await idle(1);
        }
      }
    })();
    const [answers] = await Promise.all([slow.read(400), writer]);
    expect(new Set(answers.map(({ id }) => id)).size).toBe(400);
    expect(daemon.logLines).toEqual([]);
    await daemon.close();
  });
});

describe("an orderly end", () => {
  it("finishes what is in flight, then closes and removes the socket", async () => {
    const daemon = await openFakeDaemon();
    const socket = await RawSocket.open(daemon.ipc);
    daemon.engine.isHeld = true;
    socket.send(submit(1, 0));
    await expect.poll(() => daemon.engine.queued).toBe(1);
    const closing = daemon.close(5_000);
    daemon.engine.release();
    expect((await socket.read(1))[0]).toMatchObject({ id: 1, result: { status: "success", sender: ALICE } });
    await Promise.all([socket.closed, closing]);
    await expect(RawSocket.open(daemon.ipc)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("cuts off at the deadline what never finishes", async () => {
    const daemon = await openFakeDaemon();
    const socket = await RawSocket.open(daemon.ipc);
    daemon.engine.isHeld = true;
    socket.send(submit(1, 0));
    await expect.poll(() => daemon.engine.queued).toBe(1);
    await daemon.close(50);
    expect(await socket.read(1)).toEqual([]);
  });
});

function idle(ms = 100): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
