/**
 * A form for each entrypoint of a contract, from its ABI: views are queried; calls are simulated, and sent where this
 * connection may. Contracts of messages (CosmWasm) get one form for a message.
 */
import { useState } from "preact/hooks";
import { tokenUnitOf } from "../../client/amounts.ts";
import type { ContractWithAbiJson } from "../../client/methods.ts";
import { type Entrypoint, entrypointsOf, signatureOf } from "../model/abi.ts";
import { Panel } from "../parts/panel.tsx";
import { Empty } from "../parts/states.tsx";
import { engine } from "../rpc.ts";
import { useStore } from "../store.ts";
import { useRpc } from "../use-rpc.ts";
import { EntrypointForm } from "./entrypoint-form.tsx";
import { MessageForm } from "./message-form.tsx";

const SENDER_KEY = "polytorus.sender";
/** The first of the well-known development accounts: what the command line uses when nobody is named. */
const DEFAULT_SENDER = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";

export function ContractCalls({ contract }: { contract: ContractWithAbiJson }) {
  const info = useStore(engine);
  const [sender, setSender] = useState(sessionStorage.getItem(SENDER_KEY) ?? DEFAULT_SENDER);
  const canSend = info !== undefined && info.role !== "reader" && info.blockMode === "auto";
  // Their names, where the chain has any: without --dev there are none to propose.
  const accounts = useRpc("dev_accounts", canSend ? {} : undefined);
  const entrypoints = entrypointsOf(contract.abi);
  const views = entrypoints.filter(({ isView }) => isView);
  const calls = entrypoints.filter(({ isView }) => !isView);
  const remember = (text: string): void => {
    setSender(text);
    sessionStorage.setItem(SENDER_KEY, text);
  };
  const form = (entrypoint: Entrypoint) => (
    <EntrypointForm
      key={`${entrypoint.name}${signatureOf(entrypoint)}`}
      contract={contract.address}
      entrypoint={entrypoint}
      unit={tokenUnitOf(contract.metadata)}
      sender={sender.trim()}
      canSend={canSend}
    />
  );
  return (
    <>
      <div class="filters">
        <label class="field">
          <span>act as</span>
          <input
            class="mono"
            size={46}
            value={sender}
            list="senders"
            spellcheck={false}
            onInput={(event) => remember(event.currentTarget.value)}
          />
        </label>
        <datalist id="senders">
          {accounts.data?.items.map(({ name, address }) => (
            <option key={address} value={address}>
              {name}
            </option>
          ))}
        </datalist>
        <p class="quiet">{whatMayBeSent(canSend, info?.blockMode)}</p>
      </div>
      {contract.metadata["interface"] === "cosmwasm" ? (
        <MessageForm contract={contract.address} sender={sender.trim()} canSend={canSend} />
      ) : entrypoints.length === 0 ? (
        <Empty title="It declares no entrypoints">
          <p>Call it from the command line: polytorus call {contract.address} …</p>
        </Empty>
      ) : (
        <div class="grid">
          <Panel title="Query" isPadded={false}>
            {views.length === 0 ? <Empty title="It declares no views" /> : views.map(form)}
          </Panel>
          <Panel title="Call" isPadded={false}>
            {calls.length === 0 ? <Empty title="It declares no calls" /> : calls.map(form)}
          </Panel>
        </div>
      )}
    </>
  );
}

function whatMayBeSent(canSend: boolean, blockMode: string | undefined): string {
  if (canSend) return "Calls can be simulated, and sent, as any account: this connection asks for no signature.";
  if (blockMode === "driven") return "Calls can be simulated. In mode driven the node brings the transactions.";
  return "Calls can be simulated. To send them from here, start the daemon with --dev, or give a token: click on the role above.";
}
