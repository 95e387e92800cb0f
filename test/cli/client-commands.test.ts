/** Commands that ask a daemon, against canned answers: what they send, what they print, how they exit. */
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { DEV_ACCOUNTS } from "../../src/config/dev-accounts.ts";
import { EngineError } from "../../src/errors.ts";
import { type FakeDaemon, startFakeDaemon } from "../support/fake-daemon.ts";
import { runCli, startCli } from "../support/run-cli.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const TOKEN = "0x5fbdb2315678afecb367f032d93f642f64180aa3";
const HASH = `0x${"ab".repeat(32)}`;
const [alice, bob] = DEV_ACCOUNTS as [string, string];

const uint = (name: string) => ({ name, type: "uint256" });
const address = (name: string) => ({ name, type: "address" });
const CONTRACT = {
  address: TOKEN,
  kind: "builtin",
  type: "erc20",
  codeHash: HASH,
  creator: alice,
  admin: alice,
  status: "active",
  deployTransactionHash: HASH,
  deployedAtHeight: 1,
  metadata: { name: "MyToken", symbol: "MTK", decimals: 6, initialSupply: "1000000" },
  abi: [
    {
      type: "function",
      name: "transfer",
      stateMutability: "nonpayable",
      inputs: [address("to"), uint("value")],
      outputs: [{ name: "", type: "bool" }],
    },
    {
      type: "function",
      name: "balanceOf",
      stateMutability: "view",
      inputs: [address("account")],
      outputs: [{ name: "", type: "uint256" }],
    },
    {
      type: "function",
      name: "setFlag",
      stateMutability: "nonpayable",
      inputs: [{ name: "on", type: "bool" }],
      outputs: [],
    },
  ],
};
const RECEIPT = {
  transactionHash: HASH,
  blockHeight: 2,
  transactionIndex: 0,
  sender: alice,
  to: TOKEN,
  contractAddress: null,
  status: "success",
  gasUsed: "51234",
  gasLimit: "61480",
  returnData: "0x01",
  result: true,
  logs: [
    {
      address: TOKEN,
      topics: [HASH],
      data: "0x",
      logIndex: 0,
      event: "Transfer",
      args: { from: alice, to: bob, value: "25" },
    },
  ],
};
const REVERTED = {
  ...RECEIPT,
  status: "reverted",
  result: undefined,
  logs: [],
  revert: {
    name: "ERC20InsufficientBalance",
    message: "",
    data: "0xe450",
    args: { sender: alice, balance: "24", needed: "25" },
  },
};

type Answers = Parameters<typeof startFakeDaemon>[1];

/** The daemon that a test needs, over a chain with one token. */
async function daemon(
  answers: Answers = {},
): Promise<{ cwd: string; fake: FakeDaemon; run: (...args: string[]) => ReturnType<typeof runCli> }> {
  const cwd = temporaryDirectory();
  const fake = await startFakeDaemon(join(cwd, "engine.ipc"), {
    contract_get: () => CONTRACT,
    tx_estimateGas: () => ({ gasLimit: "51234", breakdown: { transactionBase: "21000", stateRead: "30234" } }),
    tx_submit: () => RECEIPT,
    ...answers,
  });
  onTestFinished(() => fake.close());
  return { cwd, fake, run: (...args) => runCli(args, { cwd, environment: { POLYTORUS_IPC: "engine.ipc" } }) };
}

const fails =
  (code: ConstructorParameters<typeof EngineError>[0], facts = {}) =>
  () => {
    throw new EngineError(code, `the daemon says ${code}`, facts);
  };

