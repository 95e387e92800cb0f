/**
 * The forms that a state is exported in. ndjson is what `state import` reads; json and csv are for other programs, and sql
 * fills the tables of an empty schema (migrations/) for people who read it.
 * Always
 *  - Text comes in order: head, then each section's rows together, in key order, then the end.
 */
import { toHex } from "../../encoding/hex.ts";
import { ADDRESS_BYTES } from "../../encoding/state-key.ts";
import { decodeContract } from "../../execution/contract-record.ts";
import type { StateEntry } from "../../execution/ports.ts";
import { wholeNumber } from "../history-rows.ts";
import type { ExportHead, ExportManifest, Section } from "./state-sections.ts";

export const EXPORT_FORMATS = ["ndjson", "json", "csv", "sql"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface StateFormat {
  head(head: ExportHead): string;
  /** Rows of one section; `isFirst` when none of it came before. */
  rows(section: Section, rows: readonly StateEntry[], isFirst: boolean): string;
  end(manifest: ExportManifest): string;
}

/** @param schema that sql is for. */
export function formatOf(format: ExportFormat, schema: string): StateFormat {
  if (format === "json") return json();
  if (format === "sql") return sql(schema);
  return format === "csv" ? csv : ndjson;
}

const ndjson: StateFormat = {
  head: (head) => `${JSON.stringify(head)}\n`,
  rows: (_, rows) => {
    let text = "";
    for (const { key, value } of rows) text += `{"key":"0x${hex(key)}","value":"0x${hex(value)}"}\n`;
    return text;
  },
  end: (manifest) => `${JSON.stringify(manifest)}\n`,
};

const csv: StateFormat = {
  head: () => "section,contract,key,value\n",
  rows: (section, rows) => {
    let text = "";
    for (const { key, value } of rows) {
      const own = section === "state" ? 1 + ADDRESS_BYTES : 1;
      const contract = section === "state" ? `0x${hex(key.subarray(1, own))}` : "";
      text += `${section},${contract},0x${hex(key.subarray(own))},0x${hex(value)}\n`;
    }
    return text;
  },
  end: () => "",
};

/** One document: `{ head, accounts: […], contracts: […], …, manifest }`. */
function json(): StateFormat {
  let isOpen = false;
  return {
    head: ({ block: _, ...head }) => `{"head":${JSON.stringify(head)}`,
    rows: (section, rows, isFirst) => {
      const before = isFirst ? `${isOpen ? "]" : ""},\n"${section}":[\n` : ",\n";
      isOpen = true;
      return before + rows.map((row) => JSON.stringify(decoded(section, row))).join(",\n");
    },
    end: (manifest) => `${isOpen ? "]" : ""},\n"manifest":${JSON.stringify(manifest)}}\n`,
  };
}

/** A row as people write it. */
function decoded(section: Section, { key, value }: StateEntry): Record<string, unknown> {
  const own = key.subarray(1);
  switch (section) {
    case "accounts":
      return { address: toHex(own), ...account(value) };
    case "contracts":
      return { address: toHex(own), ...(JSON.parse(Buffer.from(value).toString("utf8")) as Record<string, unknown>) };
    case "codes":
      return { codeHash: toHex(own), code: toHex(value) };
    case "state":
      return { contract: toHex(own, 0, ADDRESS_BYTES), key: toHex(own, ADDRESS_BYTES), value: toHex(value) };
    case "parameters":
      return { name: Buffer.from(own).toString("latin1"), value: jsonOf(value) };
    case "handles":
      return { handle: toHex(own), value: toHex(value) };
    case "codeNumbers":
      return { key: toHex(own), value: toHex(value) };
  }
}

/** encoding/state-key.ts */
function account(value: Uint8Array): { nonce: number; balance: string } {
  const balanceAt = 1 + (value[0] ?? 0);
  return { nonce: Number(wholeNumber(value, 1, balanceAt)), balance: wholeNumber(value, balanceAt, value.length) };
}

function jsonOf(value: Uint8Array): unknown {
  const text = Buffer.from(value).toString("utf8");
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return toHex(value);
  }
}

/** Rows of one INSERT. */
const INSERT_ROWS = 500;

function sql(schema: string): StateFormat {
  const quoted = `"${schema}"`;
  let position = "";
  return {
    head: ({ seq, height, blockHash, stateRoot }) => {
      const values = [1, seq, height, bytea(blockHash.slice(2)), bytea(stateRoot.slice(2)), "clock_timestamp()"];
      position = `insert into ${quoted}.position values (${values.join(", ")});\n`;
      return `-- State at block ${height}, root ${stateRoot}. For an empty schema that was migrated: polytorus db migrate\nbegin;\n`;
    },
    rows: (section, rows) => {
      let text = "";
      for (let first = 0; first < rows.length; first += INSERT_ROWS) {
        const tuples = rows.slice(first, first + INSERT_ROWS).map((row) => `(${columns(section, row).join(", ")})`);
        text += `insert into ${quoted}.${tableOf(section)} values\n${tuples.join(",\n")};\n`;
      }
      return text;
    },
    end: ({ rows }) => `${position}commit;\n-- ${rows} rows\n`,
  };
}

function tableOf(section: Section): string {
  if (section === "state") return "contract_state (contract_address, key, value)";
  if (section === "accounts") return "accounts (address, nonce, balance)";
  if (section === "codes") return "codes (code_hash, code)";
  if (section !== "contracts") return "other_state (key, value)";
  return "contracts (address, kind, type, code_hash, creator, admin, status, deploy_transaction_hash, deployed_at_height)";
}

function columns(section: Section, { key, value }: StateEntry): (string | number)[] {
  if (section === "state")
    return [
      bytea(hex(key.subarray(1, 1 + ADDRESS_BYTES))),
      bytea(hex(key.subarray(1 + ADDRESS_BYTES))),
      bytea(hex(value)),
    ];
  if (section === "accounts") {
    const { nonce, balance } = account(value);
    return [bytea(hex(key.subarray(1))), nonce, balance];
  }
  if (section === "codes") return [bytea(hex(key.subarray(1))), bytea(hex(value))];
  if (section !== "contracts") return [bytea(hex(key)), bytea(hex(value))];
  const contract = decodeContract(key.subarray(1), value);
  return [
    bytea(hex(contract.address)),
    quotedText(contract.kind),
    quotedText(contract.type),
    bytea(hex(contract.codeHash)),
    bytea(hex(contract.creator)),
    contract.admin === undefined ? "null" : bytea(hex(contract.admin)),
    quotedText(contract.status),
    bytea(hex(contract.deployTransactionHash)),
    contract.deployedAtHeight,
  ];
}

function bytea(digits: string): string {
  return `'\\x${digits}'`;
}

function quotedText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}
