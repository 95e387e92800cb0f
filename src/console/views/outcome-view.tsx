/** What came of a call: an answer, a receipt with its logs and state changes, or a problem. */
import type { TokenUnit } from "../../client/amounts.ts";
import type { ReceiptJson } from "../../client/methods.ts";
import { duration, whole } from "../format.ts";
import type { Outcome } from "../model/outcome.ts";
import { TransactionReference } from "../parts/reference.tsx";
import { Problem } from "../parts/states.tsx";
import { TransactionStatus } from "../parts/status.tsx";
import { ArgumentList, ResultValue } from "../parts/value.tsx";
import { DiffTable } from "./state-diff.tsx";

interface OutcomeViewProps {
  readonly outcome: Outcome;
  readonly entrypoint?: string;
  readonly unit?: TokenUnit | undefined;
}

export function OutcomeView({ outcome, entrypoint, unit }: OutcomeViewProps) {
  switch (outcome.kind) {
    case "problem":
      return <Problem error={outcome.error} />;
    case "query": {
      const { result, returnData, gasUsed, cached, ageMs, blockHeight } = outcome.answer;
      return (
        <div class="outcome">
          <div class="value">
            {result === undefined ? (
              returnData
            ) : (
              <ResultValue {...(entrypoint === undefined ? {} : { entrypoint })} value={result} unit={unit} />
            )}
          </div>
          <div class="quiet">
            {whole(gasUsed)} gas, after block {blockHeight}
            {cached && `, from the cache${ageMs === undefined ? "" : ` (${duration(ageMs)} old)`}`}
          </div>
        </div>
      );
    }
    case "simulation":
      return (
        <div class="outcome">
          <div>
            <TransactionStatus status={outcome.receipt.status} />{" "}
            <span class="quiet">
              simulated, nothing was kept{outcome.receipt.status !== "success" && ": it would not succeed"}
            </span>
          </div>
          <ReceiptLines receipt={outcome.receipt} unit={unit} entrypoint={entrypoint} />
          {outcome.stateDiff.length > 0 && <DiffTable changes={outcome.stateDiff.map(withPlace)} />}
        </div>
      );
    case "sent":
      return (
        <div class="outcome">
          <div>
            <TransactionStatus status={outcome.receipt.status} />{" "}
            <TransactionReference hash={outcome.receipt.transactionHash} />
          </div>
          <ReceiptLines receipt={outcome.receipt} unit={unit} entrypoint={entrypoint} />
        </div>
      );
  }
}

interface ReceiptLinesProps {
  readonly receipt: ReceiptJson;
  readonly unit: TokenUnit | undefined;
  readonly entrypoint: string | undefined;
}

function ReceiptLines({ receipt, unit, entrypoint }: ReceiptLinesProps) {
  const { gasUsed, result, revert, haltReason, logs } = receipt;
  return (
    <>
      <div class="quiet">{whole(gasUsed)} gas</div>
      {revert !== undefined && (
        <div class="bad">
          {revert.name ?? revert.message}
          {revert.name !== null && (
            <>
              (<ArgumentList args={revert.args} unit={unit} />)
            </>
          )}
        </div>
      )}
      {haltReason !== undefined && <div class="bad">{haltReason}</div>}
      {result !== undefined && result !== null && (
        <div>
          <span class="quiet">returns </span>
          <ResultValue {...(entrypoint === undefined ? {} : { entrypoint })} value={result} unit={unit} />
        </div>
      )}
      {logs.map((log) => (
        <div key={log.logIndex}>
          <span class="quiet">logs </span>
          {log.event ?? "an event that is not known"}
          {log.args !== undefined && (
            <>
              (<ArgumentList args={log.args} unit={unit} />)
            </>
          )}
        </div>
      ))}
    </>
  );
}

/** Whole keys of the state tree: a tag, an address, and what the contract calls it. */
function withPlace({ key, before, after }: { key: string; before: string | null; after: string | null }) {
  const tag = key.slice(2, 4);
  const address = `0x${key.slice(4, 44)}`;
  if (tag === "10") return { address, name: "nonce and balance", before, after };
  if (tag === "11") return { address, name: "contract record", before, after };
  if (tag === "13") return { address, key: `0x${key.slice(44)}`, before, after };
  return { address: undefined, key, before, after };
}
