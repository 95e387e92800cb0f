/** Manifests of small privacy contracts, for tests and benches. */
export const KEY_ID = `0x${"11".repeat(32)}`;

/** Contributions that nobody sees are added up; the owner may decrypt the sum, and each account its own share. */
export const COLLECTION = {
  name: "Sealed collection",
  circuits: { add: { operation: "add", type: "euint64" }, atLeast: { operation: "ge", type: "euint64" } },
  state: { total: { type: "euint64" }, shares: { type: "euint64", by: "address" } },
  entrypoints: {
    contribute: {
      inputs: [{ name: "amount", type: "euint64" }],
      steps: [
        { circuit: "add", inputs: ["state.total", "amount"], outputs: ["sum"] },
        { circuit: "add", inputs: ["state.shares[sender]", "amount"], outputs: ["share"] },
      ],
      set: { "state.total": "sum", "state.shares[sender]": "share" },
      allow: [
        { value: "sum", to: "owner", may: "decrypt" },
        { value: "share", to: "sender", may: "both" },
      ],
      returns: ["sum"],
    },
    contributeOpenly: {
      inputs: [{ name: "amount", type: "uint64" }],
      steps: [{ circuit: "add", inputs: ["state.total", "amount"], outputs: ["sum"] }],
      set: { "state.total": "sum" },
      returns: ["sum"],
    },
    isReached: {
      only: "owner",
      inputs: [{ name: "goal", type: "uint64" }],
      steps: [{ circuit: "atLeast", inputs: ["state.total", "goal"], outputs: ["reached"] }],
      allow: [{ value: "reached", to: "owner", may: "decrypt" }],
      returns: ["reached"],
    },
    total: { returns: ["state.total"] },
    shareOf: { inputs: [{ name: "account", type: "address" }], returns: ["state.shares[account]"] },
  },
} as const;

export function collectionContract(keyId = KEY_ID, parameterSet = "plain"): Record<string, unknown> {
  return { type: "privacy", keyId, parameterSet, manifest: COLLECTION };
}
