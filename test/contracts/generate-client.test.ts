/** The generated client: it type-checks, its calls do what they say on the engine, and no ABI makes it run foreign code. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Artifact, loadArtifact } from "../../contracts/sdk/testing/artifact.ts";
import { generateClient } from "../../src/cli/contract-client/generate-client.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { EngineError } from "../../src/errors.ts";
import { ROOT } from "../architecture/source-files.ts";
import { alice, bob, carol } from "../support/contract-calls.ts";
import { readableReceipt } from "../support/inline-chain.ts";
import { WasmChain } from "../support/wasm-chain.ts";

const CACHE = join(ROOT, "node_modules", ".cache", "polytorus");
const CONTRACTS = ["token", "escrow", "vault", "counter"];

/** Names that need another in TypeScript, overloads, tuples, arrays. */
const AWKWARD = [
  { type: "constructor", inputs: [{ name: "class", type: "address[]" }] },
  { type: "function", name: "then", stateMutability: "view", inputs: [], outputs: [] },
  { type: "function", name: "address", stateMutability: "pure", inputs: [], outputs: [{ name: "", type: "address" }] },
  {
    type: "function",
    name: "safe",
    inputs: [
      { name: "function", type: "uint256" },
      { name: "", type: "bytes32[2][]" },
      { name: "options", type: "bool" },
    ],
    outputs: [
      { name: "", type: "uint8[]" },
      { name: "b", type: "int128" },
    ],
  },
  { type: "function", name: "safe", stateMutability: "payable", inputs: [{ name: "a", type: "string" }], outputs: [] },
  {
    type: "function",
    name: "both",
    stateMutability: "view",
    inputs: [
      { name: "a", type: "bytes" },
      { name: "a", type: "bytes" },
    ],
    outputs: [
      { name: "left", type: "uint32" },
      { name: "right", type: "uint40" },
    ],
  },
  { type: "event", name: "Odd", inputs: [{ name: "", type: "string", indexed: true }] },
  { type: "error", name: "Bare", inputs: [] },
  { type: "fallback" },
];

let folder: string;
const artifacts: Record<string, Artifact> = {};

