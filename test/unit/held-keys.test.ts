/** How an evaluation key comes, is found to be of no use, and goes; and what brings it back. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { toHex } from "../../src/encoding/hex.ts";
import { hashOf } from "../../src/encoding/privacy-file.ts";
import { HeldBlobs } from "../../src/engines/privacy/held-blobs.ts";
import { HeldKeys } from "../../src/engines/privacy/held-keys.ts";
import { BlobFiles } from "../../src/storage/blobs/blob-files.ts";
import { temporaryDirectory } from "../support/engine.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const file = Buffer.from("an evaluation key");
const keyId = hashOf(file);
const id = toHex(keyId);
const contract = new Uint8Array(20).fill(7);
const NONE: ReadonlySet<string> = new Set();

let directory: ReturnType<typeof temporaryDirectory>;
let blobs: BlobFiles;
let keys: HeldKeys;
let nowMs: number;
let isDeployed: boolean;

function open(): void {
  blobs = BlobFiles.open(directory.path, { bytesMax: 1 << 20 });
  const contractsOf = async () => new Map(isDeployed ? [[id, contract]] : []);
  keys = new HeldKeys({ blobs, contractsOf, now: () => nowMs });
}

/** What a transaction that names the key is told. */
function admitted(): string | undefined {
  return new HeldBlobs(blobs, { jobs: new Int32Array(1), jobsMax: 1 }).parameterSetOf(keyId);
}

async function collectAfter(ms: number, named = NONE): Promise<number> {
  nowMs += ms;
  return await keys.collect(named);
}

const put = () => keys.put(keyId, file, "plain");

beforeEach(() => {
  directory = temporaryDirectory();
  nowMs = 1_000_000;
  isDeployed = false;
  open();
});
afterEach(async () => {
  await blobs.close();
  directory.remove();
});

describe("a key that no contract has", () => {
  it("is unused for a day, then withdrawn, and gone an hour later, its bytes with it", async () => {
    await put();
    expect(await collectAfter(0)).toBe(0);
    expect(await collectAfter(DAY_MS - 1)).toBe(0);
    expect(admitted()).toBe("plain");
    expect(keys.get(keyId)).toMatchObject({ withdrawnAtMs: undefined, goesAtMs: 1_000_000 + DAY_MS + HOUR_MS });
    expect(await collectAfter(1)).toBe(0);
    expect(admitted()).toBeUndefined();
    expect(await collectAfter(HOUR_MS - 1)).toBe(0);
    expect(blobs.read(keyId)).toBeDefined();
    expect(await collectAfter(1)).toBe(1);
    expect(blobs.read(keyId)).toBeUndefined();
    expect([...blobs.names(new Uint8Array(0))].map(({ name }) => name[0])).toEqual([0]);
    expect(blobs.byteLength).toBe(0);
  });

  it("stays while a ciphertext is here that is encrypted under it", async () => {
    await put();
    for (let day = 0; day < 5; day++) expect(await collectAfter(DAY_MS, new Set([id]))).toBe(0);
    expect(keys.get(keyId)).toMatchObject({ unusedSinceMs: undefined, withdrawnAtMs: undefined });
  });

  it("begins its day again when it is put again", async () => {
    await put();
    await collectAfter(0);
    await collectAfter(DAY_MS);
    expect(admitted()).toBeUndefined();
    await put();
    expect(admitted()).toBe("plain");
    await collectAfter(0);
    expect(await collectAfter(HOUR_MS)).toBe(0);
    expect(admitted()).toBe("plain");
  });

  it.each([
    ["unused", 0],
    ["withdrawn", DAY_MS],
  ])("goes on after a restart where it was: %s", async (_, ms) => {
    await put();
    await collectAfter(0);
    await collectAfter(ms);
    const before = keys.get(keyId);
    await blobs.close();
    open();
    expect(keys.get(keyId)).toEqual(before);
    if (ms === 0) expect(await collectAfter(DAY_MS)).toBe(0);
    expect(await collectAfter(HOUR_MS)).toBe(1);
  });
});

describe("a key that a contract has", () => {
  it("stays for good", async () => {
    await put();
    isDeployed = true;
    for (let day = 0; day < 5; day++) expect(await collectAfter(DAY_MS)).toBe(0);
    expect(keys.get(keyId)).toMatchObject({ unusedSinceMs: undefined, goesAtMs: undefined });
  });

  it("is not withdrawn", async () => {
    await put();
    isDeployed = true;
    await expect(keys.withdraw(keyId)).rejects.toMatchObject({
      code: "PRIVACY_KEY_IN_USE",
      facts: { keyId: id, contract: toHex(contract) },
    });
    expect(admitted()).toBe("plain");
  });

  it.each([
    ["unused", 0],
    ["withdrawn", DAY_MS],
  ])("comes back when it was %s and the contract had been admitted before", async (_, ms) => {
    await put();
    await collectAfter(0);
    await collectAfter(ms);
    isDeployed = true;
    expect(await collectAfter(HOUR_MS)).toBe(0);
    expect(admitted()).toBe("plain");
    expect(keys.get(keyId)).toMatchObject({ unusedSinceMs: undefined, withdrawnAtMs: undefined });
  });

  it("is given a day when a rollback takes the contract", async () => {
    await put();
    isDeployed = true;
    await collectAfter(10 * DAY_MS);
    isDeployed = false;
    await collectAfter(0);
    expect(await collectAfter(DAY_MS - 1)).toBe(0);
    isDeployed = true;
    expect(await collectAfter(1)).toBe(0);
    expect(admitted()).toBe("plain");
  });
});

it("withdraws at once a key that its owner no longer wants, even where a ciphertext is left under it", async () => {
  await put();
  await keys.withdraw(keyId);
  expect(admitted()).toBeUndefined();
  nowMs += HOUR_MS / 2;
  await keys.withdraw(keyId);
  expect(await collectAfter(HOUR_MS / 2, new Set([id]))).toBe(1);
  expect(keys.get(keyId)).toBeUndefined();
});