describe("call", () => {
  it("sends what the ABI says, as the first development account, with the estimate and 20 % more", async () => {
    const { fake, run } = await daemon();
    expect((await run("call", TOKEN, "transfer", bob, "25")).code).toBe(0);
    expect(fake.requests.at(-1)).toEqual({
      method: "tx_submit",
      params: {
        wait: "durable",
        transaction: {
          kind: "call",
          sender: alice,
          to: TOKEN,
          entrypoint: "transfer",
          args: [bob, "25"],
          gasLimit: "61480",
        },
      },
    });
  });

  it("prints a receipt that one can read, amounts in base units and with decimals", async () => {
    const { run } = await daemon();
    const { stdout } = await run("call", TOKEN, "transfer", bob, "25");
    expect(stdout).toMatch(/status +success {2}transfer {2}block 2, transaction 0/);
    expect(stdout).toMatch(/gas +51,234 \(83 % of 61,480\)/);
    expect(stdout).toContain("value 25 (0.000025 MTK)");
  });

  it("exits with 5 when the contract reverts, and the envelope has receipt and error", async () => {
    const { run } = await daemon({ tx_submit: () => REVERTED });
    const result = await run("call", TOKEN, "transfer", bob, "25", "--json");
    expect(result.code).toBe(5);
    expect(result.json()).toMatchObject({
      status: "error",
      result: { status: "reverted" },
      error: { code: "REVERTED" },
    });
    const { stderr } = await run("call", TOKEN, "transfer", bob, "25");
    expect(stderr).toContain(`ERC20InsufficientBalance(sender ${alice}, balance 24, needed 25)`);
  });

  it("still sends what cannot be estimated, so that there is a receipt", async () => {
    const { fake, run } = await daemon({ tx_estimateGas: fails("REVERTED"), tx_submit: () => REVERTED });
    expect((await run("call", TOKEN, "transfer", bob, "25")).code).toBe(5);
    expect(fake.requests.at(-1)).toMatchObject({
      method: "tx_submit",
      params: { transaction: { gasLimit: "10000000" } },
    });
  });

  it("exits with 6 when it runs out of gas", async () => {
    const { run } = await daemon({
      tx_submit: () => ({ ...RECEIPT, status: "halted", haltReason: "OutOfGas", result: undefined, logs: [] }),
    });
    const { code, stderr } = await run("call", TOKEN, "transfer", bob, "25", "--gas-limit", "61480");
    expect(code).toBe(6);
    expect(stderr).toContain("OutOfGas: the gas limit of 61480 is spent");
  });

  it("gives booleans as JSON has them", async () => {
    const { fake, run } = await daemon();
    await run("call", TOKEN, "setFlag", "true");
    expect(fake.requests.at(-1)?.params).toMatchObject({ transaction: { args: [true] } });
  });

  it.each([
    [
      "an entrypoint that is none, with the nearest",
      ["trasnfer", bob, "25"],
      1,
      /no entrypoint trasnfer; did you mean transfer\?/,
    ],
    [
      "too few arguments, with the signature",
      ["transfer", bob],
      2,
      /transfer\(address to, uint256 value\) → bool takes 2 arguments, received 1/,
    ],
    [
      "an address with a wrong checksum",
      ["transfer", alice.replace("F6F4", "f6F4"), "25"],
      2,
      /to of transfer.*expected an address/,
    ],
    ["a fraction", ["transfer", bob, "2.5"], 2, /value of transfer.*expected a whole number in decimal/],
    ["a boolean that is none", ["setFlag", "yes"], 2, /expected true or false/],
  ])("refuses %s, and sends nothing", async (_, args, code, message) => {
    const { fake, run } = await daemon();
    const result = await run("call", TOKEN, ...args);
    expect(result.stderr).toMatch(message);
    expect(result.code).toBe(code);
    expect(fake.requests.map(({ method }) => method)).toEqual(["contract_get"]);
  });
});

describe("exit codes of refusals", () => {
  it.each([
    ["CONTRACT_NOT_FOUND", 3],
    ["UNAUTHORIZED", 4],
    ["REVERTED", 5],
    ["GAS_EXHAUSTED", 6],
    ["EXECUTION_TIMEOUT", 7],
    ["BUSY", 69],
    ["NONCE_MISMATCH", 1],
  ] as const)("%s exits with %i", async (code, exit) => {
    const { run } = await daemon({ contract_query: fails(code, { fact: 1 }) });
    const result = await run("query", TOKEN, "balanceOf", alice, "--json");
    expect(result.code).toBe(exit);
    expect(result.json()).toMatchObject({
      status: "error",
      result: null,
      error: { code, message: `the daemon says ${code}`, details: { fact: 1 } },
    });
  });
});