beforeAll(async () => {
  mkdirSync(CACHE, { recursive: true });
  folder = mkdtempSync(join(CACHE, "clients-"));
  const clientModule = `${relative(folder, join(ROOT, "src", "client", "contract-client.ts"))}`;
  for (const name of CONTRACTS) {
    artifacts[name] = await loadArtifact(name);
    writeFileSync(join(folder, `${name}.ts`), generateClient(artifacts[name].abi, { name, clientModule }));
  }
  writeFileSync(join(folder, "awkward.ts"), generateClient(AWKWARD, { name: "2 awkward", clientModule }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A connection to the engine in this process, with as much of the daemon's interface as the client uses. */
function connection(chain: WasmChain) {
  const receiptOf = (transaction: Record<string, unknown>) => {
    const receipt = chain.send(transaction as never);
    const contractAddress = receipt.contractAddress === undefined ? null : toHex(receipt.contractAddress);
    return { ...readableReceipt(receipt), contractAddress };
  };
  return {
    async call(method: string, params: Record<string, never>): Promise<unknown> {
      if (method === "tx_estimateGas") return { gasLimit: "50000000", breakdown: {} };
      if (method === "tx_submit") return receiptOf(params["transaction"]!);
      const { address, calldata, caller } = params as unknown as { address: string; calldata: string; caller?: string };
      const { status, returnData } = chain.query({ sender: caller ?? alice, to: address, calldata });
      if (status !== "success") throw new EngineError("REVERTED", "reverted", { revert: { data: toHex(returnData) } });
      return { returnData: toHex(returnData) };
    },
  };
}

async function load(name: string): Promise<Record<string, never>> {
  const outfile = join(folder, `${name}.mjs`);
  await build({ entryPoints: [join(folder, `${name}.ts`)], outfile, bundle: true, format: "esm", platform: "node" });
  return (await import(pathToFileURL(outfile).href)) as Record<string, never>;
}

describe("a generated client", () => {
  it("type-checks in strict mode, as do calls by its types", () => {
    writeFileSync(
      join(folder, "use.ts"),
      `import { Token, type TokenError, type TokenEvent } from "./token.ts";
import { Escrow } from "./escrow.ts";
import { Contract2Awkward } from "./awkward.ts";
declare const client: ConstructorParameters<typeof Token>[0];
const token = new Token(client, "0x", { sender: "0x" });
export const balance: bigint = await token.balanceOf("0x");
export const decimals: number = await token.decimals();
const sent = await token.transfer("0x", 5n, { gasLimit: 100_000 });
export const moved: boolean | undefined = sent.result;
export const failure: TokenError | { readonly name: "Error" | "Panic" } | undefined = sent.error;
export const events: TokenEvent[] = token.eventsOf(sent.receipt.logs);
for (const event of events) if (event.name === "Transfer") export_(event.args.value);
function export_(_: bigint): void {}
const escrow = await Escrow.deploy(client, new Uint8Array(), { sender: "0x" });
const [party, , , , deadline, count] = await escrow.deal(1);
export const parts: [string, bigint, number] = [party, deadline, count];
const odd = await Contract2Awkward.deploy(client, "0x", { class: ["0x"] }, { sender: "0x" });
export const pair: [left: number, right: bigint] = await odd.both("0x", "0x");
const both = await odd.safe_uint256_bytes32_2____bool(1n, [["0x", "0x"]], true);
export const first: number | undefined = both.result?.[0][0];
await odd.safe_string("a", { value: 1n });
await odd.then_();
export const self: string = await odd.address_();
// @ts-expect-error an amount is no text
await token.transfer("0x", "5");
// @ts-expect-error there is no such entrypoint
token.nothing();
`,
    );
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: relative(folder, join(ROOT, "tsconfig.json")),
        include: ["*.ts", relative(folder, join(ROOT, "src", "**", "*.d.ts"))],
      }),
    );
    const compiler = join(ROOT, "node_modules", "typescript", "bin", "tsc");
    let problems = "";
    try {
      execFileSync(process.execPath, [compiler, "-p", folder], { cwd: ROOT, encoding: "utf8" });
    } catch (problem) {
      problems = (problem as { stdout: string }).stdout;
    }
    expect(problems).toBe("");
  });

  it("deploys, sends and asks, and tells results, events and errors by type", async () => {
    const { Token } = (await load("token")) as unknown as Record<string, never> & {
      Token: { deploy(...args: unknown[]): Promise<Record<string, (...args: unknown[]) => Promise<never>>> };
    };
    const client = connection(new WasmChain());
    const init = { name: "Gold", symbol: "GLD", decimals: 18, initialSupply: 2n ** 200n };
    const token = await Token.deploy(client, artifacts["token"]!.code, init, { sender: alice });
    expect(await token["balanceOf"]!(alice)).toBe(2n ** 200n);
    expect(await token["decimals"]!()).toBe(18);

    const sent = (await token["transfer"]!(bob, 40)) as unknown as { result: boolean; receipt: { logs: unknown[] } };
    expect(sent.result).toBe(true);
    expect(token["eventsOf"]!(sent.receipt.logs)).toEqual([
      { name: "Transfer", args: { from: alice, to: bob, value: 40n } },
    ]);
    expect(await token["transfer"]!(alice, 41n, { sender: bob })).toMatchObject({
      result: undefined,
      error: { name: "ERC20InsufficientBalance", args: { sender: bob, balance: 40n, needed: 41n } },
    });
    expect(await token["mint"]!(carol, 2n ** 256n - 1n)).toMatchObject({
      error: { name: "Panic", args: { code: 17n } },
    });
  });

  it("names the argument that does not fit, before anything is sent", async () => {
    const { Token } = (await load("token")) as unknown as {
      Token: new (...args: unknown[]) => Record<string, (...args: unknown[]) => Promise<never>>;
    };
    const token = new Token(connection(new WasmChain()), alice);
    await expect(token["balanceOf"]!("0x12")).rejects.toThrow("args[0]: expected an address");
    await expect(token["transfer"]!(bob, -1n)).rejects.toThrow("args[1]: expected a whole number that fits uint256");
    await expect(token["transfer"]!(bob, 1n)).rejects.toThrow("transfer: expected a sender");
  });

  it("tells which constructor failed a deployment, with the receipt", async () => {
    const { Vault } = (await load("vault")) as unknown as { Vault: { deploy(...args: unknown[]): Promise<never> } };
    const asset = `0x${"00".repeat(20)}`;
    const attempt = Vault.deploy(connection(new WasmChain()), artifacts["vault"]!.code, { asset }, { sender: alice });
    await expect(attempt).rejects.toMatchObject({ code: "REVERTED", facts: { receipt: { status: "reverted" } } });
  });
});

describe("an ABI from a stranger", () => {
  const named = (name: string) => [{ type: "function", name, inputs: [], outputs: [] }];
  const parameter = (name: string) => [{ type: "event", name: "E", inputs: [{ name, type: "bool" }] }];

  it.each([
    [named("a(){}; process.exit(1); b")],
    [named("a */ process.exit(1) /*")],
    [named("")],
    [parameter("x: never }; process.exit(1); type T = {")],
    [[{ type: "constructor", inputs: [{ name: 'x"', type: "bool" }] }]],
    [[{ type: "function", name: "f", inputs: [{ name: "a", type: "tuple" }], outputs: [] }]],
    [[{ type: "constructor" }]],
    ["no array"],
  ])("is refused where a name is no identifier or a type unknown: %j", (abi) => {
    expect(() => generateClient(abi, { name: "x" })).toThrow(EngineError);
  });

  it("cannot choose what is imported", () => {
    expect(() => generateClient([], { name: "x", clientModule: 'a"; process.exit(1); "' })).toThrow("clientModule");
  });
});
