/** The schemes that there are, found by what their files begin with. */
import { RejectedError } from "../../../errors.ts";
import { plainScheme } from "./plain.ts";
import type { ParameterSet, Scheme } from "./scheme.ts";
import { openTfheScheme } from "./tfhe.ts";

export const SCHEMES: readonly Scheme[] = [openTfheScheme(), plainScheme];

/** @throws RejectedError PRIVACY_FILE_INVALID */
export function schemeOfFile(file: Uint8Array, path: string): Scheme {
  const magic = Buffer.from(file.subarray(0, 4)).toString("latin1");
  const scheme = SCHEMES.find((candidate) => candidate.magic === magic);
  if (scheme !== undefined) return scheme;
  const known = SCHEMES.map((candidate) => candidate.magic);
  throw new RejectedError("PRIVACY_FILE_INVALID", `${path}, byte 0: expected ${known.join(" or ")}`, {
    path,
    offset: 0,
    expected: known,
  });
}

/** A parameter set by its identifier, and the scheme that has it. */
export function findParameterSet(id: string): { scheme: Scheme; parameterSet: ParameterSet } | undefined {
  for (const scheme of SCHEMES) {
    const parameterSet = scheme.parameterSets.find((candidate) => candidate.id === id);
    if (parameterSet !== undefined) return { scheme, parameterSet };
  }
  return undefined;
}
