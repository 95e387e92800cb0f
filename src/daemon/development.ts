/**
 * What `serve --dev` adds to a daemon: a clock that can be put forward, accounts with balances on a new chain, sample contracts on
 * an empty one, and what dev_* methods work on.
 */
import type { Config } from "../config/config.ts";
import { DEV_ACCOUNT_NAMES, DEV_ACCOUNTS, DEV_BALANCE } from "../config/dev-accounts.ts";
import { compareBytes } from "../encoding/bytes.ts";
import { parseAddress } from "../encoding/hex.ts";
import type { Engine } from "../engine.ts";
import { toEngineError } from "../errors.ts";
import type { Telemetry } from "../execution/telemetry.ts";
import type { Log } from "../observability/log.ts";
import type { DevService } from "../rpc/dev.ts";
import { DevClock } from "../service/dev-clock.ts";
import { deploySamples, sampleAddresses } from "../service/dev-samples.ts";

const NAMED_ACCOUNTS = DEV_ACCOUNTS.map((address, i) => ({ name: DEV_ACCOUNT_NAMES[i]!, address }));
const OWNER = DEV_ACCOUNTS[0]!;
/** The last, so that what the first deploys stands where it stands on other chains of development. */
const DEPLOYER = DEV_ACCOUNTS.at(-1)!;

export class Development {
  readonly #config: Config;
  readonly #log: Log;
  readonly #clock = new DevClock(Date.now);
  readonly now = this.#clock.now;
  /** Of a new chain, in byte order of the addresses. */
  readonly balances = DEV_ACCOUNTS.map((text) => ({ address: parseAddress(text)!, balance: DEV_BALANCE })).sort(
    (a, b) => compareBytes(a.address, b.address),
  );

  constructor(config: Config, log: Log) {
    this.#config = config;
    this.#log = log;
  }

  /** The same telemetry, and the clock hears of blocks. */
  watching(telemetry: Telemetry | undefined): Telemetry {
    return {
      durable: (entry, durableAtMs) => {
        if (!entry.isRollback) this.#clock.made(entry.timestampMs);
        telemetry?.durable(entry, durableAtMs);
      },
    };
  }

  /** Goes on where the chain's time stands, and gives an empty one its sample contracts. Answers those that are there. */
  async begin({ service }: Engine): Promise<Record<string, string>> {
    const newest = (await service.block("latest"))!;
    this.#clock.resume(newest.timestampMs);
    const { mode, devSamples } = this.#config;
    if (devSamples && mode === "auto" && newest.height === 0) {
      const counter = new URL("./counter.wasm", import.meta.url);
      await deploySamples(service, { deployer: DEPLOYER, owner: OWNER, counter }).catch((problem: unknown) =>
        this.#log.warn({ why: toEngineError(problem).message }, "the sample contracts were not deployed"),
      );
    }
    const addresses = Object.entries(sampleAddresses(parseAddress(DEPLOYER)!));
    const there = await Promise.all(addresses.map(([, address]) => service.contract(parseAddress(address)!)));
    return Object.fromEntries(addresses.filter((_, i) => there[i] !== undefined));
  }

  service(engine: Engine): DevService {
    return engine.developing(this.#clock, NAMED_ACCOUNTS);
  }
}
