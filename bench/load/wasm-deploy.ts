/**
 * Question   How long does a deployment of a 300 KB contract take through the daemon, durable, and what of it is new code?
 * Workload   tx_submit of cw20-base (316 KB) with one holder, one outstanding on the Unix socket. "cold": the daemon's first.
 *            "warm": after `warmup` others, each a code of its own (a custom section differs), so that every one is parsed,
 *            rewritten, compiled as a whole on the compiling thread, hashed, journalled and instantiated. "same code": a
 *            deployment of code that was the last one's, sent again. The null server gets and parses the same lines.
 * Expected   warm 50 ms or less: 10 ms of rewriting and compiling every function, the rest 632 KB of JSON, hashes and disk.
 * Checked    every receipt; in the end every contract answers its holder's balance.
 * Run        node scripts/run.mjs bench/load/wasm-deploy.ts [--rounds 15]
 */
import { createConnection } from "node:net";
import { BALANCE, cw20Code, cw20Init, makeHolders } from "../support/cw20.ts";
import { Daemon, Workspace } from "../support/daemon.ts";
import { deployWasm } from "../support/deploy-wasm.ts";
import { printBanner } from "../support/machine.ts";
import { NullServer } from "../support/null-server.ts";
import { readOptions } from "../support/options.ts";
import { spreadOf, spreadText, tableText } from "../support/statistics.ts";

const WARMUP = 5;
const GOAL_MS = 50;
const DEPLOYER = `0x${"de".repeat(20)}`;

const options = readOptions({ rounds: 15 });
printBanner("Deployments of a 316 KB contract through the daemon", options);

const holders = makeHolders(1);
const init = cw20Init(holders);
let made = 0;

/** The contract, with a custom section that no other has. */
function newCode(): Uint8Array {
  const name = Buffer.from(`bench-${made++}`);
  const section = [0, name.length + 1, name.length, ...name];
  return Uint8Array.from([...cw20Code(), ...section]);
}

const workspace = new Workspace();
const daemon = await Daemon.start(workspace.directory("data"));
const nullServer = await NullServer.start("ndjson", workspace.directory("null.ipc"));
try {
  const deployed: string[] = [];
  const deploy = async (code: Uint8Array) => {
    const startedAt = performance.now();
    deployed.push(await deployWasm(daemon.client, DEPLOYER, code, init));
    return performance.now() - startedAt;
  };
  const cold = await deploy(newCode());
  for (let i = 0; i < WARMUP; i++) await deploy(newCode());
  const [warm, same, wire]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < options.rounds; round++) {
    const code = newCode();
    warm.push(await deploy(code));
    same.push(await deploy(code));
    wire.push(await nullRoundTrip(code));
  }
  const median = spreadOf(warm);
  const row = (name: string, ms: number[]) => [name, spreadText(spreadOf(ms), 1)];
  process.stdout.write(
    tableText(
      ["deployment", "ms, median (min–max)"],
      [row("cold", [cold]), row("warm", warm), row("same code", same), row("null server", wire)],
    ),
  );
  process.stdout.write(`\n≤ ${GOAL_MS} ms warm: ${median.median <= GOAL_MS ? "met" : "missed"}\n`);
  await check(deployed);
} finally {
  await nullServer.close();
  await daemon.stop();
  workspace.remove();
}

/** The same line to a server that parses and answers it. */
async function nullRoundTrip(code: Uint8Array): Promise<number> {
  const startedAt = performance.now();
  const contract = { type: "wasm", code: `0x${Buffer.from(code).toString("hex")}`, init };
  const transaction = { kind: "deploy", sender: DEPLOYER, gasLimit: "2000000000", contract };
  const line = `${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tx_submit", params: { transaction } })}\n`;
  await new Promise<void>((resolve, reject) => {
    const socket = createConnection(nullServer.address, () => socket.write(line));
    socket.on("error", reject).once("data", () => {
      socket.destroy();
      resolve();
    });
  });
  return performance.now() - startedAt;
}

async function check(addresses: readonly string[]): Promise<void> {
  const msg = { balance: { address: holders[0]!.text } };
  for (const address of addresses) {
    const { returnData } = await daemon.client.call("contract_query", { address, msg });
    const answer = Buffer.from(returnData.slice(2), "hex").toString();
    if (answer !== JSON.stringify({ balance: String(BALANCE) })) throw new Error(`${address} answers ${answer}`);
  }
  process.stdout.write(`checked: ${addresses.length} contracts answer their holder's balance\n`);
}
