/** LMDB's pages have no checksums: what they say counts only as far as the state root says the same. */
import { renameSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { connect } from "../../src/client/client.ts";
import { StateTag } from "../../src/encoding/state-key.ts";
import { ChangeTable } from "../../src/storage/change-table.ts";
import { DataDir } from "../../src/storage/data-dir.ts";
import { LmdbState } from "../../src/storage/lmdb-state.ts";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { ALICE, BOB, deployToken, openEngine, submit, temporaryDirectory, transfer } from "../support/engine.ts";

const directory = temporaryDirectory();
let daemon: DaemonProcess | undefined;
afterEach(async () => {
  await daemon?.kill("SIGKILL");
  directory.remove();
});

/** One bit of every value that contracts keep. */
async function changeRows(state: LmdbState): Promise<void> {
  const changes = new ChangeTable();
  for (const { key, value } of state.range(Uint8Array.of(StateTag.state), Uint8Array.of(StateTag.state + 1)))
    changes.set(key, value.with(-1, value.at(-1)! ^ 1));
  expect(changes.size).toBeGreaterThan(1);
  state.write(changes, state.chain());
  await state.close();
}

it("answers no query and makes no block from rows that were changed on disk, and makes the state again from the journal", async () => {
  const dataDir = directory.path;
  DataDir.ensure(dataDir);
  const { engine } = await openEngine({ dataDir });
  const token = await deployToken(engine);
  await submit(engine, [transfer(token, ALICE, BOB, 5)]);
  await engine.close();
  const state = join(dataDir, "state");
  await changeRows(LmdbState.open(state));

  daemon = await startDaemon(dataDir);
  let client = await connect({ ipc: daemon.ipc });
  const balance = () => client.call("contract_query", { address: token, entrypoint: "balanceOf", args: [BOB] });
  const before = await client.call("state_root", {});
  const damaged = expect.objectContaining({
    code: "STORAGE_ERROR",
    message: expect.stringContaining(`move ${state} away and start it`),
  });
  await expect(balance()).rejects.toEqual(damaged);
  await expect(client.call("contract_state", { address: token })).rejects.toEqual(damaged);
  await expect(client.call("tx_submit", { transaction: transfer(token, ALICE, BOB, 1) })).rejects.toEqual(damaged);
  expect(await client.call("state_root", {})).toEqual(before);
  await client.close();
  await daemon.kill("SIGTERM");

  renameSync(state, `${state}.damaged`);
  daemon = await startDaemon(dataDir);
  client = await connect({ ipc: daemon.ipc });
  expect(await balance()).toMatchObject({ result: "5" });
  expect(await client.call("state_root", {})).toEqual(before);
  expect(await client.call("tx_submit", { transaction: transfer(token, ALICE, BOB, 1) })).toMatchObject({
    status: "success",
  });
  await client.close();
});
