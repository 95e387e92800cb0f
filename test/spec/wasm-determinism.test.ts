/** What a contract does, answers and costs is the same on every compiler tier, on new instances and on restored ones. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { expect, it } from "vitest";
import { buildContract } from "../../contracts/build.mjs";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { contractText, wasmOf } from "../support/wasm-chain.ts";
import { digestOf, hostileCall, hostileRest, type Workload } from "../support/wasm-workload.ts";

const run = promisify(execFile);
const CALLS = Number(process.env["DETERMINISM_CALLS"] ?? 1_000);
/** The bundle lies outside the repository, and asks for the native secp256k1 by name. */
const ENVIRONMENT = { ...process.env, NODE_PATH: join(process.cwd(), "node_modules") };
const TIERS = [["--liftoff-only"], [], ["--no-liftoff"]];
const CHILD = `import { digestOf } from "./test/support/wasm-workload.ts";
process.stdout.write(digestOf(JSON.parse(process.argv[2])));`;

/** wabt, which the workload's chain loads, finds its parts beside itself: it stays outside, named by its place. */
const WABT = createRequire(import.meta.url).resolve("wabt");

async function bundleChild(): Promise<string> {
  const outfile = join(temporaryDirectory(), "workload.mjs");
  await build({
    stdin: { contents: CHILD, resolveDir: process.cwd(), loader: "ts" },
    bundle: true,
    platform: "node",
    format: "esm",
    outfile,
    alias: { wabt: WABT },
    external: [WABT],
    logLevel: "silent",
  });
  return outfile;
}

it("gives one digest over Liftoff, both tiers and TurboFan, on new and on restored instances", async () => {
  const contracts = dirname(createRequire(import.meta.url).resolve("@oraichain/common-contracts-build/package.json"));
  const hostile = join(temporaryDirectory(), "hostile.wasm");
  writeFileSync(hostile, wasmOf(contractText({ call: hostileCall, rest: hostileRest })));
  const workload = (isFresh: boolean): Workload => ({
    isFresh,
    callsPerContract: CALLS,
    seed: 20,
    token: "",
    cw20: join(contracts, "data", "cw20-base.wasm"),
    hostile,
  });
  const script = await bundleChild();
  const { wasm: token } = await buildContract("token");
  const digests = new Map<string, string>();
  for (const tier of TIERS)
    for (const isFresh of [false, true]) {
      const { stdout } = await run(
        process.execPath,
        [...tier, script, JSON.stringify({ ...workload(isFresh), token })],
        { env: ENVIRONMENT },
      );
      digests.set(`${tier[0] ?? "default"} ${isFresh ? "fresh" : "restored"}`, stdout);
    }
  const first = digestOf({ ...workload(false), token });
  expect([...digests]).toEqual([...digests.keys()].map((name) => [name, first]));
  expect(digestOf({ ...workload(false), token, seed: 21 })).not.toBe(first);
});
