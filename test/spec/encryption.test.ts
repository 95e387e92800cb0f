/** Encryption at rest: what lies in the data directory says nothing without the key file, and everything with it. */
import { randomBytes } from "node:crypto";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EngineError } from "../../src/errors.ts";
import { ENVELOPE_NAME, envelopeKeyId, openEnvelope, rewrapEnvelope } from "../../src/storage/encryption/envelope.ts";
import { fileKey, readKeyFile } from "../../src/storage/encryption/key-file.ts";
import { adoptKeys, unlockDataDir, unlockEncrypted } from "../../src/storage/encryption/unlocked.ts";
import { writeKeyFile } from "../support/encrypted-directory.ts";
import { ALICE, BOB, balanceOf, deployToken, openEngine, rootOf, submit, transfer } from "../support/engine.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const forgetKeys = () => adoptKeys(new Map());
const contentsOf = (directory: string): Map<string, Buffer> =>
  new Map(
    readdirSync(directory, { recursive: true, encoding: "utf8" })
      .filter((name) => statSync(join(directory, name)).isFile())
      .map((name) => [name, readFileSync(join(directory, name))]),
  );

function refusalOf(attempt: () => void): EngineError {
  try {
    attempt();
  } catch (problem) {
    if (problem instanceof EngineError) return problem;
  }
  throw new Error("nothing was refused");
}

function newKeyFile(bytes?: Uint8Array): string {
  return writeKeyFile(join(temporaryDirectory(), "key"), bytes);
}

/** An engine's directory with a token and transfers, closed. */
async function filled(keyFile: string | undefined): Promise<{ dataDir: string; token: string; root: string }> {
  const dataDir = temporaryDirectory();
  unlockDataDir(dataDir, keyFile);
  // Small segments: some are sealed, and so indexed.
  const test = await openEngine({ dataDir, segmentBytes: 2_000 });
  const token = await deployToken(test.engine);
  for (let i = 0; i < 20; i++) await submit(test.engine, [transfer(token, ALICE, BOB, 1)]);
  const root = rootOf(test.engine);
  await test.engine.close();
  return { dataDir, token, root };
}

/** Files in which the chain's accounts can be read. */
function telling(dataDir: string): string[] {
  const bob = Buffer.from(BOB.slice(2), "hex");
  return [...contentsOf(dataDir)]
    .filter(([, bytes]) => bytes.includes(bob) || bytes.includes(BOB.slice(2)))
    .map(([name]) => name);
}

