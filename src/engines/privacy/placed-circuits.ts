/** The circuits of a manifest, made or read, with the types of their values checked against their bits. */

import type { EncryptedType } from "../../encoding/encrypted-type.ts";
import { RejectedError } from "../../errors.ts";
import { readBristol } from "./circuit/bristol-reader.ts";
import type { Circuit } from "./circuit/circuit.ts";
import { countCircuit } from "./circuit/levels.ts";
import type { ManifestCircuit } from "./manifest.ts";
import { operationCircuit } from "./operations.ts";
import type { PlacedCircuit } from "./privacy-program.ts";

export function placeCircuits(circuits: readonly ManifestCircuit[]): PlacedCircuit[] {
  return circuits.map((item, index) => {
    const path = `contract.manifest.circuits.${item.name}`;
    if (item.operation !== undefined) {
      const made = operationCircuit(item.operation, item.type!)!;
      return { index, ...made, counts: countCircuit(made.circuit) };
    }
    const circuit = readCircuit(item.bristol!, path);
    checkWidths(`${path}.inputs`, item.inputs!, circuit.inputBits);
    checkWidths(`${path}.outputs`, item.outputs!, circuit.outputBits);
    return { index, circuit, inputs: item.inputs!, outputs: item.outputs!, counts: countCircuit(circuit) };
  });
}

function readCircuit(text: string, path: string): Circuit {
  try {
    return readBristol(Buffer.from(text, "utf8"));
  } catch (problem) {
    if (!(problem instanceof RejectedError)) throw problem;
    const message = `${path}.bristol: ${problem.message}`;
    throw new RejectedError(problem.code, message, { path: `${path}.bristol`, ...problem.facts });
  }
}

function checkWidths(path: string, types: readonly EncryptedType[], bits: readonly number[]): void {
  const received = types.map((type) => type.bits);
  if (received.length === bits.length && received.every((width, index) => width === bits[index])) return;
  throw new RejectedError(
    "CODE_REJECTED",
    `${path}: the circuit has values of ${bits.join(", ")} bits, the types have ${received.join(", ")}`,
    { path, rule: "types", expected: bits, received },
  );
}
