/** An account: its next nonce, its native balance, and the contracts that it made. */
import { addressIn } from "../../client/addresses.ts";
import { whole } from "../format.ts";
import { useKnown } from "../model/names.ts";
import { CopyButton } from "../parts/copy-button.tsx";
import { Pager } from "../parts/pager.tsx";
import { Facts, PageHead, Panel } from "../parts/panel.tsx";
import { ContractReference, HexText } from "../parts/reference.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { usePages, useRpc } from "../use-rpc.ts";
import { ContractsTable } from "./contracts.tsx";

const PAGE = 50;

export function AccountView({ address: text }: { address: string }) {
  const address = addressIn(text) ?? text;
  const account = useRpc("account_get", { address }, { isLive: true });
  const created = usePages("contract_list", { creator: address, limit: PAGE });
  const contract = useKnown(address);
  return (
    <>
      <PageHead title="Account" sub={<HexText hex={address} what="the address" isWhole />} />
      {contract !== undefined && contract !== null && (
        <p>
          A contract stands at this address: <ContractReference address={address} />
        </p>
      )}
      <Panel title="Account">
        <Shown answer={account}>
          {({ bech32, nonce, balance }) => (
            <Facts
              items={[
                [
                  "Bech32",
                  <span key="b" class="mono">
                    {bech32} <CopyButton text={bech32} what="the address" />
                  </span>,
                ],
                ["next nonce", whole(nonce)],
                ["native balance", whole(balance)],
              ]}
            />
          )}
        </Shown>
      </Panel>
      <Panel title="Contracts that it made" isPadded={false}>
        <Shown answer={created}>
          {({ items }) => (items.length > 0 ? <ContractsTable items={items} /> : <Empty title="None" />)}
        </Shown>
        <Pager paged={created} first="first" />
      </Panel>
    </>
  );
}
