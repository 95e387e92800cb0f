/** PostgreSQL's tables against a plain model, over chains of blocks and rollbacks, with connections cut in between. */
import fc from "fast-check";
import { afterAll, expect, it, onTestFinished, vi } from "vitest";
import { BlockEntry } from "../../src/encoding/block-entry.ts";
import { fromLatin1, toLatin1 } from "../../src/encoding/bytes.ts";
import { migrationsDirectory } from "../../src/storage/migration-files.ts";
import { PostgresFollower } from "../../src/storage/postgres-follower.ts";
import type { LeaseRequest } from "../../src/storage/postgres-lease.ts";
import type { PostgresOptions } from "../../src/storage/postgres-options.ts";
import type { PostgresProgress, PostgresWorkerData } from "../../src/storage/postgres-protocol.ts";
import { type Move, moves } from "../support/chain-moves.ts";
import { ChainBuilder, type Changes, EntryList } from "../support/entries.ts";
import { createDatabase, createMigratedDatabase, describePostgres, query } from "../support/postgres.ts";

const CONTRACT = "c".repeat(20);

class RunningFollower {
  readonly reports: PostgresProgress[] = [];
  readonly #follower: PostgresFollower;
  readonly ended: Promise<void>;

  constructor(
    options: PostgresOptions,
    entries: readonly Uint8Array[],
    lease: Partial<LeaseRequest> = {},
    more: Partial<PostgresWorkerData> = {},
  ) {
    const data = {
      journalDirectory: "",
      durableSeq: entries.length - 1,
      migrationsDirectory: migrationsDirectory(),
      postgres: options,
      lease: { durability: "journal", instance: "a", holder: "h", address: "x", leaseMs: 60_000, ...lease } as const,
      windowMs: 0,
      slowMs: 1_000,
      gatherBytesMax: 0,
      ...more,
    };
    const source = new EntryList(entries, 5);
    this.#follower = new PostgresFollower(data, source, (report) => this.reports.push(report));
    this.ended = this.#follower.run();
    this.ended.catch(() => undefined);
  }

  get last(): PostgresProgress | undefined {
    return this.reports.at(-1);
  }

  async reaches(seq: number): Promise<void> {
    await expect.poll(() => this.last?.appliedSeq, { interval: 5 }).toBe(seq);
  }

  durable(durableSeq: number, logBytes: number): void {
    this.#follower.receive({ durableSeq, logBytes, backlogBytes: logBytes });
  }

  async stop(): Promise<void> {
    this.#follower.receive({ stop: true });
    await this.ended;
  }
}

async function stateIn(options: PostgresOptions): Promise<Record<string, string>> {
  const rows = await query(
    options,
    `select '\\x13'::bytea || contract_address || key as key, value from ${options.schema}.contract_state
     union all select key, value from ${options.schema}.other_state`,
  );
  return Object.fromEntries(
    rows.map(({ key, value }) => [toLatin1(key as Uint8Array), toLatin1(value as Uint8Array)]).sort(),
  );
}

const plain = (chain: ChainBuilder): Record<string, string> =>
  Object.fromEntries(Array.from(chain.state, ([key, value]) => [key, toLatin1(value)]).sort());

const address = (n: number): Uint8Array => new Uint8Array(20).fill(n);

function play(list: readonly Move[]): ChainBuilder {
  const chain = new ChainBuilder();
  for (const move of list) {
    if ("back" in move) {
      if (chain.headHeight >= 0) chain.rollBack(Math.max(0, chain.headHeight - move.back));
      continue;
    }
    const changes: Changes = new Map(
      move.block.map(([n, value]) => [
        n < 5 ? `\x13${CONTRACT}k${n}` : `\x15${n}`,
        value === undefined ? undefined : fromLatin1(value),
      ]),
    );
    const logs = [{ address: address(7), topics: [new Uint8Array(32).fill(1)], data: Uint8Array.of(1, 2) }];
    chain.block({ changes, transactions: move.block.map(() => ({ to: address(7), logs })) });
  }
  return chain;
}

