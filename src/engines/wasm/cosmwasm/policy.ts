/**
 * What a module of CosmWasm 1.x or 2.x may import and must export (cosmwasm-vm, compatibility.rs), and which capabilities
 * it may ask for with its `requires_*` exports.
 */
import { RejectedError } from "../../../errors.ts";
import type { ModuleNames } from "../abi.ts";
import type { InstrumentedModule, ModulePolicy } from "../module/instrument.ts";

type Type = "i32" | "i64";

function signature(params: number, result?: Type) {
  return { params: new Array<Type>(params).fill("i32"), results: result === undefined ? [] : [result] };
}

const IMPORTS = {
  db_read: signature(1, "i32"),
  db_write: signature(2),
  db_remove: signature(1),
  db_scan: signature(3, "i32"),
  db_next: signature(1, "i32"),
  db_next_key: signature(1, "i32"),
  db_next_value: signature(1, "i32"),
  addr_validate: signature(1, "i32"),
  addr_canonicalize: signature(2, "i32"),
  addr_humanize: signature(2, "i32"),
  secp256k1_verify: signature(3, "i32"),
  secp256k1_recover_pubkey: signature(3, "i64"),
  secp256r1_verify: signature(3, "i32"),
  secp256r1_recover_pubkey: signature(3, "i64"),
  ed25519_verify: signature(3, "i32"),
  ed25519_batch_verify: signature(3, "i32"),
  bls12_381_aggregate_g1: signature(2, "i32"),
  bls12_381_aggregate_g2: signature(2, "i32"),
  bls12_381_pairing_equality: signature(4, "i32"),
  bls12_381_hash_to_g1: signature(4, "i32"),
  bls12_381_hash_to_g2: signature(4, "i32"),
  debug: signature(1),
  abort: signature(1),
  query_chain: signature(1, "i32"),
} as const;

export type ImportName = keyof typeof IMPORTS;

/** The version marker of 1.x and 2.x; contracts before them have another interface. */
export const INTERFACE_MARKER = "interface_version_8";

export const COSMWASM_POLICY: ModulePolicy = {
  imports: new Map(Object.entries(IMPORTS).map(([name, type]) => [`env.${name}`, type])),
  exports: new Map([
    [INTERFACE_MARKER, signature(0)],
    ["allocate", signature(1, "i32")],
    ["deallocate", signature(1)],
    ["instantiate", signature(3, "i32")],
  ]),
  // Rust's standard library of newer contracts has float code in it, mostly never run.
  floats: "canonicalise",
  // CosmWasm's own limit: 32 MiB.
  memoryPagesMax: 512,
};

/** Entry points that a contract may have, with their numbers of parameters. */
const OPTIONAL_EXPORTS: Readonly<Record<string, readonly number[]>> = {
  execute: [3],
  query: [2],
  migrate: [2, 3],
  sudo: [2],
  reply: [2],
};

/**
 * Staking and stargate mark code that could send such messages (most contracts of the time do, and never send one);
 * sending one fails as unsupported.
 */
const CAPABILITIES = new Set(
  ["iterator", "staking", "stargate", "1_1", "1_2", "1_3", "1_4", "2_0", "2_1", "2_2"].map((name) =>
    /^\d/.test(name) ? `cosmwasm_${name}` : name,
  ),
);
const CAPABILITY_PREFIX = "requires_";
const OLD_MARKER = /^(cosmwasm_vm_version_\d+|cosmwasm_api_\d+_\d+|interface_version_[0-7])$/;

function reject(rule: string, message: string, facts: Record<string, unknown>): never {
  throw new RejectedError("CODE_REJECTED", message, { rule, ...facts });
}

/** @throws RejectedError for contracts of CosmWasm before 1.0, by their marker. */
export function claimsCosmWasm({ exports }: ModuleNames): boolean {
  if (exports.includes(INTERFACE_MARKER)) return true;
  const old = exports.find((name) => OLD_MARKER.test(name));
  if (old === undefined) return false;
  return reject(
    "cosmwasm-version",
    `the module exports ${old}: a CosmWasm contract from before 1.0; build it with cosmwasm-std 1.x or 2.x, which exports ${INTERFACE_MARKER}`,
    { expected: INTERFACE_MARKER, received: old },
  );
}

/** @throws RejectedError for entry points of another type, and capabilities that the chain does not have. */
export function checkExports(module: Pick<InstrumentedModule, "exports">): void {
  for (const { name, kind, params, results } of module.exports) {
    if (name.startsWith(CAPABILITY_PREFIX)) {
      const capability = name.slice(CAPABILITY_PREFIX.length);
      if (!CAPABILITIES.has(capability))
        reject(
          "cosmwasm-capability",
          `the contract requires the capability ${capability}, which this chain does not have`,
          {
            expected: [...CAPABILITIES],
            received: capability,
          },
        );
    }
    const counts = OPTIONAL_EXPORTS[name];
    if (counts === undefined || !Object.hasOwn(OPTIONAL_EXPORTS, name)) continue;
    const isFitting =
      kind === "function" &&
      counts.includes(params.length) &&
      params.every((type) => type === "i32") &&
      results.length === 1 &&
      results[0] === "i32";
    if (!isFitting)
      reject(
        "cosmwasm-export",
        `the export ${name} is not a function of ${counts.join(" or ")} i32 that answers an i32`,
        {
          export: name,
        },
      );
  }
}
