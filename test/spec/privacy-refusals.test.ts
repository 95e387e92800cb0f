/** What bad input gets from privacy contracts: a named error before any work, and nothing stored. */
import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KeyHolder } from "../../src/client/key-holder.ts";
import { inputContext } from "../../src/encoding/encrypted-handle.ts";
import { getEncryptedType } from "../../src/encoding/encrypted-type.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { readPrivacyFile, writePrivacyFile } from "../../src/encoding/privacy-file.ts";
import type { TransactionJson } from "../../src/encoding/transaction.ts";
import type { EngineError } from "../../src/errors.ts";
import type { LocalPrivacy } from "../../src/service/privacy-service.ts";
import { ALICE, BOB, CAROL, type Fate, openEngine, submit, type TestEngine } from "../support/engine.ts";
import { tfhe } from "../support/tfhe.ts";

const holder = new KeyHolder(tfhe);
const sealed = holder.generateKeys(holder.parameterSets()[0]!);
const other = holder.generateKeys("plain");
const plain = holder.generateKeys("plain");
const u32 = getEncryptedType("euint32")!;
const GAS = "100000000000";
const PART_BYTES = 4_000_000;
const bytes = (text: string) => fromHex(text)!;
type Keys = typeof plain;

let test: TestEngine;
let privacy: LocalPrivacy;
let held: ReturnType<LocalPrivacy["use"]>;
beforeEach(async () => {
  test = await openEngine({ privacy: { workers: 1, blobBytesMax: 1 << 28, jobsMax: 1 } });
  privacy = test.engine.service.privacy as LocalPrivacy;
  for (const { evaluationKey } of [plain, other]) await privacy.putKey(part(evaluationKey));
  held = privacy.use();
});
afterEach(async () => await test.engine.close());

function part(file: Uint8Array, from = 0, to = file.length) {
  const sha256 = toHex(createHash("sha256").update(file).digest());
  return { offset: from, total: file.length, sha256, data: toHex(file.slice(from, to)) };
}

/** The code of the error, after which what is stored is what was. */
async function refused(work: Promise<unknown>): Promise<string> {
  const code = await work.then(
    () => "nothing",
    (problem) => (problem as EngineError).code,
  );
  expect(privacy.use()).toEqual(held);
  return code;
}

/** For BOB to use in calls of CAROL's contract. */
function encrypted(keys: Keys): Uint8Array {
  return holder.encrypt(keys.secretKey, 5n, { type: u32, contract: bytes(CAROL), owner: bytes(BOB) });
}

function send(file: Uint8Array, change: Record<string, string> = {}) {
  const binding = { keyId: toHex(plain.keyId), type: "euint32", contract: CAROL, owner: BOB, ...change };
  return privacy.putCiphertext({ ...part(file), ...binding });
}

/** The file with another payload or header, and a digest that fits. */
function resealed(
  file: Uint8Array,
  change: { parameterSet?: number; kind?: number; context?: Uint8Array },
): Uint8Array {
  const { payload, ...header } = readPrivacyFile(file, "file");
  const copy = payload.slice();
  if (change.context !== undefined) copy.set(change.context, 32);
  return writePrivacyFile({ ...header, ...change, payload: copy });
}

describe("a secret key", () => {
  const headers = [sealed, plain].map(({ secretKey, parameterSet }) => [parameterSet, secretKey] as const);

  it.each(headers)("is refused in one piece and in any first part, of %s", async (_, secretKey) => {
    for (const end of [secretKey.length, 40, 16, 5])
      expect(await refused(privacy.putKey(part(secretKey, 0, end)))).toBe("PRIVACY_SECRET_KEY");
    expect(await refused(send(secretKey))).toBe("PRIVACY_SECRET_KEY");
    const { data, ...rest } = part(secretKey, 0, 40);
    const upperCase = `0x${data.slice(2).toUpperCase()}`;
    expect(await refused(privacy.putKey({ ...rest, data: upperCase }))).toBe("PRIVACY_SECRET_KEY");
  });

  it.each(headers)("is not kept in parts that are too short to show what it is, of %s", async (_, secretKey) => {
    for (const end of [1, 4])
      expect(await refused(privacy.putKey(part(secretKey, 0, end)))).toBe("PRIVACY_UPLOAD_INVALID");
    expect(await refused(privacy.putKey(part(plain.evaluationKey, 0, 15)))).toBe("PRIVACY_UPLOAD_INVALID");
    expect(await refused(privacy.putKey(part(secretKey, 4, 40)))).toBe("PRIVACY_UPLOAD_INVALID");
  });
});