async function empty(options: PostgresOptions): Promise<void> {
  const tables = ["position", "leader", "blocks", "execution_history", "logs", "contract_state", "other_state"];
  await query(options, `truncate ${tables.map((table) => `${options.schema}.${table}`).join(", ")}`);
}

describePostgres("PostgreSQL's tables", () => {
  const followers: RunningFollower[] = [];
  const start = (...args: ConstructorParameters<typeof RunningFollower>): RunningFollower => {
    const follower = new RunningFollower(...args);
    followers.push(follower);
    return follower;
  };
  afterAll(async () => {
    for (const follower of followers) await follower.stop().catch(() => undefined);
  });

  it("lead to the model's state, blocks and history, wherever the follower stops or its connection is cut", async () => {
    const options = await createMigratedDatabase();
    await fc.assert(
      fc.asyncProperty(moves, fc.array(fc.tuple(fc.nat(25), fc.boolean()), { maxLength: 4 }), async (list, cuts) => {
        await empty(options);
        const chain = play(list);
        const last = chain.entries.length - 1;
        for (const [upTo, isCut] of cuts.sort(([a], [b]) => a - b)) {
          const follower = new RunningFollower(options, chain.entries.slice(0, Math.min(upTo, last) + 1));
          if (isCut)
            await query(
              options,
              "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name = 'polytorus tables'",
              [options.database],
            );
          await follower.stop();
        }
        const follower = new RunningFollower(options, chain.entries);
        await follower.reaches(last);
        await follower.stop();
        expect(await stateIn(options)).toEqual(plain(chain));
        const blocks = await query(options, `select height, block_hash from ${options.schema}.blocks order by height`);
        expect(blocks.map((row) => [Number(row["height"]), toLatin1(row["block_hash"] as Uint8Array)])).toEqual(
          chain.hashes.map((hash, height) => [height, toLatin1(hash)]),
        );
        const [counts] = await query(
          options,
          `select (select count(*)::int from ${options.schema}.execution_history) as executions,
                  (select count(*)::int from ${options.schema}.logs) as logs,
                  (select coalesce(sum(transaction_count), 0)::int from ${options.schema}.blocks) as transactions`,
        );
        expect(counts).toMatchObject({ executions: counts!["transactions"], logs: counts!["transactions"] });
      }),
      { numRuns: 8 },
    );
  });

  it("hold typed rows: transactions with what came of them, logs by topic, and views of tokens", async () => {
    const options = await createMigratedDatabase();
    const chain = new ChainBuilder();
    const transfer = Buffer.from("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef", "hex");
    const word = (n: number): Uint8Array => Buffer.concat([new Uint8Array(12), address(n)]);
    const amount = Buffer.from("0000000000000000000000000000000000000000000000001bc16d674ec80000", "hex");
    chain.block({
      transactions: [
        { to: undefined, contractAddress: address(9), logs: [] },
        { to: address(9), logs: [{ address: address(9), topics: [transfer, word(1), word(2)], data: amount }] },
      ],
    });
    await start(options, chain.entries).reaches(0);
    const executions = await query(
      options,
      `select kind, contract_address, entrypoint, status, execution_history.gas_used, value, block_time is not null as timed
         from ${options.schema}.execution_history join ${options.schema}.blocks on height = block_height order by transaction_index`,
    );
    expect(executions).toMatchObject([
      { kind: "deploy", status: "success", gas_used: "21000", value: "0", timed: true },
      { kind: "call", status: "success" },
    ]);
    for (const { contract_address } of executions) expect([...(contract_address as Buffer)]).toEqual([...address(9)]);
    const [row] = await query(
      options,
      `select token, sender, recipient, amount from ${options.schema}.token_transfers`,
    );
    expect(row).toMatchObject({ amount: "2000000000000000000" });
    expect([...(row!["recipient"] as Buffer)]).toEqual([...address(2)]);
  });

  it("belong to one log: another daemon is refused, and so is a log that does not have their block", async () => {
    const options = await createMigratedDatabase();
    const chain = play([{ block: [[1, "a"]] }, { block: [[2, "b"]] }]);
    const first = start(options, chain.entries, { leaseMs: 1 });
    await first.reaches(1);
    await expect(start(options, chain.entries, { instance: "b", holder: "h2" }).ended).rejects.toMatchObject({
      code: "DATABASE_IN_USE",
    });
    const other = play([{ block: [[1, "x"]] }, { block: [[2, "y"]] }]);
    await expect(start(options, other.entries, { holder: "h3" }).ended).rejects.toMatchObject({
      code: "DATABASE_IN_USE",
      message: /stand at entry 1 with block 0x/,
    });
    await first.stop();
  });

  it("wait for a holder of the same log until its lease runs out, and then leave it behind", async () => {
    const options = await createMigratedDatabase();
    const chain = play([{ block: [[1, "a"]] }]);
    const first = start(options, chain.entries, { holder: "first", leaseMs: 1_500 });
    await first.reaches(0);
    const second = start(options, chain.entries, { holder: "second" });
    await expect.poll(() => second.last?.link).toBe("held");
    await expect.poll(() => second.last?.link).toBe("ok");
    await first.stop();
  });

  it("are not written before the migrations have run, and are then", async () => {
    const options = await createDatabase();
    const chain = play([{ block: [[1, "a"]] }]);
    const follower = start(options, chain.entries);
    await expect.poll(() => follower.last?.link).toBe("migrations");
    expect(follower.last?.problem).toMatch(/run polytorus db migrate/);
    const { Migrator } = await import("../../src/storage/migrator.ts");
    const { connectPostgres } = await import("../../src/storage/postgres-connection.ts");
    const client = await connectPostgres(options, { application: "test" });
    await new Migrator(client, options.schema, migrationsDirectory()).migrate();
    await client.end();
    await follower.reaches(0);
  });

  it("refuse entries that do not follow what they hold", async () => {
    const options = await createMigratedDatabase();
    const chain = play([{ block: [[1, "a"]] }, { block: [[2, "b"]] }]);
    const foreign = play([{ block: [[1, "x"]] }, { block: [[2, "y"]] }]).entries[1]!;
    expect(new BlockEntry(foreign).height).toBe(1);
    await expect(start(options, [chain.entries[0]!, foreign]).ended).rejects.toMatchObject({
      message: /does not follow what the tables hold/,
    });
  });

  it("wait for a burst to pass, but not while it puts more before them than it may", async () => {
    const chain = play(Array.from({ length: 30 }, (_, n): Move => ({ block: [[n % 9, `v${n}`]] })));
    const last = chain.entries.length - 1;
    for (const gatherBytesMax of [Number.POSITIVE_INFINITY, 8 * 1024 * 1024]) {
      const options = await createMigratedDatabase();
      // Longer than what the follower judges growth by.
      const burst = { windowMs: 150, gatherBytesMax, durableSeq: 0 };
      const follower = start(options, chain.entries, {}, burst);
      await follower.reaches(0);
      vi.useFakeTimers({ toFake: ["performance"] });
      onTestFinished(() => void vi.useRealTimers());
      let megabytes = 0;
      const grow = async (seq: number) => {
        follower.durable(seq, ++megabytes * 1024 * 1024);
        vi.advanceTimersByTime(10);
        await new Promise((resolve) => setTimeout(resolve, 10));
      };
      for (let seq = 1; seq <= last; seq++) await grow(seq);
      if (gatherBytesMax === Number.POSITIVE_INFINITY) expect(follower.last!.appliedSeq).toBe(0);
      else while (follower.last!.appliedSeq! < last) await grow(last);
      // The burst is over.
      vi.useRealTimers();
      await follower.reaches(last);
      expect(await stateIn(options)).toEqual(plain(chain));
    }
  });
});
