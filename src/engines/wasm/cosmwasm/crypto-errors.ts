/**
 * How the crypto imports answer: 0 for yes, 1 for no, and CosmWasm's numbers for input that they do not take
 * (cosmwasm-crypto, errors.rs), which contracts see as VerificationError and its kin.
 */
export const CryptoAnswer = {
  yes: 0,
  no: 1,
  hashFormat: 3,
  signatureFormat: 4,
  publicKeyFormat: 5,
  recoveryParameter: 6,
  batch: 7,
  invalidPoint: 8,
  unknownHashFunction: 9,
  generic: 10,
  pairingG1Length: 11,
  pairingG2Length: 12,
  pairingUnequal: 13,
  aggregateEmpty: 16,
  aggregateLength: 17,
} as const;
