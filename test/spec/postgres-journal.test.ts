/** Durability journal with PostgreSQL behind it: whatever becomes of the link, nothing is lost, doubled or out of order. */
import { expect, it, onTestFinished } from "vitest";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import type { EngineOptions } from "../../src/engine-options.ts";
import type { PostgresOptions } from "../../src/storage/postgres-options.ts";
import {
  ALICE,
  BOB,
  deployToken,
  heightOf,
  openEngine,
  rootOf,
  submit,
  type TestEngine,
  temporaryDirectory,
  transfer,
} from "../support/engine.ts";
import { createDatabase, createMigratedDatabase, describePostgres, query } from "../support/postgres.ts";
import { errorResponse, TcpProxy } from "../support/tcp-proxy.ts";

interface Scene {
  test: TestEngine;
  proxy: TcpProxy;
  direct: PostgresOptions;
  dataDir: string;
  reopen(): Promise<void>;
}

async function scene(options: Partial<EngineOptions> = {}, database?: PostgresOptions): Promise<Scene> {
  const direct = database ?? (await createMigratedDatabase());
  const proxy = await TcpProxy.open(direct);
  const directory = temporaryDirectory();
  const through = { ...direct, host: "127.0.0.1", port: proxy.port, connectTimeoutMs: 500, statementTimeoutMs: 1_000 };
  const open = () =>
    openEngine({
      dataDir: directory.path,
      postgres: { options: through, durability: "journal", address: "test" },
      ...options,
    });
  const made: Scene = {
    test: await open(),
    proxy,
    direct,
    dataDir: directory.path,
    reopen: async () => {
      await made.test.engine.close();
      made.test = await open();
    },
  };
  onTestFinished(directory.remove);
  onTestFinished(() => proxy.close());
  onTestFinished(() => made.test.engine.close());
  return made;
}

const backend = (test: TestEngine) => test.engine.service.health().backends["postgres"]!;

async function transfers(test: TestEngine, token: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await submit(test.engine, [transfer(token, ALICE, BOB, 1)]);
}

/** The tables catch up, and hold exactly what the engine has. */
async function expectEqual({ test, direct }: Scene, token: string, sent: number): Promise<void> {
  await expect
    .poll(() => [backend(test).status, backend(test)["appliedSeq"]])
    .toEqual(["ok", test.engine.service.health().backends["log"]!["durableSeq"]]);
  const [position] = await query(direct, "select head_height::int as height, state_root from smart_contracts.position");
  expect(position!["height"]).toBe(heightOf(test.engine));
  expect(toHex(position!["state_root"] as Buffer)).toBe(rootOf(test.engine));
  const state = await query(
    direct,
    "select key, value from smart_contracts.contract_state where contract_address = $1 order by key",
    [Buffer.from(fromHex(token)!)],
  );
  const page = await test.engine.service.contractState({ address: fromHex(token)!, limit: 1000 });
  expect(state.map(({ key, value }) => [toHex(key as Buffer), toHex(value as Buffer)])).toEqual(
    page.items.map(({ key, value }) => [toHex(key), toHex(value)]),
  );
  const [{ n }] = (await query(
    direct,
    "select count(*)::int as n from smart_contracts.token_transfers where sender <> decode(repeat('00', 20), 'hex')",
  )) as [{ n: number }];
  expect(n).toBe(sent);
}

