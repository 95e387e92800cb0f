/** A start that fails says why and ends: no thread that was started meanwhile keeps the process alive. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { ChangeTable } from "../../src/storage/change-table.ts";
import { DataDir } from "../../src/storage/data-dir.ts";
import { LmdbState } from "../../src/storage/lmdb-state.ts";
import { startDaemon } from "../support/daemon.ts";
import { ALICE, BOB, deployToken, openEngine, submit, temporaryDirectory, transfer } from "../support/engine.ts";

let directory: ReturnType<typeof temporaryDirectory> | undefined;
afterEach(() => directory?.remove());

/** A data directory with a token and a transfer. */
async function filled(): Promise<string> {
  directory = temporaryDirectory();
  DataDir.ensure(directory.path);
  const { engine } = await openEngine({ dataDir: directory.path });
  const token = await deployToken(engine);
  await submit(engine, [transfer(token, ALICE, BOB, 1)]);
  await engine.close();
  return directory.path;
}

/** A state that no block says. */
async function changeState(dataDir: string): Promise<void> {
  rmSync(join(dataDir, "state.tree"));
  const state = LmdbState.open(join(dataDir, "state"));
  const changes = new ChangeTable();
  changes.set(Buffer.from("\x13no block's"), Uint8Array.of(1));
  state.write(changes, state.chain());
  await state.close();
}

describe("a daemon that can't start", () => {
  it("ends with the reason when the state has another root than its block", async () => {
    const dataDir = await filled();
    await changeState(dataDir);
    await expect(startDaemon(dataDir)).rejects.toThrow(/ended with code 69:\s.*it has root 0x/s);
  });

  it("ends with the reason when the state store's thread can't open what it writes", async () => {
    const dataDir = await filled();
    mkdirSync(join(dataDir, "index", "0000000000000000.index.part"));
    await expect(startDaemon(dataDir)).rejects.toThrow(/ended with code 1:\s.*the state store cannot follow the log/s);
  });
});
