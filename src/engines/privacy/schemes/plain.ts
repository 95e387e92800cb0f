/**
 * Scheme `plain`: nothing is encrypted. For development: permissions, gas, handles, jobs and files are those of every
 * scheme, and whatever is answered of it says `"security": "none"`. A bit is a byte, 0 or 1.
 */

import {
  ciphertextPayload,
  FileKind,
  readCiphertexts,
  readPrivacyFile,
  requireContext,
  unknownParameterSet,
  writePrivacyFile,
} from "../../../encoding/privacy-file.ts";
import { RejectedError } from "../../../errors.ts";
import { applyGate } from "../circuit/evaluate.ts";
import type { Application, ParameterSet, Scheme } from "./scheme.ts";

const KEY_SEED_BYTES = 32;
/** In front of the bits of what someone sends: two encryptions of one value differ, as they do in every scheme. */
const NONCE_BYTES = 16;
const NO_NONCE = new Uint8Array(NONCE_BYTES);
const PLAIN_SET: ParameterSet = {
  id: "plain",
  number: 0,
  securityBits: 0,
  failureLog2: null,
  source: "none: bits are stored as they are",
  bitBytes: 1,
};

export const plainScheme: Scheme = {
  id: "plain",
  magic: "PTPL",
  security: "none",
  claim: "Nothing is hidden: for development.",
  assumptions: [],
  leaks: ["everything"],
  cost: "a gate takes nanoseconds",
  paper: "none",
  missing: undefined,
  parameterSets: [PLAIN_SET],

  readEvaluationKey(file, path) {
    const { kind, parameterSet, payload } = readPrivacyFile(file, path);
    if (kind !== FileKind.evaluationKey) refuse(path, 4, "it is no evaluation key");
    if (parameterSet !== 0) throw unknownParameterSet(path, "PTPL", parameterSet);
    if (payload.length !== KEY_SEED_BYTES) refuse(path, 8, `expected ${KEY_SEED_BYTES} bytes of payload`);
    return PLAIN_SET;
  },

  readCiphertext(file, binding, path) {
    const { kind, parameterSet, payload } = readPrivacyFile(file, path);
    if (kind !== FileKind.ciphertexts) refuse(path, 4, "it holds no ciphertexts");
    if (parameterSet !== 0) throw unknownParameterSet(path, "PTPL", parameterSet);
    const ciphertexts = readCiphertexts(payload, path);
    requireContext(ciphertexts, binding.keyId, binding.context, path);
    const { count, body } = ciphertexts;
    if (body.length !== NONCE_BYTES + count)
      refuse(path, 80, `expected ${NONCE_BYTES} bytes and one a bit, ${count}; received ${body.length}`);
    const bits = body.slice(NONCE_BYTES);
    const wrong = bits.findIndex((byte) => byte > 1);
    if (wrong >= 0) refuse(path, 88 + NONCE_BYTES + wrong, "a bit is 0 or 1");
    return { parameterSet: PLAIN_SET, bitCount: count, bits };
  },

  writeCiphertext(_parameterSet, { keyId, context }, bits) {
    const body = Buffer.concat([NO_NONCE, bits]);
    const payload = ciphertextPayload({ keyId, context, count: bits.length, body });
    return writePrivacyFile({ magic: "PTPL", kind: FileKind.ciphertexts, parameterSet: 0, payload });
  },

  trivial: (_parameterSet, bits) => Uint8Array.from(bits, (bit) => (bit ? 1 : 0)),

  evaluate(_key, applications, { control }) {
    const results: Uint8Array[] = [];
    for (const application of applications) {
      if (Atomics.load(control, 0) !== 0) return undefined;
      results.push(evaluateOne(application));
      Atomics.add(control, 1, application.circuit.kinds.length);
    }
    return results;
  },
};

function evaluateOne({ circuit, inputs }: Application): Uint8Array {
  const { kinds, operands, outputs } = circuit;
  const bits = Buffer.concat(inputs);
  const wires = new Uint8Array(1 + bits.length + kinds.length);
  wires.set(bits, 1);
  const read = (literal: number) => wires[literal >>> 1]! ^ (literal & 1);
  for (let gate = 0; gate < kinds.length; gate++) {
    const [a, b, c] = [read(operands[3 * gate]!), read(operands[3 * gate + 1]!), read(operands[3 * gate + 2]!)];
    wires[1 + bits.length + gate] = applyGate(kinds[gate]!, a, b, c) & 1;
  }
  return Uint8Array.from(outputs, read);
}

function refuse(path: string, offset: number, problem: string): never {
  throw new RejectedError("PRIVACY_FILE_INVALID", `${path}, byte ${offset}: ${problem}`, { path, offset, problem });
}
