/** Configuration: file < environment < flags, refusals by name, and what a genesis file may say. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseGenesis } from "../../src/config/genesis.ts";
import { type ConfigInput, type LoadedConfig, loadConfig } from "../../src/config/load.ts";
import { nearest } from "../../src/config/nearest.ts";
import { ConfigurationError } from "../../src/config/problem.ts";
import { formatBytes, parseBytes, parseFileMode, parseWholeNumber } from "../../src/config/quantity.ts";
import { environmentName, SETTING_KEYS } from "../../src/config/settings.ts";
import { configTemplate } from "../../src/config/template.ts";
import { toHex } from "../../src/encoding/hex.ts";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "polytorus-config-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

function load(
  input: { toml?: string; environment?: NodeJS.ProcessEnv; flags?: ConfigInput["flags"] } = {},
): LoadedConfig {
  if (input.toml !== undefined) writeFileSync(join(cwd, "polytorus.toml"), input.toml);
  return loadConfig({ cwd, environment: input.environment ?? {}, flags: input.flags ?? {} });
}

/** The problems that loading reports, as `key (origin): message`. */
function refusal(input: Parameters<typeof load>[0]): string {
  try {
    load(input);
  } catch (problem) {
    expect(problem).toBeInstanceOf(ConfigurationError);
    expect((problem as ConfigurationError).exitCode).toBe(78);
    return (problem as ConfigurationError).message;
  }
  throw new Error("nothing was refused");
}

describe("history that is kept", () => {
  it.each([
    [undefined, undefined],
    ["everything", undefined],
    ["100_000 blocks", { blocks: 100_000 }],
    ["1 block", { blocks: 1 }],
    ["90 minutes", { ms: 5_400_000 }],
    ["30 days", { ms: 2_592_000_000 }],
  ])("is %s as %o", (text, kept) => {
    const environment = text === undefined ? {} : { POLYTORUS_RETENTION__HISTORY: text };
    expect(load({ environment }).config.retention.history).toEqual(kept);
  });

  it("goes to an archive, taken from where the file that names it stands", () => {
    expect(load().config.journal.archive).toBeUndefined();
    expect(load({ toml: '[journal]\narchive = "off"\n' }).config.journal.archive).toBeUndefined();
    expect(load({ toml: '[journal]\narchive = "old"\n' }).config.journal.archive).toBe(join(cwd, "old"));
  });
});

describe("sources", () => {
  it("needs none: everything has a default", () => {
    const { config } = load();
    expect(config).toMatchObject({
      dataDir: join(cwd, "data"),
      mode: "auto",
      dev: false,
      shutdownMs: 10_000,
      chain: { id: 1337, isIdNamed: false, genesis: undefined },
      storage: { kind: "embedded", durability: "journal" },
      ipc: { path: join(cwd, "data/engine.ipc"), binaryPath: join(cwd, "data/engine.bin.ipc"), mode: 0o600 },
      http: { host: "127.0.0.1", port: 8645, admin: false },
      journal: { segmentBytes: 268_435_456, backlogMaxBytes: 1_073_741_824 },
      retention: { undoBlocks: 128, undoMs: 600_000, undoMaxBytes: 1_073_741_824 },
      limits: {
        inFlightMax: 256,
        batchMax: 1_000,
        frameBytesMax: 33_554_432,
        httpBodyBytesMax: 4_194_304,
        queryGasMax: 1e10,
      },
    });
  });

  it("lets the environment win over the file, and a flag over both, and remembers each origin", () => {
    const { config, settings } = load({
      toml: 'mode = "driven"\nshutdown_ms = 1\n[chain]\nid = 1\n',
      environment: { POLYTORUS_CHAIN__ID: "2", POLYTORUS_SHUTDOWN_MS: "3" },
      flags: { "chain.id": "4" },
    });
    expect([config.mode, config.shutdownMs, config.chain.id]).toEqual(["driven", 3, 4]);
    const origin = (key: string) => settings.find((setting) => setting.key === key)?.origin;
    expect([origin("mode"), origin("shutdown_ms"), origin("chain.id"), origin("http.listen")]).toEqual([
      join(cwd, "polytorus.toml"),
      "POLYTORUS_SHUTDOWN_MS",
      "--chain-id",
      "default",
    ]);
  });

  it("reads a relative path from where it is written", () => {
    mkdirSync(join(cwd, "etc"));
    writeFileSync(join(cwd, "etc/engine.toml"), 'data_dir = "d"\n');
    const fromFile = loadConfig({ cwd, environment: {}, file: "etc/engine.toml" });
    expect(fromFile.config.dataDir).toBe(join(cwd, "etc/d"));
    expect(load({ flags: { data_dir: "d" } }).config.dataDir).toBe(join(cwd, "d"));
  });

  it("cannot be changed once loaded", () => {
    const { config } = load();
    expect(() => Object.assign(config.limits, { batchMax: 1 })).toThrow(TypeError);
  });

  it("takes every setting from the environment under a name of its own", () => {
    expect(new Set(SETTING_KEYS.map(environmentName)).size).toBe(SETTING_KEYS.length);
    expect(load({ environment: { POLYTORUS_JOURNAL__SEGMENT_BYTES: "1 GiB" } }).config.journal.segmentBytes).toBe(
      2 ** 30,
    );
  });

  it("leaves the command line's own variables alone", () => {
    expect(() =>
      load({ environment: { POLYTORUS_IPC: "x", POLYTORUS_URL: "y", POLYTORUS_TOKEN: "z", POLYTORUS_FROM: "0x" } }),
    ).not.toThrow();
  });
});

