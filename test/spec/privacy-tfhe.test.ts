/** A privacy contract under TFHE, from encryption to decryption, through the whole engine. */
import { createHash } from "node:crypto";
import { afterAll, describe, expect, it } from "vitest";
import { KeyHolder } from "../../src/client/key-holder.ts";
import { getEncryptedType } from "../../src/encoding/encrypted-type.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { type Circuit, totalBits } from "../../src/engines/privacy/circuit/circuit.ts";
import { evaluateCircuit } from "../../src/engines/privacy/circuit/evaluate.ts";
import { operationCircuit } from "../../src/engines/privacy/operations.ts";
import { openTfheScheme } from "../../src/engines/privacy/schemes/tfhe.ts";
import { isAddon, loadAddon } from "../../src/native/addon.ts";
import { Tfhe } from "../../src/native/tfhe.ts";
import type { LocalPrivacy } from "../../src/service/privacy-service.ts";
import { ALICE, BOB, openEngine, submit, type TestEngine } from "../support/engine.ts";

const addon = loadAddon();
if (!isAddon(addon)) throw new Error(addon.missing);
const tfhe = new Tfhe(addon);
const holder = new KeyHolder(tfhe);
const [parameterSet] = holder.parameterSets();
const keys = holder.generateKeys(parameterSet!);
const scheme = openTfheScheme();
const set = scheme.parameterSets.find(({ id }) => id === parameterSet)!;
const u8 = getEncryptedType("euint8")!;
const bytes = (text: string) => fromHex(text)!;
const context = new Uint8Array(32).fill(7);
const binding = { keyId: keys.keyId, context };
const part = (file: Uint8Array) => ({
  offset: 0,
  total: file.length,
  sha256: toHex(createHash("sha256").update(file).digest()),
  data: toHex(file),
});

function encrypted(values: readonly bigint[], widths: readonly number[]): Uint8Array[] {
  return values.map((value, index) => {
    const bits = Uint8Array.from({ length: widths[index]! }, (_, bit) => Number((value >> BigInt(bit)) & 1n));
    return scheme.readCiphertext(tfhe.encrypt(keys.secretKey, bits, context), binding, "input").bits;
  });
}

function decrypted(circuit: Circuit, bits: Uint8Array): bigint[] {
  const file = scheme.writeCiphertext(set, binding, bits);
  const plain = tfhe.decrypt(keys.secretKey, tfhe.expand(file, { ...binding, parameterSet: set.number }).words);
  let at = 0;
  return circuit.outputBits.map((width) => {
    let value = 0n;
    for (let bit = 0; bit < width; bit++) value |= BigInt(plain[at++]!) << BigInt(bit);
    return value;
  });
}

const source = { keyId: keys.keyId, parameterSet: set, read: () => keys.evaluationKey };

