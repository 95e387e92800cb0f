/** The console: one page, whose path says what it shows. */
import "uplot/dist/uPlot.min.css";
import "./style/tokens.css";
import "./style/base.css";
import "./style/shell.css";
import "./style/parts.css";
import "./style/tables.css";
import "./style/forms.css";
import "./style/special.css";
import { render } from "preact";
import { onKey } from "./keyboard.ts";
import { followBlocks } from "./live.ts";
import { Empty } from "./parts/states.tsx";
import { followLinks, href, usePlace } from "./router.ts";
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
    <Empty title="There is nothing here">
      <p>
        <a href={href()}>to the overview</a>
      </p>
    </Empty>
  );
}

applyTheme();
followBlocks();
document.addEventListener("click", followLinks);
document.addEventListener("keydown", onKey);
render(
  <Shell>
    <View />
  </Shell>,
  document.getElementById("app")!,
);
