/** Addresses, hashes and heights: shortened, linked to their page, with a button that copies them whole. */

import { shortHex } from "../format.ts";
import { useKnown } from "../model/names.ts";
import { href } from "../router.ts";
import { CopyButton } from "./copy-button.tsx";

/** A contract, under the name that it gives itself: a claim, shown as text. */
export function ContractReference({ address, isWhole = false }: { address: string; isWhole?: boolean }) {
  const known = useKnown(address);
  return (
    <span class={classOf(isWhole)}>
      <a href={href("contracts", address)} title={address}>
        {known?.label !== undefined && <span class="label">{known.label}</span>}
        {isWhole ? address : shortHex(address)}
      </a>
      <CopyButton text={address} what="the address" />
    </span>
  );
}

export function AccountReference({ address, isWhole = false }: { address: string; isWhole?: boolean }) {
  return (
    <span class={classOf(isWhole)}>
      <a href={href("accounts", address)} title={address}>
        {isWhole ? address : shortHex(address)}
      </a>
      <CopyButton text={address} what="the address" />
    </span>
  );
}

/** A contract, or an account where none stands: of a payment, or of what a transaction changed. */
export function PlaceReference({ address, isWhole = false }: { address: string; isWhole?: boolean }) {
  const Reference = useKnown(address) === null ? AccountReference : ContractReference;
  return <Reference address={address} isWhole={isWhole} />;
}

export function TransactionReference({ hash, isWhole = false }: { hash: string; isWhole?: boolean }) {
  return (
    <span class={classOf(isWhole)}>
      <a href={href("transactions", hash)} title={hash}>
        {isWhole ? hash : shortHex(hash, 8, 4)}
      </a>
      <CopyButton text={hash} what="the hash" />
    </span>
  );
}

function classOf(isWhole: boolean): string {
  return isWhole ? "reference whole" : "reference";
}

export function BlockReference({ height }: { height: number }) {
  return (
    <a class="mono" href={href("blocks", height)}>
      {height}
    </a>
  );
}

/** Bytes that have no page. */
export function HexText({ hex, what, isWhole = false }: { hex: string; what: string; isWhole?: boolean }) {
  return (
    <span class={classOf(isWhole)}>
      <span class="mono" title={hex}>
        {isWhole ? hex : shortHex(hex, 10, 6)}
      </span>
      <CopyButton text={hex} what={what} />
    </span>
  );
}
