/** WebAssembly contracts over a restart of the engine: compiled on the thread for it, rewritten once, whatever the disk did. */
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { toHex } from "../../src/encoding/hex.ts";
import { decodeStoredModule } from "../../src/engines/wasm/stored-module.ts";
import { ALICE, openEngine, submit, type TestEngine, temporaryDirectory } from "../support/engine.ts";
import { contractText, wasmOf } from "../support/wasm-chain.ts";

/** Counts its calls and answers the count. */
const COUNTER = toHex(
  wasmOf(
    contractText({
      call: `(drop (call $state_get (i32.const 0) (i32.const 1) (i32.const 16) (i32.const 4)))
        (i32.store (i32.const 16) (i32.add (i32.load (i32.const 16)) (i32.const 1)))
        (call $state_set (i32.const 0) (i32.const 1) (i32.const 16) (i32.const 4))
        (call $return_data (i32.const 16) (i32.const 4))`,
    }),
  ),
);

const directories: { remove(): void }[] = [];
let open: TestEngine | undefined;

afterEach(async () => {
  await open?.engine.close();
  for (const directory of directories.splice(0)) directory.remove();
});

async function start(dataDir: string): Promise<TestEngine> {
  await open?.engine.close();
  open = await openEngine({ dataDir });
  return open;
}

async function deployed({ engine }: TestEngine): Promise<string> {
  const [fate] = await submit(engine, [
    { kind: "deploy", sender: ALICE, gasLimit: 10_000_000, contract: { type: "wasm", code: COUNTER } },
  ]);
  if (fate === undefined || "rejection" in fate) throw new Error(JSON.stringify(fate));
  return toHex(fate.receipt.contractAddress!);
}

async function count({ engine }: TestEngine, to: string): Promise<string> {
  const [fate] = await submit(engine, [{ kind: "call", sender: ALICE, gasLimit: 1_000_000, to, calldata: "0x" }]);
  return fate === undefined || "rejection" in fate ? JSON.stringify(fate) : toHex(fate.receipt.returnData);
}

/** The only file of modules, once it is there. */
async function moduleFile(dataDir: string): Promise<string> {
  for (;;) {
    try {
      const [name] = readdirSync(join(dataDir, "modules")).filter((each) => each.endsWith(".ptwm"));
      if (name !== undefined) return join(dataDir, "modules", name);
    } catch {}
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function directory(): string {
  const made = temporaryDirectory();
  directories.push(made);
  return made.path;
}

it("runs a contract again from the module that was kept", async () => {
  const dataDir = directory();
  const address = await deployed(await start(dataDir));
  expect(await count(open!, address)).toBe("0x01000000");
  const kept = readFileSync(await moduleFile(dataDir));
  expect(decodeStoredModule(kept)).toBeDefined();
  const again = await start(dataDir);
  expect(await count(again, address)).toBe("0x02000000");
  expect(again.reports.filter((line) => line.startsWith("warn"))).toEqual([]);
  expect(toHex(readFileSync(await moduleFile(dataDir)))).toBe(toHex(kept));
});

it.each([
  ["cut short", (file: string) => truncateSync(file, 50)],
  ["empty", (file: string) => truncateSync(file, 0)],
  [
    "changed by a bit",
    (file: string) => {
      const bytes = readFileSync(file);
      bytes[bytes.length >> 1]! ^= 16;
      writeFileSync(file, bytes);
    },
  ],
])("makes a module again whose file is %s, and says so", async (_what, damage) => {
  const dataDir = directory();
  const address = await deployed(await start(dataDir));
  await count(open!, address);
  const file = await moduleFile(dataDir);
  const good = toHex(readFileSync(file));
  await open!.engine.close();
  open = undefined;
  damage(file);
  const again = await start(dataDir);
  expect(await count(again, address)).toBe("0x02000000");
  expect(again.reports).toContain("warn: a rewritten WebAssembly module was damaged and is made again");
  while (toHex(readFileSync(file)) !== good) await new Promise((resolve) => setTimeout(resolve, 5));
});
