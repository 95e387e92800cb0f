/** Transactions, one line each. */
import type { TransactionLineJson } from "../../client/methods.ts";
import { whole } from "../format.ts";
import { Age } from "./clock.tsx";
import { AccountReference, BlockReference, ContractReference, TransactionReference } from "./reference.tsx";
import { TransactionStatus } from "./status.tsx";

export function TransactionsTable({
  items,
  isShort = false,
}: {
  items: readonly TransactionLineJson[];
  /** Leaves out what a narrow panel has no room for. */
  isShort?: boolean;
}) {
  return (
    <div class="scroll">
      <table class={isShort ? "brief" : ""}>
        <thead>
          <tr>
            <th scope="col">transaction</th>
            <th scope="col" class="number">
              block
            </th>
            <th scope="col">what</th>
            {!isShort && (
              <th scope="col" class="wide">
                from
              </th>
            )}
            <th scope="col">status</th>
            <th scope="col" class="number">
              gas
            </th>
            {!isShort && (
              <th scope="col" class="number wide">
                of limit
              </th>
            )}
            <th scope="col" class="number wide when">
              when
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((line) => (
            <tr key={line.transactionHash} class="fresh">
              <td>
                <TransactionReference hash={line.transactionHash} />
              </td>
              <td class="number">
                <BlockReference height={line.blockHeight} />
              </td>
              <td class="line">
                {line.entrypoint ?? line.kind} <Target line={line} />
              </td>
              {!isShort && (
                <td class="wide">
                  <AccountReference address={line.sender} />
                </td>
              )}
              <td>
                <TransactionStatus status={line.status} />
              </td>
              <td class="number">{whole(line.gasUsed)}</td>
              {!isShort && (
                <td class="number quiet wide">{Math.round((100 * Number(line.gasUsed)) / Number(line.gasLimit))} %</td>
              )}
              <td class="number wide when">
                <Age atMs={line.timestampMs} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Target({ line: { contractAddress, to, kind, entrypoint } }: { line: TransactionLineJson }) {
  if (contractAddress !== null) return <ContractReference address={contractAddress} />;
  if (to === null) return null;
  // Plain value goes to an account; all else is to a contract.
  return kind === "call" && entrypoint === null ? (
    <AccountReference address={to} />
  ) : (
    <ContractReference address={to} />
  );
}
