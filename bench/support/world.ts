/**
 * World: a running daemon with one token and N holders, each of which has funds and has sent once, and the load generator
 * that knows what every one of them must have. Measurements follow one another in it; `check` holds the end against them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Accounts, FUNDS } from "./accounts.ts";
import { backlogOf, Daemon } from "./daemon.ts";
import { GeneratorHandle, type OnTick } from "./generator-handle.ts";
import type { WireName } from "./generator-protocol.ts";
import type { LoadResult } from "./load-driver.ts";

/** Transfers between two looks at the follower's backlog while a world is made. */
const SETUP_STEP = 50_000;
/** A quarter of what the daemon refuses more at. */
const BACKLOG_BYTES_MAX = 256 * 1024 * 1024;

export interface Load {
  wire: WireName;
  outstanding: number;
  batchSize?: number;
  warmupMs: number;
  measureMs: number;
  tickMs?: number;
}

export class World {
  readonly holders: number;
  readonly dataDir: string;
  readonly token: string;
  readonly generator: GeneratorHandle;
  #daemon: Daemon;

  /** Starts a daemon on an empty directory and fills it. */
  static async create(holders: number, dataDir: string, flags: readonly string[] = []): Promise<World> {
    const daemon = await Daemon.start(dataDir, flags);
    const generator = await GeneratorHandle.start();
    const owner = new Accounts(holders).text(holders);
    const supply = holders * FUNDS;
    const transaction = {
      kind: "deploy" as const,
      sender: owner,
      nonce: 0,
      gasLimit: "10000000",
      contract: { type: "erc20", name: "Bench", symbol: "BNCH", decimals: 0, initialSupply: String(supply) },
    };
    const receipt = await daemon.client.call("tx_submit", { transaction });
    const token = "contractAddress" in receipt ? receipt.contractAddress : null;
    if (token === null) throw new Error(`the token was not deployed: ${JSON.stringify(receipt)}`);
    await generator.ask("prepare", { holders, token, supply, ownerNonce: 1 });
    const world = new World(daemon, generator, holders, dataDir, token);
    for (const pass of ["fund", "firstSend"] as const) {
      for (let first = 0; first < holders; first += SETUP_STEP) {
        const end = Math.min(holders, first + SETUP_STEP);
        await generator.ask("setUp", { pass, first, end, binaryPath: daemon.binaryPath });
        while (backlogOf(await daemon.health()).bytes > BACKLOG_BYTES_MAX) await sleep(100);
      }
    }
    await world.settle();
    return world;
  }

  private constructor(daemon: Daemon, generator: GeneratorHandle, holders: number, dataDir: string, token: string) {
    this.#daemon = daemon;
    this.generator = generator;
    this.holders = holders;
    this.dataDir = dataDir;
    this.token = token;
  }

  get daemon(): Daemon {
    return this.#daemon;
  }

  /** Waits until the state store has applied the whole log. */
  async settle(): Promise<void> {
    for (;;) {
      if (backlogOf(await this.#daemon.health()).entries === 0) return;
      await sleep(50);
    }
  }

  /** Loads the daemon. `daemonUs`: the processor time it took for each operation. @throws Error at the first answer that is no success. */
  async run(load: Load, onTick?: OnTick): Promise<LoadResult & { daemonUs: number }> {
    const usedBefore = this.#daemon.processorSeconds();
    const path = load.wire === "binary-batch" ? this.#daemon.binaryPath : this.#daemon.ipc;
    const result = await this.#ask(load, path, false, onTick);
    return { ...result, daemonUs: ((this.#daemon.processorSeconds() - usedBefore) * 1e6) / result.answered };
  }

  /** `count` random transfers, as fast as they go; resolves when all are acknowledged. Answers how many it were. */
  async transfer(count: number): Promise<number> {
    return await this.generator.ask("setUp", {
      pass: "random",
      first: 0,
      end: count,
      binaryPath: this.#daemon.binaryPath,
    });
  }

  /** The same requests to a server that only answers. */
  async runAgainst(nullServerPath: string, load: Load): Promise<LoadResult> {
    return await this.#ask(load, nullServerPath, true);
  }

  async #ask(load: Load, path: string, isNullServer: boolean, onTick?: OnTick): Promise<LoadResult> {
    return await this.generator.ask("run", { batchSize: 100, ...load, path, isNullServer }, onTick);
  }

  /** Every balance, a thousand nonces. Says what was compared; @throws Error at the first difference. */
  async check(): Promise<string> {
    const { ipc, binaryPath } = this.#daemon;
    const { balances, nonces, sent } = await this.generator.ask("check", { ipc, binaryPath });
    return (
      `checked: ${sent.toLocaleString("en-US")} transfers, each answered with success; all ${balances.toLocaleString("en-US")} ` +
      `balances and their sum, and ${nonces.toLocaleString("en-US")} nonces, are what they must be`
    );
  }

  /** Stops or kills the daemon and starts it again on the same data. `between` runs while it is down. */
  async restart(how: "stop" | "kill", between: () => void = () => {}): Promise<number> {
    await this.#daemon[how]();
    between();
    this.#daemon = await Daemon.start(this.dataDir);
    return this.#daemon.startMs;
  }

  async close(): Promise<void> {
    await this.generator.close();
    await this.#daemon.kill();
  }
}
