/**
 * StateChanges: what many blocks left in the state tree, as rows of the tables that hold it. Every key has one table by its
 * tag (encoding/state-key.ts); a key that is gone is deleted there.
 */
import { ADDRESS_BYTES, StateTag } from "../encoding/state-key.ts";
import { decodeContract } from "../execution/contract-record.ts";
import type { ChangeTable } from "./change-table.ts";
import { wholeNumber } from "./history-rows.ts";
import { deleting, TableRows, type TableStatement, upserting } from "./table-statement.ts";

const STATE_KEY_AT = 1 + ADDRESS_BYTES;

export class StateChanges {
  readonly #state;
  readonly #stateGone;
  readonly #accounts;
  readonly #accountsGone;
  readonly #contracts;
  readonly #contractsGone;
  readonly #codes;
  readonly #codesGone;
  readonly #other;
  readonly #otherGone;

  /** @param schema quoted. */
  constructor(schema: string) {
    const stateKey = { contract_address: "bytea", key: "bytea" } as const;
    const stateTable = `${schema}.contract_state`;
    this.#state = new TableRows(
      "upsert state",
      { ...stateKey, value: "bytea" },
      upserting(stateTable, ["contract_address", "key"], ["value"]),
    );
    this.#stateGone = new TableRows("delete state", stateKey, deleting(stateTable));
    this.#accounts = new TableRows(
      "upsert accounts",
      { address: "bytea", nonce: "int8", balance: "numeric" },
      upserting(`${schema}.accounts`, ["address"], ["nonce", "balance"]),
    );
    this.#accountsGone = new TableRows("delete accounts", { address: "bytea" }, deleting(`${schema}.accounts`));
    const contractColumns = {
      kind: "text",
      type: "text",
      code_hash: "bytea",
      creator: "bytea",
      admin: "bytea",
      status: "text",
      deploy_transaction_hash: "bytea",
      deployed_at_height: "int8",
    } as const;
    this.#contracts = new TableRows(
      "upsert contracts",
      { address: "bytea", ...contractColumns },
      upserting(`${schema}.contracts`, ["address"], Object.keys(contractColumns)),
    );
    this.#contractsGone = new TableRows("delete contracts", { address: "bytea" }, deleting(`${schema}.contracts`));
    this.#codes = new TableRows(
      "upsert codes",
      { code_hash: "bytea", code: "bytea" },
      upserting(`${schema}.codes`, ["code_hash"], ["code"]),
    );
    this.#codesGone = new TableRows("delete codes", { code_hash: "bytea" }, deleting(`${schema}.codes`));
    this.#other = new TableRows(
      "upsert other",
      { key: "bytea", value: "bytea" },
      upserting(`${schema}.other_state`, ["key"], ["value"]),
    );
    this.#otherGone = new TableRows("delete other", { key: "bytea" }, deleting(`${schema}.other_state`));
  }

  /** Takes every change: in key order, so that two writers would lock rows in one order. */
  take(changes: ChangeTable): void {
    for (const record of changes.ordered()) {
      const key = changes.key(record);
      const value = changes.value(record);
      if (key[0] === StateTag.state) this.#takeState(key, value);
      else if (key[0] === StateTag.account) this.#takeAccount(key, value);
      else if (key[0] === StateTag.contract) this.#takeContract(key, value);
      else if (key[0] === StateTag.code) this.#takeCode(key, value);
      else this.#takeOther(key, value);
    }
  }

  #takeState(key: Uint8Array, value: Uint8Array | undefined): void {
    const { columns } = value === undefined ? this.#stateGone : this.#state;
    columns.contract_address.addBytes(key, 1, STATE_KEY_AT);
    columns.key.addBytes(key, STATE_KEY_AT);
    if (value !== undefined) this.#state.columns.value.addBytes(value);
  }

  /** u8 n, nonce (n bytes), balance: encoding/state-key.ts. */
  #takeAccount(key: Uint8Array, value: Uint8Array | undefined): void {
    (value === undefined ? this.#accountsGone : this.#accounts).columns.address.addBytes(key, 1);
    if (value === undefined) return;
    const { nonce, balance } = this.#accounts.columns;
    const balanceAt = 1 + value[0]!;
    let count = 0;
    for (let i = 1; i < balanceAt; i++) count = count * 256 + value[i]!;
    nonce.addInt8(count);
    balance.addText(wholeNumber(value, balanceAt, value.length));
  }

  #takeContract(key: Uint8Array, value: Uint8Array | undefined): void {
    (value === undefined ? this.#contractsGone : this.#contracts).columns.address.addBytes(key, 1);
    if (value === undefined) return;
    const { columns } = this.#contracts;
    const contract = decodeContract(key.subarray(1), value);
    columns.kind.addText(contract.kind);
    columns.type.addText(contract.type);
    columns.code_hash.addBytes(contract.codeHash);
    columns.creator.addBytes(contract.creator);
    if (contract.admin === undefined) columns.admin.addNull();
    else columns.admin.addBytes(contract.admin);
    columns.status.addText(contract.status);
    columns.deploy_transaction_hash.addBytes(contract.deployTransactionHash);
    columns.deployed_at_height.addInt8(contract.deployedAtHeight);
  }

  #takeCode(key: Uint8Array, value: Uint8Array | undefined): void {
    (value === undefined ? this.#codesGone : this.#codes).columns.code_hash.addBytes(key, 1);
    if (value !== undefined) this.#codes.columns.code.addBytes(value);
  }

  #takeOther(key: Uint8Array, value: Uint8Array | undefined): void {
    (value === undefined ? this.#otherGone : this.#other).columns.key.addBytes(key);
    if (value !== undefined) this.#other.columns.value.addBytes(value);
  }

  /** Valid until `clear`. */
  statements(): TableStatement[] {
    return this.#all()
      .filter(({ count }) => count > 0)
      .map((rows) => rows.statement());
  }

  clear(): void {
    for (const rows of this.#all()) rows.clear();
  }

  #all(): { readonly count: number; statement(): TableStatement; clear(): void }[] {
    return [
      this.#stateGone,
      this.#state,
      this.#accountsGone,
      this.#accounts,
      this.#contractsGone,
      this.#contracts,
      this.#codesGone,
      this.#codes,
      this.#otherGone,
      this.#other,
    ];
  }
}
