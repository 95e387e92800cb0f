/**
 * Question   How long does everybody wait when a contract spins until its executor is killed?
 * Workload   An engine as the daemon has it, on a disk, its executor allowed `LIMIT_MS` a batch instead of 10 s. A WebAssembly
 *            contract loops with 10^12 gas, hours of work, so that only the watchdog ends it. Behind it wait 200
 *            transfers, 20 calls of a WebAssembly contract and 50 queries. Timed from the kill to the first and the last answer.
 * Expected   100 ms or less to the first: 3 ms to end the thread, 15 ms for the spare one, started by the watchdog at half of the
 *            time, to open the state and find the tree kept, then one block.
 * Checked    the spinning transaction is EXECUTION_TIMEOUT, every other receipt is a success, every query answered.
 * Run        node scripts/run.mjs bench/micro/executor-kill.bench.ts [--rounds 7]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import wabt from "wabt";
import { toHex } from "../../src/encoding/hex.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import { openEngine, submit as submitTo } from "../../test/support/engine.ts";
import { printBanner } from "../support/machine.ts";
import { readOptions } from "../support/options.ts";
import { ROOT } from "../support/program.ts";
import { spreadOf, spreadText, tableText } from "../support/statistics.ts";

const LIMIT_MS = 2_000;
const GOAL_MS = 100;
const TRANSFERS = 200;
const CALLS = 20;
const QUERIES = 50;
const SENDER = `0x${"a1".repeat(20)}`;
const SPINNER = `0x${"57".repeat(20)}`;
/** Loops for ever when it gets calldata. */
const CONTRACT = `(module
  (import "polytorus" "input_length" (func $input_length (result i32)))
  (memory (export "memory") 1)
  (func (export "deploy"))
  (func (export "call") (if (call $input_length) (then (loop $l (br $l))))))`;

const options = readOptions({ rounds: 7 });
printBanner("Kill of a spinning contract, and what waited behind it", options);

const directory = mkdtempSync(join(tmpdir(), "polytorus-bench-"));
let killedAt = 0;
const { engine } = await openEngine({
  dataDir: directory,
  executionTimeoutMs: LIMIT_MS,
  parallelThreads: 0,
  queries: { threads: 0, timeoutMs: LIMIT_MS, waitingMax: QUERIES },
  report: (_level, message) => {
    if (message.startsWith("the executor was stopped")) killedAt = performance.now();
  },
  scripts: new URL("dist/", `${pathToFileURL(ROOT)}/`),
});
try {
  const erc20 = { type: "erc20", name: "Bench", symbol: "BNCH", decimals: 0, initialSupply: "1000000000" };
  const module = (await wabt()).parseWat("spin.wat", CONTRACT).toBinary({}).buffer;
  const token = await deploy(erc20);
  const spinner = await deploy({ type: "wasm", code: toHex(module) });
  const [first, last]: [number[], number[]] = [[], []];
  for (let round = 0; round < options.rounds; round++) {
    const times = await spin(token, spinner);
    first.push(times.firstMs);
    last.push(times.lastMs);
  }
  const header = ["from the kill to", "goal", "ms, median (min–max)", "verdict"];
  const verdict = spreadOf(first).median <= GOAL_MS ? "met" : "missed";
  process.stdout.write(
    tableText(header, [
      ["the first answer", `≤ ${GOAL_MS} ms`, spreadText(spreadOf(first), 1), verdict],
      [`the last of ${TRANSFERS + CALLS + QUERIES + 1}`, "", spreadText(spreadOf(last), 1), ""],
    ]),
  );
} finally {
  await engine.close();
  rmSync(directory, { recursive: true, force: true });
}

async function spin(token: string, spinner: string): Promise<{ firstMs: number; lastMs: number }> {
  const transfer: TransactionJson = {
    kind: "call",
    sender: SENDER,
    gasLimit: 200_000,
    to: token,
    entrypoint: "transfer",
    args: [SPINNER, "1"],
  };
  const call: TransactionJson = { kind: "call", sender: SENDER, gasLimit: 200_000, to: spinner, calldata: "0x" };
  const answeredAt: number[] = [];
  const answered = <T>(value: T): T => {
    answeredAt.push(performance.now());
    return value;
  };
  const spinning = submit({ ...call, sender: SPINNER, gasLimit: 1e12, calldata: "0x01" });
  await new Promise((resolve) => setTimeout(resolve, 20));
  const behind = [
    ...Array.from({ length: TRANSFERS }, () => submit(transfer).then(answered)),
    ...Array.from({ length: CALLS }, () => submit(call).then(answered)),
  ];
  const queries = Array.from({ length: QUERIES }, () => balance(token).then(answered));
  const fates = await Promise.all(behind);
  await Promise.all(queries);
  const wrong = [await spinning.then(answered), ...fates].filter(
    (fate, i) => fate !== (i === 0 ? "EXECUTION_TIMEOUT" : "success"),
  );
  if (wrong.length > 0) throw new Error(`${wrong.length} transactions were ${wrong[0]}`);
  return { firstMs: Math.min(...answeredAt) - killedAt, lastMs: Math.max(...answeredAt) - killedAt };
}

/** The receipt's status, or the code of the rejection. */
async function submit(transaction: TransactionJson): Promise<string> {
  const [fate] = await submitTo(engine, [transaction]);
  return "rejection" in fate! ? fate.rejection.code : fate!.receipt.status;
}

async function deploy(contract: unknown): Promise<string> {
  const [fate] = await submitTo(engine, [{ kind: "deploy", sender: SENDER, gasLimit: 10_000_000, contract }]);
  if ("rejection" in fate! || fate!.receipt.contractAddress === undefined) throw new Error(JSON.stringify(fate));
  return toHex(fate!.receipt.contractAddress);
}

function balance(token: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    engine.service.query(
      (out) => {
        const query = { kind: "call" as const, sender: SENDER, gasLimit: 1_000_000, to: token };
        encodeTransaction({ ...query, entrypoint: "balanceOf", args: [SENDER] }, out);
        return 1;
      },
      { settle: resolve, fail: reject },
      true,
    );
  });
}