describe("encryption at rest", () => {
  it("leaves nothing readable of accounts in journal, state, indexes or analytics; without a key all of them tell", async () => {
    const plain = await filled(undefined);
    const names = telling(plain.dataDir);
    expect(names).toContain("state/state.mdb");
    expect(names.some((name) => name.endsWith(".journal"))).toBe(true);
    const { dataDir } = await filled(newKeyFile());
    expect(telling(dataDir)).toEqual([]);
    const startOf = (directory: string) => readFileSync(join(directory, "analytics.json"), "latin1").slice(0, 8);
    expect([startOf(plain.dataDir), startOf(dataDir)]).toEqual(['{"versio', "PTSEALED"]);
    expect(contentsOf(dataDir).has("state.tree")).toBe(false);
    expect(readdirSync(join(dataDir, "index")).length).toBeGreaterThan(0);
  });

  it("goes on after a restart, with everything there: state, history and index", async () => {
    const keyFile = newKeyFile();
    const { dataDir, token, root } = await filled(keyFile);
    forgetKeys();
    unlockDataDir(dataDir, keyFile);
    const { engine } = await openEngine({ dataDir, segmentBytes: 2_000 });
    expect([rootOf(engine), await balanceOf(engine, token, BOB)]).toEqual([root, 20n]);
    const { items } = await engine.service.logs({ address: Buffer.from(token.slice(2), "hex"), limit: 100 });
    expect(items).toHaveLength(21);
    await submit(engine, [transfer(token, ALICE, BOB, 1)]);
    expect(await balanceOf(engine, token, BOB)).toBe(21n);
    await engine.close();
  });

  it("refuses a missing, wrong, short or open key file, by name and with nothing changed", async () => {
    const keyFile = newKeyFile();
    const { dataDir } = await filled(keyFile);
    forgetKeys();
    const before = contentsOf(dataDir);
    const open = newKeyFile();
    chmodSync(open, 0o644);
    const short = newKeyFile(randomBytes(31));
    const attempts: [string | undefined, RegExp][] = [
      [undefined, /name its key file with encryption.key_file/],
      [join(dataDir, "nowhere"), /can't be read/],
      [newKeyFile(), /under key .*, the key file holds key/],
      [open, /mode 0644: others may read it/],
      [short, /32 bytes/],
    ];
    for (const [path, message] of attempts) {
      const refused = refusalOf(() => unlockDataDir(dataDir, path));
      expect(refused).toMatchObject({ code: "ENCRYPTION_KEY_REFUSED", message: expect.stringMatching(message) });
      expect(JSON.stringify(refused.facts) + refused.message).not.toContain(readFileSync(short, "utf8").trim());
    }
    await expect(openEngine({ dataDir })).rejects.toMatchObject({ code: "ENCRYPTION_KEY_REFUSED" });
    expect(contentsOf(dataDir)).toEqual(before);
  });

  it("refuses a key file for a directory whose data is not encrypted, and takes base64 as well as hex", async () => {
    const { dataDir } = await filled(undefined);
    expect(refusalOf(() => unlockDataDir(dataDir, newKeyFile()))).toMatchObject({ code: "ENCRYPTION_KEY_REFUSED" });
    expect(existsSync(join(dataDir, ENVELOPE_NAME))).toBe(false);
    const bytes = randomBytes(32);
    const path = join(temporaryDirectory(), "key");
    writeFileSync(path, bytes.toString("base64"), { mode: 0o600 });
    expect(readKeyFile(path)).toEqual({ ...fileKey(bytes), bytes });
  });

  it("refuses journal frames, state and envelopes that were changed or moved", async () => {
    const keyFile = newKeyFile();
    const { dataDir } = await filled(keyFile);
    const other = await filled(keyFile);
    const [first, second] = readdirSync(join(dataDir, "journal"))
      .filter((name) => name.endsWith(".journal"))
      .sort();
    const tampered = async (change: (copy: string) => void) => {
      const copy = join(temporaryDirectory(), "copy");
      cpSync(dataDir, copy, { recursive: true });
      change(copy);
      unlockEncrypted(copy, keyFile);
      const { engine } = await openEngine({ dataDir: copy });
      await engine.close();
    };
    await tampered(() => undefined);
    const segment = (dir: string, name: string | undefined) => join(dir, "journal", name!);
    // A segment of another directory under the same key file: whole by its checksums, but of another data key.
    await expect(
      tampered((copy) => {
        mkdirSync(join(copy, "journal"), { recursive: true });
        cpSync(segment(other.dataDir, first), segment(copy, first));
      }),
    ).rejects.toMatchObject({ code: "JOURNAL_DAMAGED" });
    await expect(
      tampered((copy) => cpSync(join(other.dataDir, "state"), join(copy, "state"), { recursive: true })),
    ).rejects.toMatchObject({ code: "STORAGE_ERROR", message: expect.stringContaining("state") });
    expect(second).toBeDefined();
    const envelope = JSON.parse(readFileSync(join(dataDir, ENVELOPE_NAME), "utf8")) as { wrappedKey: string };
    const wrapped = Buffer.from(envelope.wrappedKey, "base64");
    wrapped[20]! ^= 1;
    await expect(
      tampered((copy) =>
        writeFileSync(
          join(copy, ENVELOPE_NAME),
          JSON.stringify({ ...envelope, wrappedKey: wrapped.toString("base64") }),
        ),
      ),
    ).rejects.toMatchObject({ code: "ENCRYPTION_KEY_REFUSED", message: expect.stringContaining("damaged") });
  });

  it("is put under another key without a byte of the data changing; the old key then opens nothing", async () => {
    const [keyFile, nextFile] = [newKeyFile(), newKeyFile()];
    const { dataDir } = await filled(keyFile);
    const before = contentsOf(dataDir);
    const [key, next] = [readKeyFile(keyFile), readKeyFile(nextFile)];
    const dataKey = openEnvelope(dataDir, key);
    rewrapEnvelope(dataDir, key, next);
    expect([envelopeKeyId(dataDir), openEnvelope(dataDir, next)]).toEqual([next.id, dataKey]);
    expect(refusalOf(() => openEnvelope(dataDir, key)).code).toBe("ENCRYPTION_KEY_REFUSED");
    const after = contentsOf(dataDir);
    expect(after.get(ENVELOPE_NAME)).not.toEqual(before.get(ENVELOPE_NAME));
    after.delete(ENVELOPE_NAME);
    before.delete(ENVELOPE_NAME);
    expect(after).toEqual(before);
    expect(() => rewrapEnvelope(dataDir, key, next)).toThrow(/holds key/);
  });
});
