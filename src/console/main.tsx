/** The console: one page, whose path says what it shows. */
import "uplot/dist/uPlot.min.css";
import "./style/tokens.css";
import "./style/base.css";
import "./style/shell.css";
import "./style/parts.css";
import "./style/tables.css";
import "./style/forms.css";
import "./style/special.css";
import { type ComponentChildren, render } from "preact";
import { useEffect, useErrorBoundary } from "preact/hooks";
import { onKey } from "./keyboard.ts";
import { followBlocks } from "./live.ts";
import { PageHead } from "./parts/panel.tsx";
import { Empty } from "./parts/states.tsx";
import { followLinks, href, usePlace } from "./router.ts";
import { asEngineError } from "./rpc.ts";
import { Shell } from "./shell.tsx";
import { applyTheme } from "./theme.ts";
import { AccountView } from "./views/account.tsx";
import { BlockView } from "./views/block.tsx";
import { BlocksView } from "./views/blocks.tsx";
import { ConfigView } from "./views/config.tsx";
import { ContractView } from "./views/contract.tsx";
import { ContractsView } from "./views/contracts.tsx";
import { EventsView } from "./views/events.tsx";
import { OverviewView } from "./views/overview.tsx";
import { PrivacyView } from "./views/privacy.tsx";
import { StorageView } from "./views/storage.tsx";
import { TransactionView } from "./views/transaction.tsx";
import { TransactionsView } from "./views/transactions.tsx";

function View() {
  const { parts } = usePlace();
  const [section, id, part] = parts;
  switch (section) {
    case undefined:
      return <OverviewView />;
    case "contracts":
      return id === undefined ? <ContractsView /> : <ContractView key={id} address={id} part={part} />;
    case "transactions":
      return id === undefined ? <TransactionsView /> : <TransactionView key={id} hash={id} />;
    case "blocks":
      return id === undefined ? <BlocksView /> : <BlockView key={id} height={id} />;
    case "accounts":
      return id === undefined ? <Nowhere /> : <AccountView key={id} address={id} />;
    case "events":
      return <EventsView />;
    case "privacy":
      return <PrivacyView />;
    case "storage":
      return <StorageView />;
    case "config":
      return <ConfigView />;
    default:
      return <Nowhere />;
  }
}

function Nowhere() {
  return (
    <>
      <PageHead title="Nothing" />
      <Empty title="There is nothing here">
        <p>
          <a href={href()}>to the overview</a>
        </p>
      </Empty>
    </>
  );
}

/** A view that fails takes nothing else with it: one can go elsewhere, or try again. */
function Guarded({ children }: { children: ComponentChildren }) {
  const [failure, again] = useErrorBoundary((thrown) => console.error(thrown));
  const { parts } = usePlace();
  useEffect(again, [parts.join("/")]);
  if (failure === undefined) return <>{children}</>;
  return (
    <div class="problem" role="alert">
      <div>
        <strong>This view failed:</strong> {asEngineError(failure).message}
      </div>
      <div class="quiet">
        That is a mistake of the page, not of the daemon; the browser's own console has the details.
      </div>
      <div>
        <button type="button" onClick={again}>
          try again
        </button>
      </div>
    </div>
  );
}

applyTheme();
followBlocks();
document.addEventListener("click", followLinks);
document.addEventListener("keydown", onKey);
render(
  <Shell>
    <Guarded>
      <View />
    </Guarded>
  </Shell>,
  document.getElementById("app")!,
);