describe("query, simulate, estimate", () => {
  it("query prints the value alone off a terminal", async () => {
    const { fake, run } = await daemon({
      contract_query: () => ({
        result: "1000000",
        returnData: "0x",
        gasUsed: "1",
        cached: false,
        seq: 1,
        blockHeight: 1,
      }),
    });
    expect((await run("query", TOKEN, "balanceOf", alice)).stdout).toBe("1000000\n");
    expect(fake.requests.at(-1)).toEqual({
      method: "contract_query",
      params: { address: TOKEN, entrypoint: "balanceOf", args: [alice], caller: alice },
    });
  });

  it("simulate says that nothing was kept, and shows what would change", async () => {
    const { run } = await daemon({
      tx_simulate: () => ({
        receipts: [RECEIPT],
        stateDiff: [{ key: "0x13", before: null, after: "0x19" }],
        blockHeight: 2,
      }),
    });
    const { code, stdout } = await run("simulate", TOKEN, "transfer", bob, "25");
    expect(code).toBe(0);
    expect(stdout).toMatch(/simulated, nothing was kept/);
    expect(stdout).toMatch(/0x13 +absent +0x19/);
  });

  it("simulate exits as the refusal says", async () => {
    const { run } = await daemon({
      tx_simulate: () => ({
        receipts: [{ error: { code: -32000, message: "no", data: { code: "NONCE_MISMATCH", hint: "" } } }],
        stateDiff: [],
        blockHeight: 2,
      }),
    });
    expect((await run("simulate", TOKEN, "transfer", bob, "25", "--gas-limit", "5")).code).toBe(1);
  });

  it("estimate prints the limit", async () => {
    const { run } = await daemon();
    expect((await run("estimate", TOKEN, "transfer", bob, "25")).stdout).toBe("51234\n");
  });
});

describe("deploy erc20", () => {
  it("gives the options that were asked for, and has the receipt as result", async () => {
    const deployed = { ...RECEIPT, to: null, contractAddress: TOKEN, result: undefined };
    const { fake, run } = await daemon({ tx_submit: () => deployed });
    const result = await run(
      "deploy",
      "erc20",
      "--name",
      "MyToken",
      "--symbol",
      "MTK",
      "--decimals",
      "6",
      "--supply",
      "1000000",
      "--mintable",
      "--cap",
      "2000000",
      "--owner",
      bob,
      "--json",
    );
    expect(result.json().result).toMatchObject({ contractAddress: TOKEN, status: "success" });
    expect(fake.requests.at(-1)?.params).toMatchObject({
      transaction: {
        kind: "deploy",
        sender: alice,
        contract: {
          type: "erc20",
          name: "MyToken",
          symbol: "MTK",
          decimals: 6,
          initialSupply: "1000000",
          owner: bob,
          mintable: true,
          cap: "2000000",
        },
      },
    });
  });

  it("refuses a supply that is no whole number", async () => {
    const { run } = await daemon();
    const { code, stderr } = await run("deploy", "erc20", "--name", "N", "--symbol", "S", "--supply", "1.5");
    expect(code).toBe(2);
    expect(stderr).toContain("error INVALID_AMOUNT: --supply: expected base units");
  });
});

