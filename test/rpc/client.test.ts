import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect, connectBinary, EngineError } from "../../src/client/client.ts";
import { ALICE, transfer } from "../support/requests.ts";
import { type FakeDaemon, openFakeDaemon } from "../support/rpc-target.ts";

describe("the client", () => {
  let daemon: FakeDaemon;
  beforeEach(async () => {
    daemon = await openFakeDaemon();
  });
  afterEach(() => daemon.close());

  it("answers the same over the Unix socket and HTTP", async () => {
    const overSocket = await connect({ ipc: daemon.ipc });
    const overHttp = await connect({ url: daemon.url });
    const receipt = await overSocket.call("tx_submit", { transaction: transfer(0) });
    const { transactionHash } = receipt;
    for (const client of [overSocket, overHttp])
      expect(await client.call("tx_receipt", { transactionHash })).toEqual(receipt);
    await Promise.all([overSocket.close(), overHttp.close()]);
  });

  it("rejects with the daemon's code, message and facts", async () => {
    for (const target of [{ ipc: daemon.ipc }, { url: daemon.url }]) {
      const client = await connect(target);
      const problem = await client.call("tx_submit", { transaction: transfer(9) }).catch((error: unknown) => error);
      expect(problem).toBeInstanceOf(EngineError);
      expect(problem).toMatchObject({
        code: "NONCE_MISMATCH",
        facts: { sender: ALICE, expected: 0, received: 9 },
        exitCode: 1,
      });
      expect((problem as EngineError).facts).not.toHaveProperty("hint");
      await client.close();
    }
  });

  it("keeps the order of calls that it makes together", async () => {
    const client = await connect({ ipc: daemon.ipc });
    const nonces = Array.from({ length: 1_000 }, (_, nonce) => nonce);
    const receipts = await Promise.all(
      nonces.map((nonce) => client.call("tx_submit", { transaction: transfer(nonce) })),
    );
    expect(receipts).toHaveLength(1_000);
    expect(daemon.engine.executed.map(({ nonce }) => nonce)).toEqual(nonces);
    await client.close();
  });

  it("names path or address, and a hint, when there is no daemon", async () => {
    const path = join(tmpdir(), "nobody-listens.ipc");
    for (const reach of [() => connect({ ipc: path }), () => connectBinary(path)]) {
      await expect(reach()).rejects.toMatchObject({
        code: "CONNECTION_FAILED",
        facts: { where: path },
        hint: expect.stringMatching(/npm start/),
      });
    }
    const client = await connect({ url: "http://127.0.0.1:1" });
    await expect(client.call("engine_info", {})).rejects.toMatchObject({
      code: "CONNECTION_FAILED",
      facts: { where: "http://127.0.0.1:1" },
    });
  });

  it("rejects after the timeout of a call, and goes on", async () => {
    daemon.engine.isHeld = true;
    for (const target of [{ ipc: daemon.ipc }, { url: daemon.url }]) {
      const client = await connect(target, { timeoutMs: 60_000 });
      const call = client.call("tx_submit", { transaction: transfer(0) }, { timeoutMs: 50 });
      await expect(call).rejects.toMatchObject({
        code: "ANSWER_TIMEOUT",
        facts: { method: "tx_submit", timeoutMs: 50 },
      });
      expect(await client.call("engine_info", {})).toMatchObject({ chainId: 1337 });
      if ("url" in target) await client.close();
    }
    daemon.engine.release();
  });

  it("finishes calls in flight when it is closed, and refuses later ones", async () => {
    daemon.engine.isHeld = true;
    const client = await connect({ ipc: daemon.ipc });
    const call = client.call("tx_submit", { transaction: transfer(0) });
    const closing = client.close();
    await expect(client.call("engine_info", {})).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
    daemon.engine.release();
    expect(await call).toMatchObject({ status: "success" });
    await closing;
  });

  it("sends what was encoded already, batch by batch", async () => {
    const client = await connectBinary(daemon.binaryIpc);
    const batches = Array.from({ length: 50 }, (_, batch) =>
      client.submitBatch([transfer(2 * batch), transfer(2 * batch + 1)]),
    );
    const answers = await Promise.all(batches);
    expect(answers.flatMap(({ outcomes }) => outcomes.map(({ status }) => status))).toEqual(
      new Array(100).fill("success"),
    );
    await expect(client.submitBatch([])).rejects.toMatchObject({ code: "VALIDATION_ERROR", facts: { path: "count" } });
    await client.close();
  });
});

describe("the client of something else", () => {
  let directory: string;
  let server: Server;
  let path: string;
  let answerWith: (socket: Socket) => void;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "client-"));
    path = join(directory, "other.ipc");
    server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => answerWith(socket));
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
  });
  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(directory, { recursive: true, force: true });
  });

  it.each<[string, (socket: Socket) => void, string]>([
    ["hangs up", (socket) => socket.destroy(), "CONNECTION_CLOSED"],
    ["sends what is no JSON", (socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"), "CONNECTION_CLOSED"],
    [
      "answers nothing that was asked",
      (socket) => socket.write('{"jsonrpc":"2.0","id":null,"result":1}\n'),
      "CONNECTION_CLOSED",
    ],
    [
      "refuses the connection with an error of its own",
      (socket) =>
        socket.write(
          '{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"too long","data":{"code":"LIMIT_EXCEEDED","hint":""}}}\n',
        ),
      "LIMIT_EXCEEDED",
    ],
  ])("rejects every call when it %s", async (_title, respond, code) => {
    answerWith = respond;
    const client = await connect({ ipc: path });
    const calls = await Promise.allSettled([client.call("engine_info", {}), client.call("state_root", {})]);
    expect(calls).toMatchObject([{ reason: { code } }, { reason: { code } }]);
    await expect(client.call("engine_info", {})).rejects.toMatchObject({ code });
    await client.close();
  });

  it("rejects every batch when what answers speaks no frames", async () => {
    answerWith = (socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    const client = await connectBinary(path);
    await expect(client.submitBatch([transfer(0)])).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
    await client.close();
  });

  it("keeps a code that it does not know in the facts", async () => {
    answerWith = (socket) =>
      socket.write(
        '{"jsonrpc":"2.0","id":1,"error":{"code":-32099,"message":"new","data":{"code":"NEW_KIND","hint":"","x":1}}}\n',
      );
    const client = await connect({ ipc: path });
    await expect(client.call("engine_info", {})).rejects.toMatchObject({
      code: "INTERNAL_ERROR",
      message: "new",
      facts: { code: "NEW_KIND", rpcCode: -32099, x: 1 },
    });
    await client.close();
  });
});
