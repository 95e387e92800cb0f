/** Where a search leads: an address, a hash and a height have one place; anything else is part of a contract's name. */
import { addressIn } from "../client/addresses.ts";
import { href } from "./router.ts";
import { call } from "./rpc.ts";

export async function placeOf(text: string): Promise<string> {
  const wanted = text.trim();
  if (/^\d{1,15}$/.test(wanted)) return href("blocks", wanted);
  const address = addressIn(wanted);
  if (address !== undefined) {
    const isContract = await call("contract_get", { address }).then(
      () => true,
      () => false,
    );
    return href(isContract ? "contracts" : "accounts", address);
  }
  if (/^0x[0-9a-f]{64}$/i.test(wanted)) {
    const block = await call("block_get", { blockHash: wanted }).catch(() => undefined);
    return block === undefined ? href("transactions", wanted.toLowerCase()) : href("blocks", block.height);
  }
  return `${href("contracts")}?${new URLSearchParams({ query: wanted })}`;
}