describePostgres("PostgreSQL behind the journal", () => {
  it("follows blocks and rollbacks, and goes on after a restart", async () => {
    const stage = await scene();
    const token = await deployToken(stage.test.engine);
    await transfers(stage.test, token, 5);
    await stage.test.engine.service.blockRollback(heightOf(stage.test.engine) - 2);
    await expectEqual(stage, token, 3);
    await stage.reopen();
    await transfers(stage.test, token, 2);
    await expectEqual(stage, token, 5);
    expect(stage.test.engine.service.health().status).toBe("ready");
    expect(stage.test.engine.service.info()["storage"]).toMatchObject({ kind: "postgres", durability: "journal" });
  });

  it("takes back in the tables what was rolled back while it was away", async () => {
    const stage = await scene();
    const token = await deployToken(stage.test.engine);
    await transfers(stage.test, token, 4);
    await expectEqual(stage, token, 4);
    stage.proxy.isRefusing = true;
    stage.proxy.cut();
    await stage.test.engine.service.blockRollback(heightOf(stage.test.engine) - 3);
    await transfers(stage.test, token, 1);
    stage.proxy.isRefusing = false;
    await expectEqual(stage, token, 2);
  });

  const connectionError = errorResponse("57P03", "the database system is starting up", false);
  const faults: [string, (proxy: TcpProxy) => void, (proxy: TcpProxy) => void][] = [
    [
      "refuses",
      (proxy) => {
        proxy.isRefusing = true;
        proxy.cut();
      },
      (proxy) => {
        proxy.isRefusing = false;
      },
    ],
    [
      "is starting up (57P03)",
      (proxy) => {
        proxy.greeting = connectionError;
        proxy.cut();
      },
      (proxy) => {
        proxy.greeting = undefined;
      },
    ],
    [
      "keeps still (half-open)",
      (proxy) => {
        proxy.isHalfOpen = true;
      },
      (proxy) => {
        proxy.isHalfOpen = false;
        proxy.cut();
      },
    ],
  ];
  it.each(faults)(
    "goes on while the server %s, is degraded but takes writes, and catches up",
    async (_, spoil, mend) => {
      const stage = await scene();
      const token = await deployToken(stage.test.engine);
      await transfers(stage.test, token, 2);
      await expectEqual(stage, token, 2);
      spoil(stage.proxy);
      await transfers(stage.test, token, 3);
      await expect.poll(() => backend(stage.test).status).toBe("unreachable");
      expect(stage.test.engine.service.health()).toMatchObject({ status: "degraded", canWrite: true, live: true });
      await transfers(stage.test, token, 3);
      mend(stage.proxy);
      await expectEqual(stage, token, 8);
      expect(stage.test.engine.service.health().status).toBe("ready");
    },
  );

  it("starts without the server, and follows when it comes", async () => {
    const direct = await createMigratedDatabase();
    const stage = await scene({ postgres: undefined }, direct);
    const token = await deployToken(stage.test.engine);
    await transfers(stage.test, token, 2);
    await stage.test.engine.close();
    stage.proxy.isRefusing = true;
    const through = { ...direct, host: "127.0.0.1", port: stage.proxy.port, connectTimeoutMs: 500 };
    const postgres = { options: through, durability: "journal", address: "test" } as const;
    stage.test = await openEngine({ dataDir: stage.dataDir, postgres });
    expect(stage.test.engine.service.health()).toMatchObject({ status: "degraded", canWrite: true });
    await transfers(stage.test, token, 2);
    stage.proxy.isRefusing = false;
    await expectEqual(stage, token, 4);
  });

  it.each([
    ["the server goes away before it sees a COMMIT", "commit\0", "before"],
    ["the answer to a COMMIT is lost", "commit\0", "after"],
    ["the connection is lost within a transaction", "move position", "before"],
    ["a transaction can't be serialized (40001)", "commit\0", errorResponse("40001", "restart transaction", true)],
  ] as const)("writes everything once when %s", async (_, text, cut) => {
    const stage = await scene();
    const token = await deployToken(stage.test.engine);
    await expectEqual(stage, token, 0);
    stage.proxy.trap = { text, cut, times: 3 };
    for (let i = 0; i < 6; i++) {
      await transfers(stage.test, token, 2);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    await expectEqual(stage, token, 12);
    expect(stage.proxy.sprung).toBe(3);
  });

  it("follows over a slow link", async () => {
    const stage = await scene();
    stage.proxy.delayMs = 30;
    const token = await deployToken(stage.test.engine);
    await transfers(stage.test, token, 10);
    await expectEqual(stage, token, 10);
  });

  it("answers BUSY at the bound of the backlog, with nothing run, and works again once it has caught up", async () => {
    const stage = await scene({ backlogMaxBytes: 64 * 1024 });
    const token = await deployToken(stage.test.engine);
    await expectEqual(stage, token, 0);
    stage.proxy.isRefusing = true;
    stage.proxy.cut();
    let sent = 0;
    const refused = await (async () => {
      for (;;) {
        const problem = await submit(stage.test.engine, [transfer(token, ALICE, BOB, 1)]).catch((thrown) => thrown);
        if (problem instanceof Error) return problem;
        sent++;
      }
    })();
    expect(refused).toMatchObject({ code: "BUSY", facts: { retryAfterMs: expect.any(Number) } });
    expect(stage.test.engine.service.health()).toMatchObject({ status: "degraded", canWrite: false });
    stage.proxy.isRefusing = false;
    await expectEqual(stage, token, sent);
    await transfers(stage.test, token, 1);
    await expectEqual(stage, token, sent + 1);
  });

  it("refuses a second daemon on the same schema, and keeps readiness red until the migrations have run", async () => {
    const stage = await scene();
    await deployToken(stage.test.engine);
    await expect(scene({}, stage.direct)).rejects.toMatchObject({ code: "DATABASE_IN_USE" });
    const unmigrated = await scene({}, await createDatabase());
    expect(unmigrated.test.engine.service.health()).toMatchObject({ status: "degraded", canWrite: false });
    expect(backend(unmigrated.test)).toMatchObject({ status: "migrations", error: /polytorus db migrate/ });
  });
});