describe("refusals", () => {
  it.each([
    [
      "an unknown key, with the nearest",
      { toml: "[journal]\nsegment_byte = 1\n" },
      /journal\.segment_byte .*did you mean journal\.segment_bytes\?/,
    ],
    [
      "an unknown variable, with the nearest",
      { environment: { POLYTORUS_CHAIN_ID: "1" } },
      /did you mean POLYTORUS_CHAIN__ID\?/,
    ],
    [
      "an unknown section",
      { toml: "[zzzzzzzzzzzzzz]\nyyyyyyyyyyyyyyyyyy = 1\n" },
      /zzzzzzzzzzzzzz\.yyyyyyyyyyyyyyyyyy .*is no setting$/,
    ],
    ["TOML that does not parse, with the line", { toml: "mode = \n" }, /polytorus\.toml.*\n\n1: {2}mode = /],
    [
      "a mode that is none",
      { flags: { mode: "fast" } },
      /mode \(--mode\): expected "auto" or "driven", received "fast"/,
    ],
    [
      "a history that is neither blocks nor a time",
      { toml: '[retention]\nhistory = "100 tokens"\n' },
      /retention\.history .*expected "everything", a number of blocks like "100000 blocks", or a time like "30 days"/,
    ],
    ["a history of nothing", { environment: { POLYTORUS_RETENTION__HISTORY: "0 blocks" } }, /expected "everything"/],
    ["a number out of range", { environment: { POLYTORUS_RETENTION__UNDO_BLOCKS: "127" } }, /from 128 to/],
    [
      "a port above 65535",
      { flags: { "http.listen": "127.0.0.1:65536" } },
      /http\.listen \(--http\): expected host:port/,
    ],
    [
      "a certificate without its key",
      { toml: '[http]\ntls_cert_file = "c.pem"\n' },
      /tls_cert_file and tls_key_file go together/,
    ],
    [
      "a socket that others than the group may open by accident",
      { toml: "[ipc]\nmode = 0o400\n" },
      /a file mode from 0600 to 0777/,
    ],
    [
      "a cache beside a storage that has no log",
      { flags: { "storage.kind": "memory" }, environment: { REDIS_URL: "redis://db" } },
      /redis\.url \(REDIS_URL\): names a cache, which follows a log on disk/,
    ],
    ["a URL of another scheme for Redis", { environment: { REDIS_URL: "http://db" } }, /expected redis:\/\//],
    [
      "a cluster whose keys would lie on many nodes",
      { toml: '[redis]\nhost = "db"\ncluster = true\nkey_prefix = "mine:"\n' },
      /redis\.key_prefix .*needs a part in braces: \{mine\}:/,
    ],
    [
      "fewer connections to Redis than it holds",
      { toml: "[database_storage.redis]\nmax_connections = 1\n" },
      /database_storage\.redis\.max_connections .*from 2/,
    ],
    [
      "durability that only Postgres has",
      { flags: { "storage.durability": "strict" } },
      /"strict" is Postgres' commit, and storage\.kind is embedded/,
    ],
    [
      "fallback_to_memory = false, which means strict, without Postgres",
      { toml: "[database_storage]\nfallback_to_memory = false\n" },
      /"strict" is Postgres' commit/,
    ],
    [
      "a parameter of a URL that it does not know",
      { flags: { "storage.kind": "postgres://u:secret@db/x?options=-csearch_path" } },
      /has a parameter options/,
    ],
    [
      "a schema that would need quoting",
      { environment: { DATABASE_URL: "postgres://db/x", POSTGRES_SCHEMA: 'a"b' } },
      /storage\.postgres\.schema \(POSTGRES_SCHEMA\)/,
    ],
  ] satisfies [string, Parameters<typeof load>[0], RegExp][])("refuses %s", (_, input, message) => {
    expect(refusal(input)).toMatch(message);
  });

  it("never shows a password", () => {
    const environment = {
      DATABASE_URL: "mysql://u:secret@db/x",
      POSTGRES_PASSWORD: "secret",
      REDIS_URL: "http://:secret@db",
    };
    expect(refusal({ environment })).not.toContain("secret");
  });

  it("reports every problem at once", () => {
    expect(refusal({ toml: 'mode = "x"\nnope = 1\n[chain]\nid = 0\n' }).split("\n")).toHaveLength(3);
  });

  it("takes DATABASE_URL for another program's when the storage is chosen by name", () => {
    const environment = { DATABASE_URL: "postgres://db/x" };
    expect(load({ environment, flags: { "storage.kind": "embedded" } }).config.storage.kind).toBe("embedded");
  });

  it("accepts a socket path of 107 bytes and refuses 108 with a shorter one", () => {
    const path = (bytes: number) => `/${"s".repeat(bytes - 1)}`;
    const flags = (bytes: number) => ({ "ipc.path": path(bytes) });
    expect(load({ flags: flags(107) }).config.ipc.path).toHaveLength(107);
    expect(refusal({ flags: flags(108) })).toMatch(/is 108 bytes long.*Use for instance .*engine\.ipc/);
  });

  it("refuses an advertised address that is no URL of a server", () => {
    const advertised = (url: string) =>
      load({ environment: { POLYTORUS_HTTP__ADVERTISE: url } }).config.http!.advertise;
    expect(advertised("https://engine-0.engine:8645")).toBe("https://engine-0.engine:8645");
    for (const url of ["engine-0:8645", "ftp://engine-0", "http://engine-0/rpc"])
      expect(refusal({ environment: { POLYTORUS_HTTP__ADVERTISE: url } })).toContain("expected http(s)://host:port");
  });
});

describe("PostgreSQL", () => {
  it.each([
    ["DATABASE_URL", { environment: { DATABASE_URL: "postgresql://u:p%40ss@db.example:6000/x" } }],
    ["the other scheme", { environment: { DATABASE_URL: "postgres://u:p%40ss@db.example:6000/x" } }],
    ["the flag", { flags: { "storage.kind": "postgres://u:p%40ss@db.example:6000/x" } }],
    [
      "separate variables",
      {
        environment: {
          POSTGRES_HOST: "db.example",
          POSTGRES_PORT: "6000",
          POSTGRES_DB: "x",
          POSTGRES_USER: "u",
          POSTGRES_PASSWORD: "p@ss",
        },
      },
    ],
    [
      "the seed documents' section",
      {
        toml: '[database_storage.postgres]\nhost = "db.example"\nport = 6000\ndatabase = "x"\nusername = "u"\npassword = "p@ss"\n',
      },
    ],
  ])("is named by %s, which also selects it", (_, input) => {
    const { kind, durability, postgres } = load(input).config.storage;
    expect([kind, durability]).toEqual(["postgres", "journal"]);
    expect(postgres).toMatchObject({ host: "db.example", port: 6000, database: "x", user: "u", password: "p@ss" });
  });

  it("is encrypted by default unless it is on this machine", () => {
    const mode = (url: string) => load({ environment: { DATABASE_URL: url } }).config.storage.postgres.tls.mode;
    expect(mode("postgres://db.example/x")).toBe("require");
    expect(mode("postgres://db.example/x?sslmode=disable")).toBe("disable");
    for (const local of ["localhost", "127.0.0.1", "[::1]"]) expect(mode(`postgres://${local}/x`)).toBe("disable");
    expect(mode("postgres://127.0.0.1/x?sslmode=verify-full")).toBe("verify-full");
  });

  it("has read replicas that are like it, but for what their URLs say", () => {
    const replicas = (urls: string) => {
      const toml = `[storage.postgres]\nurl = "postgres://u:p@db.example/x?sslmode=verify-ca"\nread_replica_urls = "${urls}"\n`;
      return load({ toml }).config.storage.postgres.readReplicas.servers;
    };
    const [first, second] = replicas("postgres://one.example, postgres://r:q@two.example:6000/y?sslmode=require");
    expect(first).toMatchObject({ host: "one.example", port: 5432, database: "x", user: "u", password: "p" });
    expect(first!.tls.mode).toBe("verify-ca");
    expect(second).toMatchObject({ host: "two.example", port: 6000, database: "y", user: "r", password: "q" });
    expect(second).toMatchObject({ schema: "smart_contracts", tls: { mode: "require" } });
    const problem = () =>
      load({
        environment: {
          POLYTORUS_STORAGE__KIND: "postgres",
          POLYTORUS_STORAGE__POSTGRES__READ_REPLICA_URLS: "mysql://one",
        },
      });
    expect(problem).toThrow(/read_replica_urls/i);
  });

  it("maps fallback_to_memory = false to strict", () => {
    const toml = '[database_storage]\nfallback_to_memory = false\n[database_storage.postgres]\nhost = "db"\n';
    expect(load({ toml }).config.storage).toMatchObject({ kind: "postgres", durability: "strict" });
  });

  it("reads URL and password from files", () => {
    writeFileSync(join(cwd, "url"), "postgres://u@db/x\n");
    writeFileSync(join(cwd, "password"), "p\n");
    const toml = '[storage.postgres]\nurl_file = "url"\npassword_file = "password"\n';
    expect(load({ toml }).config.storage.postgres).toMatchObject({ host: "db", user: "u", password: "p" });
  });
});

describe("Redis", () => {
  it.each([
    ["REDIS_URL", { environment: { REDIS_URL: "rediss://u:p%40ss@cache.example:6380/2" } }],
    ["the URL in a file", { toml: '[redis]\nurl = "rediss://u:p%40ss@cache.example:6380/2"\n' }],
    [
      "separate variables",
      {
        toml: "[redis]\ntls = true\n",
        environment: {
          REDIS_HOST: "cache.example",
          REDIS_PORT: "6380",
          REDIS_DB: "2",
          REDIS_USERNAME: "u",
          REDIS_PASSWORD: "p@ss",
        },
      },
    ],
  ])("is named by %s, beside whatever storage there is", (_, input) => {
    const { redis, storage } = load(input).config;
    expect(storage.kind).toBe("embedded");
    expect(redis).toMatchObject({ host: "cache.example", port: 6380, database: 2, username: "u", password: "p@ss" });
    expect(redis?.tls).toEqual({ caFile: undefined });
  });

  it("is not there unless it is named, or when it is switched off", () => {
    expect(load().config.redis).toBeUndefined();
    const environment = { REDIS_URL: "redis://db", POLYTORUS_REDIS__ENABLED: "false" };
    expect(load({ environment }).config.redis).toBeUndefined();
  });

  it("takes the seed documents' section: their prefix and one time to live for everything", () => {
    const toml =
      '[database_storage.redis]\nurl = "redis://db"\nkey_prefix = "polytorus:contracts:"\nttl_seconds = 3600\nmax_connections = 20\n';
    expect(load({ toml }).config.redis).toMatchObject({
      keyPrefix: "polytorus:contracts:",
      ttlSecs: { contract: 3600, state: 3600, account: 3600, code: 3600 },
    });
  });

  it("reads the password from a file", () => {
    writeFileSync(join(cwd, "password"), "p\n");
    expect(load({ toml: '[redis]\nhost = "db"\npassword_file = "password"\n' }).config.redis?.password).toBe("p");
  });
});

describe("values", () => {
  it("accepts fallback_to_memory = true: the journal is what it asks for", () => {
    expect(load({ toml: "[database_storage]\nfallback_to_memory = true\n" }).config.storage.durability).toBe("journal");
  });

  it("promises nothing durable of memory", () => {
    expect(load({ flags: { "storage.kind": "memory" } }).config.storage).toMatchObject({
      kind: "memory",
      durability: "memory",
    });
  });

  it.each([
    ["[::1]:0", { host: "::1", port: 0 }],
    ["0.0.0.0:65535", { host: "0.0.0.0", port: 65_535 }],
    ["localhost:80", { host: "localhost", port: 80 }],
  ])("listens on %s", (listen, expected) => {
    expect(load({ flags: { "http.listen": listen } }).config.http).toMatchObject(expected);
  });

  it("has no HTTP when it is off", () => {
    expect(load({ flags: { "http.listen": "off" } }).config.http).toBeUndefined();
  });

  it.each([
    ["256 MiB", 268_435_456],
    ["1.5KiB", 1_536],
    ["10 MB", 10_000_000],
    ["1_000", 1_000],
    [7, 7],
    ["1.0001 KiB", undefined],
    ["-1", undefined],
    ["1 XB", undefined],
  ])("reads the size %s as %s", (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it("writes sizes as it reads them", () => {
    for (const bytes of [0, 1, 1_023, 1_024, 1_536, 2 ** 28, 2 ** 30])
      expect(parseBytes(formatBytes(bytes))).toBe(bytes);
  });

  it("reads whole numbers and file modes", () => {
    expect([
      parseWholeNumber("1e10"),
      parseWholeNumber("0x10"),
      parseWholeNumber("1.5"),
      parseWholeNumber("9007199254740992"),
    ]).toEqual([1e10, undefined, undefined, undefined]);
    expect([parseFileMode("0660"), parseFileMode("660"), parseFileMode("0o660"), parseFileMode("0888")]).toEqual([
      0o660,
      0o660,
      0o660,
      undefined,
    ]);
  });

  it("suggests a name only when it resembles one", () => {
    expect([
      nearest("balnce", ["balanceOf", "balance"]),
      nearest("trasnfer", ["transfer", "approve"]),
      nearest("zzz", ["transfer"]),
    ]).toEqual(["balance", "transfer", undefined]);
  });

  it("offers a template that loads, with every setting in it", () => {
    const template = configTemplate();
    for (const key of SETTING_KEYS) expect(template).toContain(`#${key.split(".").pop()} = `);
    const uncommented = template.replace(/^#(\w+ = (?!"").*)$/gm, "$1");
    const { chain, ...defaults } = load({ toml: "" }).config;
    expect(load({ toml: uncommented }).config).toEqual({ ...defaults, chain: { ...chain, isIdNamed: true } });
  });
});

describe("genesis", () => {
  const alice = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

  it("gives parameters and balances, in byte order of the addresses", () => {
    const low = `0x${"00".repeat(19)}01`;
    const genesis = parseGenesis(
      {
        chainId: 5,
        parameters: { codeBytesMax: "1 MiB", transactionGasMax: "21000", addressPrefix: "wasm", denom: "utoken" },
        balances: { [alice]: "5", [low]: 7 },
      },
      "g.json",
    );
    expect(genesis.parameters).toEqual({
      codeBytesMax: 1_048_576,
      transactionGasMax: 21_000,
      addressPrefix: "wasm",
      denom: "utoken",
    });
    expect(genesis.balances.map(({ address, balance }) => [toHex(address), balance])).toEqual([
      [low, 7n],
      [alice.toLowerCase(), 5n],
    ]);
  });

  it.each([
    ["a parameter that is none", { parameters: { codeByteMax: 1 } }, /did you mean codeBytesMax\?/],
    ["a prefix in upper case", { parameters: { addressPrefix: "Poly" } }, /lower-case letters and digits/],
    ["a denomination of two letters", { parameters: { denom: "up" } }, /3 to 128/],
    ["a gas limit below what any transaction costs", { parameters: { transactionGasMax: 20_999 } }, /from 21000 to/],
    ["an address with a wrong checksum", { balances: { [alice.replace("F6F4", "f6F4")]: "1" } }, /is no address/],
    ["an amount that is no whole number", { balances: { [alice]: "1.5" } }, /base units/],
    ["an address that stands twice", { balances: { [alice]: "1", [alice.toLowerCase()]: "1" } }, /stands twice/],
    [
      "balances that add up to 2^256",
      { balances: { [alice]: String(2n ** 256n - 1n), [`0x${"11".repeat(20)}`]: "1" } },
      /2\^256/,
    ],
    ["a list", [], /expected a JSON object/],
  ])("refuses %s", (_, json, message) => {
    expect(() => parseGenesis(json, "g.json")).toThrow(message);
  });

  it("refuses a chain id other than the one that the genesis file says", () => {
    writeFileSync(join(cwd, "g.json"), '{"chainId": 5}');
    expect(load({ flags: { "chain.genesis": "g.json" } }).config.chain.id).toBe(5);
    expect(refusal({ flags: { "chain.genesis": "g.json", "chain.id": "6" } })).toMatch(
      /is 6, but the genesis file says 5/,
    );
  });
});
