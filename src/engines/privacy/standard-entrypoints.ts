/** What every privacy contract has: taking inputs ahead of time, and sharing what one may decrypt. */

import { type Handle, typeOfHandle } from "../../encoding/encrypted-handle.ts";
import type { CallShape, CallValue } from "./call-values.ts";
import type { EncryptedFrame } from "./encrypted-frame.ts";
import { Permission } from "./handle-record.ts";
import { PRIVACY_ERRORS, Refusal } from "./refusal.ts";

/** An entrypoint as privacy contracts of every type run it. */
export interface PrivacyEntrypoint extends CallShape {
  readonly isOwnerOnly: boolean;
  /** @returns the result, in parts that follow each other: handles, or ABI-encoded words. */
  run(frame: EncryptedFrame, owner: Uint8Array, values: readonly CallValue[]): readonly Uint8Array[];
}

const HANDLE = { name: "handle", type: { kind: "handle" } } as const;

export const STANDARD_ENTRYPOINTS: readonly PrivacyEntrypoint[] = [
  {
    name: "registerInput",
    inputs: [HANDLE],
    returns: [],
    isView: false,
    isOwnerOnly: false,
    run(frame, _owner, [handle]) {
      const type = typeOfHandle(handle as Handle);
      if (type === undefined) throw new Refusal(PRIVACY_ERRORS.HandleUnknown, [handle as Handle]);
      frame.argument(handle as Handle, type);
      return [];
    },
  },
  {
    name: "allowDecrypt",
    inputs: [HANDLE, { name: "account", type: { kind: "address" } }],
    returns: [],
    isView: false,
    isOwnerOnly: false,
    run(frame, _owner, [handle, account]) {
      frame.requirePermission(handle as Handle, frame.host.caller, Permission.decrypt);
      frame.allow(handle as Handle, account as Uint8Array, Permission.decrypt);
      return [];
    },
  },
];
