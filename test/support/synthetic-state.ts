/** A data directory whose state has as many rows as wanted: balances of one token, under a block that has their root. */
import { createHash } from "node:crypto";
import {
  BlockEntry,
  blockHashOf,
  ENTRY_HEADER_BYTES,
  ENTRY_VERSION,
  EntryKind,
} from "../../src/encoding/block-entry.ts";
import { writeU32, writeU64 } from "../../src/encoding/bytes.ts";
import { contractStateKey } from "../../src/encoding/state-key.ts";
import { PortableStateTree } from "../../src/execution/state-tree.ts";
import { isAddon, loadAddon } from "../../src/native/addon.ts";
import { NativeStateTree } from "../../src/native/state-tree.ts";
import { ChainIndex } from "../../src/storage/chain-index.ts";
import { stateRootOf } from "../../src/storage/copies/state-root.ts";
import { DataDir } from "../../src/storage/data-dir.ts";
import { openDataPaths } from "../../src/storage/data-paths.ts";
import { Journal } from "../../src/storage/journal.ts";
import { LmdbState } from "../../src/storage/lmdb-state.ts";

const TOKEN = new Uint8Array(20).fill(0x77);
const FILL_ROWS = 8_192;
const TREE_NAME = "synthetic state";

/** Answers the state's root. */
export async function makeStateOf(rows: number, dataDir: string): Promise<Uint8Array> {
  const directory = DataDir.open(dataDir);
  const paths = openDataPaths(dataDir);
  const state = LmdbState.open(paths.state);
  const keys = Array.from({ length: rows }, (_, i) => keyOf(i)).sort(Buffer.compare);
  for (let first = 0; first < rows; first += FILL_ROWS) {
    const part = keys.slice(first, first + FILL_ROWS).map((key, i) => ({ key, value: amountOf(first + i) }));
    state.fill(part, Buffer.from("synthetic"));
  }
  const root = await rootOf(state);
  const block = blockWith(root);
  const chain = new ChainIndex();
  chain.add(block);
  state.filled(chain);
  await state.close();
  const { journal } = Journal.open({ directory: paths.journal });
  await journal.append([block.bytes]);
  await journal.close();
  directory.close();
  return root;
}

/** A balance's key of 45 bytes. */
function keyOf(holder: number): Buffer {
  const address = createHash("sha256").update(`holder ${holder}`).digest().subarray(0, 20);
  return Buffer.from(contractStateKey(TOKEN, Buffer.concat([Buffer.from("bal:"), address])));
}

/** An amount of 8 bytes. */
function amountOf(row: number): Uint8Array {
  const value = new Uint8Array(8).fill(1);
  writeU32(value, 4, row);
  return value;
}

async function rootOf(state: LmdbState): Promise<Uint8Array> {
  const addon = loadAddon();
  const tree = isAddon(addon) ? NativeStateTree.attach(addon, TREE_NAME) : new PortableStateTree();
  try {
    return await stateRootOf(state, tree, { signal: new AbortController().signal, onProgress: () => undefined });
  } finally {
    if (isAddon(addon)) NativeStateTree.release(addon, TREE_NAME);
  }
}

function blockWith(stateRoot: Uint8Array): BlockEntry {
  const bytes = new Uint8Array(ENTRY_HEADER_BYTES);
  bytes[0] = EntryKind.block;
  bytes[1] = ENTRY_VERSION;
  bytes[2] = 1;
  writeU64(bytes, 56, 1337);
  bytes.set(stateRoot, 96);
  bytes.set(blockHashOf(bytes), 192);
  return BlockEntry.parse(bytes);
}
