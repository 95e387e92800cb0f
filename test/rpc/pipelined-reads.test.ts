/** Reads and writes on one connection of the daemon, in the order sent, though reads of WebAssembly run on other threads. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { toHex } from "../../src/encoding/hex.ts";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { ALICE, BOB } from "../support/engine.ts";
import { type Json, RawSocket } from "../support/raw-socket.ts";
import { contractText, wasmOf } from "../support/wasm-chain.ts";

/** A call with calldata counts up; one without answers the count. */
const COUNTER = toHex(
  wasmOf(
    contractText({
      call: `(drop (call $state_get (i32.const 0) (i32.const 1) (i32.const 16) (i32.const 4)))
        (if (call $input_length)
          (then (i32.store8 (i32.const 16) (i32.add (i32.load8_u (i32.const 16)) (i32.const 1)))
            (call $state_set (i32.const 0) (i32.const 1) (i32.const 16) (i32.const 4)))
          (else (call $return_data (i32.const 16) (i32.const 1))))`,
    }),
  ),
);

const directory = mkdtempSync(join(tmpdir(), "polytorus-test-"));
let daemon: DaemonProcess;
let socket: RawSocket;
let address: string;

beforeAll(async () => {
  daemon = await startDaemon(directory);
  socket = await RawSocket.open(daemon.ipc);
  const transaction = {
    kind: "deploy",
    sender: ALICE,
    gasLimit: "10000000",
    contract: { type: "wasm", code: COUNTER },
  };
  address = (await socket.ask("tx_submit", { transaction })).result.contractAddress;
});

afterAll(async () => {
  socket.close();
  await daemon.kill("SIGTERM");
  rmSync(directory, { recursive: true, force: true });
});

const write = (id: number) => ({
  jsonrpc: "2.0",
  id,
  method: "tx_submit",
  params: { transaction: { kind: "call", sender: ALICE, gasLimit: "1000000", to: address, calldata: "0x01" } },
});
const read = (id: number) => ({
  jsonrpc: "2.0",
  id,
  method: "contract_query",
  params: { address, calldata: "0x", caller: BOB, cache: "bypass" },
});
const count = (answer: Json): number => Number(answer.result.returnData);

it("shows a read what was sent before it on its connection, before that is answered", async () => {
  for (let round = 1; round <= 10; round++) {
    socket.send(write(1));
    socket.send(read(2));
    const answers = await socket.read(2);
    expect(count(answers.find(({ id }) => id === 2))).toBe(round);
  }
});

it("shows a read of an array what the array wrote before it", async () => {
  const before = count(await socket.ask("contract_query", read(0).params));
  socket.send([write(1), read(2), write(3), read(4)]);
  const [answers] = await socket.read(1);
  expect(answers.map(({ id }: Json) => id)).toEqual([1, 2, 3, 4]);
  expect(count(answers[1])).toBeGreaterThanOrEqual(before + 1);
  expect(count(answers[3])).toBe(before + 2);
});

it("shows every connection what another has a receipt for", async () => {
  const other = await RawSocket.open(daemon.ipc);
  for (let round = 0; round < 20; round++) {
    await socket.ask("tx_submit", write(1).params);
    const mine = count(await socket.ask("contract_query", read(1).params));
    expect(count(await other.ask("contract_query", read(1).params))).toBe(mine);
  }
  other.close();
});
