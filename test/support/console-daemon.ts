/** A daemon with something to look at: tokens with and without markup in their names, transactions that did well and that did not. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, connect } from "../../src/client/client.ts";
import type { ReceiptJson, TransactionJson } from "../../src/client/methods.ts";
import { type DaemonProcess, startDaemon } from "./daemon.ts";

export const ALICE = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
export const BOB = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
export const MARKUP = "<img src=x onerror=alert(1)>";

const GAS = "1000000";

export interface ConsoleDaemon {
  readonly process: DaemonProcess;
  readonly client: Client;
  readonly url: string;
  close(): Promise<void>;
}

/** @param options.dataDir left out: a directory that goes away with the daemon. */
export async function openConsoleDaemon(
  options: { dataDir?: string; http?: string; flags?: string[]; environment?: Record<string, string> } = {},
): Promise<ConsoleDaemon> {
  const { http = "127.0.0.1:0", flags = [], environment = {} } = options;
  const ownDirectory = options.dataDir === undefined ? mkdtempSync(join(tmpdir(), "polytorus-test-")) : undefined;
  const dataDir = options.dataDir ?? join(ownDirectory!, "data");
  const daemon = await startDaemon(dataDir, { args: ["--http", http, ...flags], environment });
  const line = daemon
    .stderr()
    .split("\n")
    .find((text) => text.includes('"msg":"listening"'))!;
  const client = await connect({ ipc: daemon.ipc });
  return {
    process: daemon,
    client,
    url: (JSON.parse(line) as { http: string }).http,
    close: async () => {
      await client.close();
      await daemon.kill("SIGTERM");
      if (ownDirectory !== undefined) rmSync(ownDirectory, { recursive: true, force: true });
    },
  };
}

export async function submit(client: Client, transaction: Partial<TransactionJson>): Promise<ReceiptJson> {
  const whole = { sender: ALICE, gasLimit: GAS, ...transaction } as TransactionJson;
  return (await client.call("tx_submit", { transaction: whole })) as ReceiptJson;
}

/** A token of Alice's; answers its address. */
export async function deployToken(client: Client, name: string, symbol: string, decimals = 18): Promise<string> {
  const contract = { type: "erc20", name, symbol, decimals, initialSupply: "1000000", mintable: true, pausable: true };
  return (await submit(client, { kind: "deploy", contract })).contractAddress!;
}

export function transfer(client: Client, to: string, value: string, more: Partial<TransactionJson> = {}) {
  return submit(client, { kind: "call", to, entrypoint: "transfer", args: [BOB, value], ...more });
}
