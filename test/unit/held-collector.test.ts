/** What the collector of ciphertexts lets go of, and what it keeps. */
import { afterEach, describe, expect, it } from "vitest";
import { inputHandle, Origin } from "../../src/encoding/encrypted-handle.ts";
import { getEncryptedType } from "../../src/encoding/encrypted-type.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { hashOf } from "../../src/encoding/privacy-file.ts";
import { HandleLeaf } from "../../src/engines/privacy/handle-leaf.ts";
import { newHandleRecord, UNHELD_BLOCKS_MAX } from "../../src/engines/privacy/handle-record.ts";
import { bodyName, handleName } from "../../src/engines/privacy/held-blobs.ts";
import { HeldCollector } from "../../src/engines/privacy/held-collector.ts";
import { RecordRoom } from "../../src/engines/privacy/record-room.ts";
import { BlobFiles } from "../../src/storage/blobs/blob-files.ts";
import { temporaryDirectory } from "../support/engine.ts";

const DAY_MS = 24 * 3_600_000;
const account = new Uint8Array(20).fill(1);
const handle = inputHandle(new Uint8Array(32).fill(9), getEncryptedType("euint8")!);
const body = new Uint8Array(32).fill(4);

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function collected(given: {
  references?: number;
  madeAt?: number;
  height?: number;
  ageMs?: number;
  isNeeded?: boolean;
}) {
  const directory = temporaryDirectory();
  const blobs = BlobFiles.open(directory.path, { bytesMax: 1 << 20 });
  closing.push(async () => {
    await blobs.close();
    directory.remove();
  });
  const bytes = Buffer.from("ciphertext");
  await blobs.commit([
    { name: handleName(handle), facts: { keyId: "0x0c", heldAtMs: 0, body: toHex(body) }, bytes },
    { name: bodyName(body), facts: { handle: toHex(handle) } },
  ]);
  const source = { origin: Origin.input, owner: account } as const;
  const record = newHandleRecord(
    given.madeAt ?? 0,
    new Uint8Array(32),
    account,
    source,
    (length) => new Uint8Array(length),
  );
  const leaf = new HandleLeaf(new RecordRoom(), handle, record, true);
  for (let i = 0; i < (given.references ?? 0); i++) leaf.count(1, 0);
  const collector = new HeldCollector({
    blobs,
    leaf: async () => (given.madeAt === undefined ? undefined : leaf.bytes),
    isNeeded: () => given.isNeeded ?? false,
    height: () => given.height ?? 0,
    now: () => given.ageMs ?? 0,
  });
  const { gone, keyIds } = await collector.collect();
  return {
    gone,
    keyIds: [...keyIds],
    isHeld: blobs.read(hashOf(bytes)) !== undefined,
    bytes: blobs.byteLength,
    body: blobs.name(bodyName(body)),
  };
}

describe("the collector", () => {
  const expired = { madeAt: 5, height: 6 + UNHELD_BLOCKS_MAX };

  it("lets go of a value that no state has held for too long, its bytes with it", async () => {
    expect(await collected(expired)).toEqual({ gone: 1, keyIds: [], isHeld: false, bytes: 0, body: undefined });
  });

  it.each([
    ["a block less old", { ...expired, height: 5 + UNHELD_BLOCKS_MAX }],
    ["held by a state", { ...expired, references: 1 }],
    ["taken by a job that is not over", { ...expired, isNeeded: true }],
    ["an input of which nobody knows yet whether a call will use it", { ageMs: DAY_MS }],
  ])("keeps what is %s", async (_, given) => {
    expect(await collected(given)).toMatchObject({ gone: 0, keyIds: ["0x0c"], isHeld: true });
  });

  it("lets go of an input that no call has used within a day", async () => {
    expect(await collected({ ageMs: DAY_MS + 1 })).toMatchObject({ gone: 1, isHeld: false });
  });
});
