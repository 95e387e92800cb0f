import { describe, expect, it } from "vitest";
import { EngineError } from "../../src/errors.ts";
import { describeJsonRpc } from "../support/json-rpc-suite.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { transfer } from "../support/requests.ts";
import { openFakeDaemon } from "../support/rpc-target.ts";

describeJsonRpc(openFakeDaemon);

describe("errors of the service", () => {
  it("answers a fault without its message or stack, and logs it under the id that it answers", async () => {
    const daemon = await openFakeDaemon();
    const socket = await RawSocket.open(daemon.ipc);
    daemon.engine.nextFailure = new TypeError("the secret of /etc/passwd");
    const { error } = await socket.ask("tx_submit", { transaction: transfer(0) });
    expect(error).toMatchObject({ code: -32603, data: { code: "INTERNAL_ERROR", faultId: expect.any(String) } });
    expect(JSON.stringify(error)).not.toMatch(/secret|at .*\.ts/);
    expect(daemon.logLines).toMatchObject([
      { level: "error", facts: { faultId: error.data.faultId, err: { message: /secret/ } } },
    ]);
    await daemon.close();
  });

  it("answers an error that the service throws with its facts", async () => {
    const daemon = await openFakeDaemon();
    const socket = await RawSocket.open(daemon.ipc);
    daemon.engine.nextFailure = new EngineError("BUSY", "too much is queued", { retryAfterMs: 250 });
    const { error } = await socket.ask("tx_submitBatch", { transactions: [transfer(0)] });
    expect(error).toMatchObject({
      code: -32007,
      message: "too much is queued",
      data: { code: "BUSY", retryAfterMs: 250 },
    });
    await daemon.close();
  });

  it("turns everything away while it stops", async () => {
    const daemon = await openFakeDaemon();
    const socket = await RawSocket.open(daemon.ipc);
    daemon.rpc.stop();
    expect((await socket.ask("tx_submit", { transaction: transfer(0) })).error.data.code).toBe("SHUTTING_DOWN");
    expect(daemon.engine.executed).toEqual([]);
    await daemon.close();
  });
});

describe("block modes", () => {
  it("has tx_submit in mode auto and block_execute in mode driven only", async () => {
    const params = { height: 1, parentHash: `0x${"00".repeat(32)}`, timestampMs: 1, transactions: [] };
    for (const [blockMode, method] of [
      ["driven", "tx_submit"],
      ["auto", "block_execute"],
    ] as const) {
      const daemon = await openFakeDaemon({ blockMode });
      const socket = await RawSocket.open(daemon.ipc);
      const { error } = await socket.ask(method, method === "tx_submit" ? { transaction: transfer(0) } : params);
      expect(error).toMatchObject({ code: -32009, data: { code: "WRONG_MODE", method, blockMode } });
      await daemon.close();
    }
  });

  it("runs block methods in the order sent, however long each takes", async () => {
    const daemon = await openFakeDaemon({ blockMode: "driven" });
    const socket = await RawSocket.open(daemon.ipc);
    const parentHash = `0x${"00".repeat(32)}`;
    const block = (height: number, nonce: number) => ({
      height,
      parentHash,
      timestampMs: 1,
      transactions: [transfer(nonce), { raw: "0x" }],
    });
    const executed = await socket.ask("block_execute", block(1, 0));
    socket.send({
      jsonrpc: "2.0",
      id: 1,
      method: "block_commit",
      params: { height: 1, stateRoot: executed.result.stateRoot },
    });
    socket.send({ jsonrpc: "2.0", id: 2, method: "block_execute", params: block(2, 1) });
    socket.send({ jsonrpc: "2.0", id: 3, method: "block_discard" });
    socket.send({ jsonrpc: "2.0", id: 4, method: "block_discard" });
    socket.send({ jsonrpc: "2.0", id: 5, method: "block_apply", params: block(2, 2) });
    socket.send({ jsonrpc: "2.0", id: 6, method: "block_rollback", params: { toHeight: 1 } });
    const answers = await socket.read(6);
    expect(answers.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(answers).toMatchObject([
      { result: { height: 1, blockHash: expect.any(String) } },
      {
        result: {
          height: 2,
          receipts: [
            { status: "success" },
            { error: { data: { code: "UNSUPPORTED_TRANSACTION", path: "transactions[1]" } } },
          ],
        },
      },
      { result: {} },
      { error: { data: { code: "NOT_STAGED" } } },
      { result: { height: 2, gasUsed: "51234", blockHash: expect.any(String) } },
      { result: { height: 1, stateRoot: executed.result.stateRoot } },
    ]);
    await daemon.close();
  });
});