describe("a ciphertext", () => {
  it("of another key is refused, whether that key is here or not", async () => {
    expect(await refused(send(encrypted(other)))).toBe("PRIVACY_INPUT_MISMATCH");
    const unknown = toHex(new Uint8Array(32).fill(9));
    expect(await refused(send(encrypted(plain), { keyId: unknown }))).toBe("PRIVACY_KEY_UNKNOWN");
  });

  it("of another scheme, kind or parameter set is refused, though its digest fits", async () => {
    expect(await refused(send(encrypted(sealed)))).toBe("PRIVACY_INPUT_MISMATCH");
    const file = encrypted(plain);
    expect(await refused(send(resealed(file, { parameterSet: 1 })))).toBe("PRIVACY_FILE_INVALID");
    expect(await refused(send(resealed(file, { kind: 2 })))).toBe("PRIVACY_FILE_INVALID");
    expect(await refused(send(plain.evaluationKey))).toBe("PRIVACY_FILE_INVALID");
  });

  it("that somebody sent is not another's, though it is bound to him", async () => {
    const file = encrypted(plain);
    const { handle } = await send(file);
    held = privacy.use();
    const stolen = resealed(file, { context: inputContext(bytes(CAROL), bytes(ALICE), u32) });
    expect(await refused(send(stolen, { owner: ALICE }))).toBe("PRIVACY_INPUT_REPLAYED");
    expect(await send(file)).toMatchObject({ handle });
    expect(privacy.use()).toEqual(held);
  });

  it("is given to nobody but who sent it before a call has used it, and why is told", async () => {
    const { handle } = await send(encrypted(plain));
    held = privacy.use();
    expect(await refused(privacy.ciphertext(bytes(handle!), bytes(ALICE)))).toBe("PRIVACY_NOT_ALLOWED");
    expect((await privacy.explain(bytes(handle!), bytes(ALICE))).because).toContain(`${ALICE} did not send it`);
    expect(await privacy.ciphertext(bytes(handle!), bytes(BOB))).toMatchObject({ handle, security: "none" });
    const made = bytes(`0x${"07".repeat(30)}0402`);
    expect(await refused(privacy.ciphertext(made, undefined))).toBe("PRIVACY_HANDLE_UNKNOWN");
  });
});

describe("a full queue", () => {
  it("refuses calls that order evaluations, lets others through, and loses none that it took", async () => {
    const file = sealed.evaluationKey;
    for (let from = 0; from < file.length; from += PART_BYTES)
      await privacy.putKey(part(file, from, from + PART_BYTES));
    const manifest = {
      name: "Squares",
      circuits: { mul: { operation: "mul", type: "euint32" } },
      state: { last: { type: "euint32" } },
      entrypoints: {
        square: {
          inputs: [{ name: "amount", type: "uint32" }],
          steps: [{ circuit: "mul", inputs: ["amount", "amount"], outputs: ["square"] }],
          set: { "state.last": "square" },
          returns: ["square"],
        },
        last: { returns: ["state.last"] },
      },
    };
    const { parameterSet } = sealed;
    const contract = { type: "privacy", keyId: toHex(sealed.keyId), parameterSet, manifest };
    const act = async (transaction: TransactionJson): Promise<Fate> => (await submit(test.engine, [transaction]))[0]!;
    const deployed = await act({ kind: "deploy", sender: ALICE, gasLimit: GAS, contract });
    const to = "receipt" in deployed ? toHex(deployed.receipt.contractAddress!) : "";
    const call = (entrypoint: string, args: string[]) =>
      act({ kind: "call", sender: ALICE, gasLimit: GAS, to, entrypoint, args });
    const first = await call("square", ["3"]);
    await expect.poll(() => privacy.jobs({}).open).toBe(1);
    expect(await call("square", ["4"])).toMatchObject({ rejection: { code: "BUSY", facts: { jobs: 1, jobsMax: 1 } } });
    expect(await call("last", [])).toMatchObject({ receipt: { status: "success" } });
    expect(privacy.jobs({})).toMatchObject({ open: 1, items: [{ handles: [handleOf(first)] }] });
    await privacy.cancelJob(bytes(handleOf(first)));
    const second = await call("square", ["4"]);
    expect(await privacy.job(bytes(handleOf(second)), 0)).toMatchObject({ jobId: expect.any(String) });
  });
});

function handleOf(fate: Fate): string {
  return "receipt" in fate ? toHex(fate.receipt.returnData) : "";
}
