/** What the entrypoints of one ERC-20 know of it: compiled from its code, the same for every call. */

import type { Limbs } from "../../encoding/uint256.ts";
import type { HostContext, Outcome } from "../../execution/host.ts";
import type { CallArguments } from "./call-arguments.ts";
import type { Erc20Descriptor } from "./erc20-descriptor.ts";

export interface Erc20Token {
  readonly descriptor: Erc20Descriptor;
  readonly isPausable: boolean;
  readonly isOwnable: boolean;
  readonly cap: Limbs | undefined;
  /** Results that never change. */
  readonly name: Outcome;
  readonly symbol: Outcome;
  readonly decimals: Outcome;
  readonly capResult: Outcome;
  /** Keccak-256 of the name: part of the EIP-712 domain. */
  readonly nameHash: Uint8Array;
}

/** One entrypoint. Arguments have been checked against its parameters. */
export type Handler = (host: HostContext, token: Erc20Token, args: CallArguments) => Outcome;