describe("circuits under TFHE", () => {
  const cases: [string, bigint[]][] = [
    ["add", [200n, 99n]],
    ["sub", [5n, 9n]],
    ["lt", [5n, 9n]],
    ["ge", [9n, 9n]],
    ["eq", [77n, 77n]],
    ["select", [1n, 12n, 34n]],
    ["not", [0b10110001n]],
    ["mul", [13n, 21n]],
  ];

  it("decrypt to what the plain evaluation of the same circuit gives, all evaluated side by side", () => {
    const circuits = cases.map(([name]) => operationCircuit(name, u8)!.circuit);
    const applications = cases.map(([, values], index) => ({
      circuit: circuits[index]!,
      inputs: encrypted(values, circuits[index]!.inputBits),
    }));
    const control = new Int32Array(new SharedArrayBuffer(8));
    const results = scheme.evaluate(source, applications, { control, threads: 2 })!;
    cases.forEach(([name, values], index) => {
      expect([name, decrypted(circuits[index]!, results[index]!)]).toEqual([
        name,
        evaluateCircuit(circuits[index]!, values),
      ]);
    });
    expect(control[1]).toBe(circuits.reduce((sum, { kinds }) => sum + kinds.length, 0));
  });

  it("give the same bytes alone and in company, on one thread and on two", () => {
    const { circuit } = operationCircuit("add", u8)!;
    const applications = [
      { circuit, inputs: encrypted([1n, 2n], circuit.inputBits) },
      { circuit, inputs: encrypted([30n, 4n], circuit.inputBits) },
    ];
    const control = () => new Int32Array(new SharedArrayBuffer(8));
    const together = scheme.evaluate(source, applications, { control: control(), threads: 2 })!;
    const alone = applications.map((one) => scheme.evaluate(source, [one], { control: control(), threads: 1 })![0]!);
    expect(together.map((bits) => toHex(bits))).toEqual(alone.map((bits) => toHex(bits)));
    expect(totalBits(circuit.inputBits)).toBe(16);
  });

  it("stop when they are told to", () => {
    const { circuit } = operationCircuit("add", u8)!;
    const control = new Int32Array(new SharedArrayBuffer(8));
    control[0] = 1;
    expect(
      scheme.evaluate(source, [{ circuit, inputs: encrypted([1n, 2n], circuit.inputBits) }], { control, threads: 1 }),
    ).toBe(undefined);
  });
});

describe("a contract under TFHE", () => {
  let test: TestEngine | undefined;
  afterAll(async () => await test?.engine.close());

  it("computes on what it cannot read, and the key holder reads the sum", async () => {
    test = await openEngine();
    const { engine } = test;
    const privacy = engine.service.privacy as LocalPrivacy;
    const { keyId } = await privacy.putKey(part(keys.evaluationKey));
    const manifest = {
      name: "Sum of bytes",
      circuits: { add: { operation: "add", type: "euint8" } },
      state: { total: { type: "euint8" } },
      entrypoints: {
        put: {
          inputs: [{ name: "amount", type: "euint8" }],
          steps: [{ circuit: "add", inputs: ["state.total", "amount"], outputs: ["sum"] }],
          set: { "state.total": "sum" },
          allow: [{ value: "sum", to: "owner", may: "decrypt" }],
          returns: ["sum"],
        },
      },
    };
    const gasLimit = "1000000000000";
    const contract = { type: "privacy", keyId, parameterSet, manifest };
    const [deployed] = await submit(engine, [{ kind: "deploy", sender: ALICE, gasLimit, contract }]);
    if (deployed === undefined || !("receipt" in deployed)) throw new Error(JSON.stringify(deployed));
    const to = toHex(deployed.receipt.contractAddress!);
    let sum = "";
    for (const value of [100n, 55n]) {
      const bound = { type: u8, contract: bytes(to), owner: bytes(BOB) };
      const file = holder.encrypt(keys.secretKey, value, bound);
      const { handle, security, notHidden } = await privacy.putCiphertext({
        ...part(file),
        keyId: keyId!,
        type: "euint8",
        contract: to,
        owner: BOB,
      });
      expect(security).toContain("learning with errors");
      expect(notHidden!.length).toBeGreaterThan(2);
      const call = { kind: "call", sender: BOB, gasLimit, to, entrypoint: "put", args: [handle!] } as const;
      const [called] = await submit(engine, [call]);
      if (called === undefined || !("receipt" in called)) throw new Error(JSON.stringify(called));
      sum = toHex(called.receipt.returnData);
    }
    expect(await privacy.job(bytes(sum), 100_000)).toMatchObject({ status: "done" });
    const answer = await privacy.ciphertext(bytes(sum), bytes(ALICE));
    expect(holder.decrypt(keys.secretKey, answer)).toBe(155n);
    const other = new KeyHolder(tfhe).generateKeys(parameterSet!);
    expect(() => holder.decrypt(other.secretKey, answer)).toThrow(/ciphertexts of key/);
  });
});
