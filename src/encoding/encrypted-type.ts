/** The types of encrypted values: how many bits, and the code that stands in a handle. */
export interface EncryptedType {
  readonly name: string;
  /** The last byte but one of a handle. */
  readonly code: number;
  readonly bits: number;
}

export const ENCRYPTED_TYPES: readonly EncryptedType[] = [
  { name: "ebool", code: 0, bits: 1 },
  { name: "euint8", code: 1, bits: 8 },
  { name: "euint16", code: 2, bits: 16 },
  { name: "euint32", code: 3, bits: 32 },
  { name: "euint64", code: 4, bits: 64 },
  { name: "euint128", code: 5, bits: 128 },
];

export const EBOOL = ENCRYPTED_TYPES[0]!;
const BY_NAME = new Map(ENCRYPTED_TYPES.map((type) => [type.name, type]));

export function getEncryptedType(name: unknown): EncryptedType | undefined {
  return typeof name === "string" ? BY_NAME.get(name) : undefined;
}