describe("contract, logs, block, account", () => {
  it("ls reads pages up to the limit, and says how to go on", async () => {
    const { abi: _, ...item } = CONTRACT;
    const { fake, run } = await daemon({
      contract_list: ({ cursor }) => ({ items: [item, item], nextCursor: cursor === undefined ? "c2" : "c4" }),
    });
    const result = await run("contract", "ls", "--limit", "4", "--status", "active");
    expect(fake.requests.map(({ params }) => params)).toEqual([
      { limit: 4, status: "active" },
      { limit: 2, status: "active", cursor: "c2" },
    ]);
    expect(result.stdout).toMatch(/^ADDRESS +TYPE +NAME +STATUS +BLOCK$/m);
    expect(result.stdout).toContain("4 shown; go on with --cursor c4");
  });

  it("an empty list is a list", async () => {
    const { run } = await daemon({ contract_list: () => ({ items: [], nextCursor: null }) });
    expect((await run("contract", "ls", "--json")).json().result).toEqual({ items: [], nextCursor: null });
    expect((await run("contract", "ls", "--output", "ndjson")).stdout).toBe("");
  });

  it("abi lists signatures apart by query and call", async () => {
    const { run } = await daemon();
    expect((await run("contract", "abi", TOKEN)).stdout).toBe(
      "query\n  balanceOf(address account) → uint256\ncall\n  transfer(address to, uint256 value) → bool\n  setFlag(bool on)\n",
    );
  });

  it("pause is a transaction of the contract's admin", async () => {
    const { fake, run } = await daemon();
    expect((await run("contract", "pause", TOKEN, "--from", bob)).code).toBe(0);
    expect(fake.requests.at(-1)?.params).toMatchObject({
      transaction: { kind: "setStatus", sender: bob, to: TOKEN, status: "paused" },
    });
  });

  it("logs --follow prints each log once, as blocks come, until Ctrl-C", async () => {
    const event = (blockHeight: number) => ({
      subscription: "0x1",
      type: "logs",
      cursor: `${blockHeight}.0.1.0011223344556677`,
      result: { ...RECEIPT.logs[0], blockHeight, transactionIndex: 0, removed: false },
    });
    const { cwd, fake } = await daemon({
      subscribe: () => ({ subscription: "0x1", cursor: "4.end.0011223344556677", events: [event(5), event(6)] }),
    });
    const child = startCli(["logs", "--follow", "--json"], { cwd, environment: { POLYTORUS_IPC: "engine.ipc" } });
    const lines: string[] = [];
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      lines.push(...text.trimEnd().split("\n"));
      if (lines.length >= 2) child.kill("SIGINT");
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(code).toBe(130);
    expect(fake.requests).toEqual([{ method: "subscribe", params: { types: ["logs"] } }]);
    expect(lines.slice(0, 2).map((line) => (JSON.parse(line) as { blockHeight: number }).blockHeight)).toEqual([5, 6]);
  });

  it("block show takes a height, a hash, or nothing for the latest", async () => {
    const block = {
      height: 7,
      seq: 7,
      protocolVersion: 1,
      chainId: 1337,
      parentHash: HASH,
      blockHash: HASH,
      timestampMs: 0,
      stateRoot: HASH,
      receiptsRoot: HASH,
      transactionsRoot: HASH,
      gasUsed: "0",
      transactionHashes: [],
    };
    const { fake, run } = await daemon({ block_get: () => block });
    for (const args of [["7"], [HASH], []]) expect((await run("block", "show", ...args)).stdout).toMatch(/^height +7 /);
    expect(fake.requests.map(({ params }) => params)).toEqual([
      { height: 7 },
      { blockHash: HASH },
      { height: "latest" },
    ]);
    expect((await run("block", "show", "seven")).code).toBe(2);
  });

  it("account show is the first development account's unless named", async () => {
    const { fake, run } = await daemon({
      account_get: () => ({ address: alice, bech32: "polytorus1x", nonce: 3, balance: "1000" }),
    });
    expect((await run("account", "show")).stdout).toMatch(/nonce +3\nbalance +1,000/);
    expect(fake.requests[0]?.params).toEqual({ address: alice });
  });
});

describe("what contracts say of themselves", () => {
  const EVIL = "\u001b[2J\u001b]0;pwned\u0007\u009b31mEvil\rname\n0xdead  erc20";
  const metadata = { ...CONTRACT.metadata, name: EVIL, symbol: "\u001b[8mX" };
  const control = (text: string) => [...text].filter((char) => char !== "\n" && /\p{Cc}/u.test(char));

  it("moves no terminal, and fakes no row of a table", async () => {
    const { run } = await daemon({
      contract_list: () => ({ items: [{ ...CONTRACT, metadata }], nextCursor: null }),
      contract_get: () => ({ ...CONTRACT, metadata }),
      tx_submit: fails("REVERTED", { revert: { message: EVIL } }),
      contract_logs: () => ({
        items: [{ ...RECEIPT.logs[0], blockHeight: 2, transactionIndex: 0, event: EVIL }],
        nextCursor: null,
      }),
    });
    const listed = await run("contract", "ls");
    expect([control(listed.stdout), listed.stdout.trimEnd().split("\n").length]).toEqual([[], 2]);
    expect(listed.stdout).toContain("Evil");
    expect(control((await run("contract", "show", TOKEN)).stdout)).toEqual([]);
    expect(control((await run("logs")).stdout)).toEqual([]);
    const failed = await run("call", TOKEN, "transfer", bob, "25");
    expect([failed.code, control(failed.stderr)]).toEqual([5, []]);
  });

  it("stands in JSON as it is", async () => {
    const { run } = await daemon({ contract_list: () => ({ items: [{ ...CONTRACT, metadata }], nextCursor: null }) });
    const { stdout, json } = await run("contract", "ls", "--json");
    expect(json().result.items[0].metadata).toEqual(metadata);
    expect(stdout).not.toContain("\u001b");
  });
});

describe("privacy watch", () => {
  it("asks for what runs, however much is over, and ends when nothing is open", async () => {
    let open = 3;
    const { run, fake } = await daemon({ privacy_jobs: () => ({ items: [], nextCursor: null, open: --open }) });
    const { code, stdout } = await run("privacy", "watch", "--json");
    expect([code, stdout]).toEqual([0, [2, 1, 0].map((left) => `{"open":${left},"running":[]}\n`).join("")]);
    expect(fake.requests.map(({ params }) => params)).toEqual(Array(3).fill({ status: "running" }));
  });
});
