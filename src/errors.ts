/**
 * Every error a user can meet: one table, and one class per reaction.
 * A code is stable; the message carries the facts of the case; the hint says what to do. The table is what
 * JSON-RPC answers, what the command line's exit code comes from, and what `polytorus explain CODE` prints.
 * Outcomes of a contract (reverted, halted) are receipts, never errors, except for queries and estimation.
 */

/** What the caller does about it. */
export type ErrorFamily =
  | "protocol" // fix the message itself
  | "rejected" // nothing ran; fix the request
  | "notFound"
  | "outOfGas"
  | "timeout"
  | "storage"
  | "limit"
  | "unauthorized"
  | "busy"
  | "notLeader"
  | "wrongMode"
  | "pruned"
  | "validation"
  | "reverted"
  | "configuration"
  | "unavailable"
  | "internal";

/** `rpc` is the JSON-RPC code, `exit` the process exit code of the command line, `http` the status of a single request. */
const FAMILIES: Record<ErrorFamily, { rpc: number; exit: number; http: number }> = {
  protocol: { rpc: -32600, exit: 2, http: 400 },
  rejected: { rpc: -32000, exit: 1, http: 200 },
  notFound: { rpc: -32001, exit: 3, http: 200 },
  outOfGas: { rpc: -32002, exit: 6, http: 200 },
  timeout: { rpc: -32003, exit: 7, http: 200 },
  storage: { rpc: -32004, exit: 69, http: 200 },
  limit: { rpc: -32005, exit: 1, http: 200 },
  unauthorized: { rpc: -32006, exit: 4, http: 200 },
  busy: { rpc: -32007, exit: 69, http: 503 },
  notLeader: { rpc: -32008, exit: 69, http: 200 },
  wrongMode: { rpc: -32009, exit: 1, http: 200 },
  pruned: { rpc: -32010, exit: 3, http: 200 },
  validation: { rpc: -32602, exit: 2, http: 200 },
  reverted: { rpc: 3, exit: 5, http: 200 },
  configuration: { rpc: -32603, exit: 78, http: 200 },
  unavailable: { rpc: -32603, exit: 69, http: 200 },
  internal: { rpc: -32603, exit: 1, http: 200 },
};

interface ErrorKind {
  family: ErrorFamily;
  /** Overrides the family's JSON-RPC code, for the codes JSON-RPC 2.0 itself defines. */
  rpc?: number;
  /** Overrides the family's exit code. */
  exit?: number;
  meaning: string;
  hint: string;
}

export const ERROR_KINDS = {
  PARSE_ERROR: {
    family: "protocol",
    rpc: -32700,
    meaning: "The message is not valid JSON.",
    hint: "Send one JSON object, or one array of them, per line (socket) or per POST body.",
  },
  INVALID_REQUEST: {
    family: "protocol",
    rpc: -32600,
    meaning: "The message is JSON but not a JSON-RPC 2.0 request.",
    hint: 'Send {"jsonrpc":"2.0","id":1,"method":"…","params":{…}}.',
  },
  METHOD_NOT_FOUND: {
    family: "protocol",
    rpc: -32601,
    meaning: "No method has this name.",
    hint: "`rpc.discover` lists every method.",
  },
  VALIDATION_ERROR: {
    family: "validation",
    meaning: "The parameters do not match the method's schema.",
    hint: "`data.path` names the parameter, `data.expected` what it must be.",
  },
  NONCE_MISMATCH: {
    family: "rejected",
    meaning: "The transaction's nonce is not the sender's next one.",
    hint: "Use the nonce that `account_get` answers, or leave it out on a trusted connection.",
  },
  INVALID_ADDRESS: {
    family: "rejected",
    exit: 2,
    meaning: "An address is not 20 bytes of hex, or its mixed-case checksum is wrong (EIP-55).",
    hint: "Send 0x and 40 hex digits, all lower case or with a right checksum.",
  },
  INVALID_AMOUNT: {
    family: "rejected",
    exit: 2,
    meaning: "An amount is not a whole number from 0 to 2^256-1.",
    hint: "Send base units as a decimal string.",
  },
  UNKNOWN_ENTRYPOINT: {
    family: "rejected",
    meaning: "The contract has no entrypoint of this name.",
    hint: "`polytorus contract abi ADDR` lists what it has.",
  },
  INVALID_CALLDATA: {
    family: "rejected",
    meaning: "The call's arguments do not decode as the entrypoint's parameters.",
    hint: "Check count, order and types against the contract's ABI.",
  },
  CODE_REJECTED: {
    family: "rejected",
    meaning: "The contract to deploy is not acceptable.",
    hint: "`data` names the rule that it breaks.",
  },
  PRIVACY_KEY_UNKNOWN: {
    family: "rejected",
    meaning: "The evaluation key that is named is not here, or is of another parameter set.",
    hint: "Upload it with `polytorus privacy upload-key DIR`.",
  },
  PRIVACY_KEY_IN_USE: {
    family: "rejected",
    meaning: "The evaluation key cannot be let go of: a contract's values are encrypted under it.",
    hint: "`data.contract` is one such contract; a key that none has any more goes by itself.",
  },
  PRIVACY_FILE_INVALID: {
    family: "rejected",
    meaning: "The bytes are no key or ciphertext file of a scheme that this daemon has.",
    hint: "`data.offset` is the byte; send the file as keygen or encrypt wrote it.",
  },
  PRIVACY_SECRET_KEY: {
    family: "rejected",
    meaning: "A secret key was sent. Nothing was kept of it.",
    hint: "Send evaluation.key; consider the secret key seen by whoever saw the connection.",
  },
  PRIVACY_INPUT_REPLAYED: {
    family: "rejected",
    meaning: "Somebody else sent this ciphertext already, bound to another contract, owner or type.",
    hint: "Encrypt the value yourself: every encryption of it has other bytes.",
  },
  PRIVACY_HANDLE_UNKNOWN: {
    family: "notFound",
    meaning: "No durable block made this handle, and no ciphertext of it was sent.",
    hint: "A handle stands in the receipt of the call that made it.",
  },
  PRIVACY_RESULT_PENDING: {
    family: "busy",
    meaning: "The value behind this handle is not evaluated yet.",
    hint: "`polytorus privacy wait HANDLE`, or ask again after `data.retryAfterMs`.",
  },
  PRIVACY_RESULT_FAILED: {
    family: "notFound",
    meaning: "The value behind this handle will not be evaluated.",
    hint: "`data.because` says why: its job failed or was cancelled, or nothing holds the value any more.",
  },
  PRIVACY_JOB_NOT_FOUND: {
    family: "notFound",
    meaning: "There is no such job: it never was, or it is long done.",
    hint: "`polytorus privacy jobs` lists what waits and runs.",
  },
  PRIVACY_NOT_ALLOWED: {
    family: "unauthorized",
    meaning: "The access list of this handle does not let this account have it.",
    hint: "`privacy_explain` says why; whoever may decrypt it can call allowDecrypt.",
  },
  PRIVACY_UPLOAD_INVALID: {
    family: "rejected",
    meaning: "The parts of an upload do not make up what was announced.",
    hint: "Send it again from offset 0, with the SHA-256 and length of the whole file.",
  },
  PRIVACY_SCHEME_MISSING: {
    family: "unavailable",
    meaning: "This daemon cannot evaluate ciphertexts of this scheme.",
    hint: "`polytorus doctor` says what the native addon is missing; `privacy_schemes` lists what there is.",
  },
  PRIVACY_INPUT_UNKNOWN: {
    family: "rejected",
    meaning: "The call names a ciphertext that was never uploaded to this daemon.",
    hint: "Send it first: `polytorus privacy encrypt`, or privacy_putCiphertext.",
  },
  PRIVACY_INPUT_MISMATCH: {
    family: "rejected",
    meaning: "A ciphertext is bound to another key, contract, owner or type than the one it was sent for.",
    hint: "Encrypt the value again for this contract, as this sender.",
  },
  UNSUPPORTED_CONTRACT: {
    family: "rejected",
    meaning: "This daemon has no engine for contracts of this type.",
    hint: "`engine_info` lists contractKinds.",
  },
  UNSUPPORTED_TRANSACTION: {
    family: "rejected",
    meaning: "This daemon does not accept this kind of transaction.",
    hint: "Use deploy, call, setStatus or setAdmin.",
  },
  ADDRESS_IN_USE: {
    family: "rejected",
    meaning: "A contract already stands at the address that this deployment would get.",
    hint: "Use another salt, or another nonce.",
  },
  INTRINSIC_GAS_TOO_LOW: {
    family: "rejected",
    meaning: "The gas limit does not cover what the transaction costs before it runs.",
    hint: "`tx_estimateGas` answers a limit that is enough.",
  },
  GAS_LIMIT_TOO_HIGH: {
    family: "rejected",
    meaning: "The gas limit is above the chain's limit for one transaction.",
    hint: "`engine_info` publishes limits.transactionGasMax.",
  },
  INSUFFICIENT_BALANCE: {
    family: "rejected",
    meaning: "The sender's native balance does not cover the transaction's value.",
    hint: "Lower the value, or fund the account at genesis.",
  },
  NOT_ADMIN: {
    family: "rejected",
    exit: 4,
    meaning: "Only the contract's admin may do this.",
    hint: "`contract_get` names the admin.",
  },
  EXPIRED: {
    family: "rejected",
    meaning: "The transaction's validUntilHeight is below the height of the block it would be in.",
    hint: "Send it again with a later height.",
  },
  ID_CONFLICT: {
    family: "rejected",
    meaning: "This id was used for another transaction.",
    hint: "Give every distinct transaction an id of its own.",
  },
  NONCE_REQUIRED: {
    family: "rejected",
    meaning: "The transaction must state its nonce here.",
    hint: 'Leaving it out is for trusted connections; with wait "accepted" give a nonce or an id.',
  },
  BLOCK_GAS_EXCEEDED: {
    family: "limit",
    meaning: "The transactions of one batch need more gas than a block may use.",
    hint: "Send smaller batches.",
  },
  BLOCK_OUT_OF_ORDER: {
    family: "rejected",
    meaning: "The block does not follow the chain's head.",
    hint: "`block_get latest` answers height and hash of the head.",
  },
  ROOT_MISMATCH: {
    family: "rejected",
    meaning: "The state root to commit is not the one that was computed.",
    hint: "The block stays staged: compare the transactions, then commit the computed root or discard.",
  },
  CONTRACT_NOT_FOUND: {
    family: "notFound",
    meaning: "No contract stands at this address.",
    hint: "`contract_list` shows what is deployed.",
  },
  TRANSACTION_NOT_FOUND: {
    family: "notFound",
    meaning: "No durable block has a transaction with this hash.",
    hint: "It was never accepted, was rolled back, or is not yet durable.",
  },
  BLOCK_NOT_FOUND: {
    family: "notFound",
    meaning: "There is no such block.",
    hint: "`block_get latest` answers the head.",
  },
  GAS_EXHAUSTED: {
    family: "outOfGas",
    meaning: "The query or estimation used up its gas limit.",
    hint: "Raise gasLimit, up to limits.queryGasMax.",
  },
  EXECUTION_TIMEOUT: {
    family: "timeout",
    meaning: "Execution did not finish within its time limit and was stopped; nothing of it was kept.",
    hint: "The contract may loop; simulate it with a lower gas limit.",
  },
  STORAGE_ERROR: {
    family: "storage",
    meaning: "The storage failed.",
    hint: "`data.retryable` says whether sending again is safe and useful.",
  },
  OUTCOME_UNKNOWN: {
    family: "storage",
    meaning: "PostgreSQL did not say in time whether it has the block; the block may still come to be in the chain.",
    hint: "Send the same transaction with the same id again until it is answered, or ask `tx_receipt` for `data.transactionHashes`; in mode driven, commit the same block again.",
  },
  LIMIT_EXCEEDED: {
    family: "limit",
    meaning: "The request is larger than a published limit.",
    hint: "`data` names the limit; `engine_info` publishes all of them.",
  },
  UNAUTHORIZED: {
    family: "unauthorized",
    meaning: "This connection may not do this.",
    hint: "Use the Unix socket, a bearer token with the role, or start the daemon with --dev.",
  },
  BUSY: {
    family: "busy",
    meaning:
      "The daemon has as much queued as it may hold, or can't commit at the moment; nothing of this request ran.",
    hint: "Send it again after `data.retryAfterMs`.",
  },
  SHUTTING_DOWN: {
    family: "busy",
    meaning: "The daemon is stopping; nothing of this request ran.",
    hint: "Connect again when it is back.",
  },
  NOT_LEADER: {
    family: "notLeader",
    meaning: "Another daemon takes the writes.",
    hint: "`data.leader` is its address.",
  },
  WRONG_MODE: {
    family: "wrongMode",
    meaning: "The daemon's block mode does not have this method.",
    hint: "tx_submit belongs to mode auto, block_execute and its kin to mode driven (--mode).",
  },
  DEV_ONLY: {
    family: "wrongMode",
    meaning: "The method is for development alone, and the daemon was started without --dev.",
    hint: "`polytorus serve --dev`, on a chain of your own.",
  },
  SNAPSHOT_NOT_FOUND: {
    family: "notFound",
    meaning:
      "No such snapshot is kept: it was used, its block was taken back, 1,024 newer ones were taken, or the daemon was restarted.",
    hint: "`dev_snapshot` takes another.",
  },
  NOT_STAGED: {
    family: "wrongMode",
    meaning: "No block is staged.",
    hint: "Call block_execute again, then block_commit.",
  },
  ALREADY_STAGED: {
    family: "wrongMode",
    meaning: "A block is already staged.",
    hint: "Commit it or discard it first.",
  },
  PRUNED: {
    family: "pruned",
    meaning:
      "It is older than what is kept: the rollback window for state, retention.history for blocks, receipts and logs.",
    hint: "`data.lowestHeight` is the lowest that can be answered. Older blocks may be in journal.archive or in a backup.",
  },
  NO_RESOURCE: {
    family: "notFound",
    meaning: "There is nothing at this path.",
    hint: "`GET /v1/openapi.json` lists every path.",
  },
  CURSOR_AHEAD: {
    family: "rejected",
    meaning: "The stream's cursor is beyond the end of this daemon's log.",
    hint: "The data directory was restored or replaced: follow from a height with fromBlock, or from now on with neither.",
  },
  CURSOR_FOREIGN: {
    family: "rejected",
    meaning: "The stream's cursor is from another chain or data directory.",
    hint: "Follow from a height with fromBlock, or from now on with neither.",
  },
  NO_NOTIFICATIONS: {
    family: "rejected",
    meaning: "This connection can't carry notifications, so that nothing can be subscribed to on it.",
    hint: "Subscribe over the Unix socket or a WebSocket, or read GET /v1/events.",
  },
  SUBSCRIPTION_NOT_FOUND: {
    family: "notFound",
    meaning: "This connection has no such subscription.",
    hint: "It was ended or dropped; `data.subscription` is what was asked for.",
  },
  SUBSCRIBER_TOO_SLOW: {
    family: "limit",
    meaning: "A subscriber did not take its events in time and was dropped.",
    hint: "Subscribe again with `data.cursor` as `since`: nothing is lost.",
  },
  REVERTED: {
    family: "reverted",
    meaning: "The contract reverted.",
    hint: "`data.revert` holds the error that the contract raised.",
  },
  HALTED: { family: "outOfGas", meaning: "Execution halted exceptionally.", hint: "`data.haltReason` names why." },
  CONFIGURATION_ERROR: {
    family: "configuration",
    meaning: "The configuration is not usable.",
    hint: "Change what is named; `polytorus config check` says what else is wrong with the settings.",
  },
  DATA_DIR_LOCKED: {
    family: "configuration",
    meaning: "Another daemon uses this data directory.",
    hint: "Stop it, or choose another --data-dir.",
  },
  JOURNAL_DAMAGED: {
    family: "storage",
    meaning: "The journal is damaged below what was known durable; starting would lose acknowledged blocks.",
    hint: "Restore from a backup; the file and offset are named.",
  },
  AUDIT_DAMAGED: {
    family: "storage",
    meaning: "The audit log is not as it was written: a record was changed, taken out, moved or cut off.",
    hint: "The file and place are named. Keep the directory `audit` as evidence: move it away, and a log begins anew.",
  },
  BACKUP_DAMAGED: {
    family: "storage",
    exit: 1,
    meaning: "A backup or an exported state is damaged, cut off, or not one at all. Nothing of it was kept.",
    hint: "The message names the place; take another copy of the file, or an earlier backup.",
  },
  FORMAT_UNSUPPORTED: {
    family: "storage",
    meaning: "The data directory was written in a format this version does not read.",
    hint: "Use the version that wrote it, or a newer one.",
  },
  MIGRATIONS_PENDING: {
    family: "unavailable",
    meaning: "The database's schema does not have the version of this program.",
    hint: "`polytorus db status` shows what is missing, `polytorus db migrate` applies it.",
  },
  MIGRATIONS_DRIFTED: {
    family: "storage",
    meaning: "The migrations that the database has are not those of this program.",
    hint: "`polytorus db validate --verbose` shows each; put the files back as they were applied.",
  },
  DATABASE_IN_USE: {
    family: "configuration",
    meaning: "The PostgreSQL schema belongs to another log than this daemon's.",
    hint: "Give each daemon a schema of its own, or run several on one with durability strict; `polytorus db reset` frees it.",
  },
  MIGRATION_FAILED: {
    family: "storage",
    meaning: "A migration failed and was rolled back.",
    hint: "The message has the database's own words; `polytorus db status` shows where it stands.",
  },
  ENCRYPTION_KEY_REFUSED: {
    family: "configuration",
    meaning:
      "The data directory is encrypted and the key file is missing, unreadable or another's, or it is not encrypted.",
    hint: "Name the key file with encryption.key_file; nothing was changed.",
  },
  DATA_WOULD_BE_LOST: {
    family: "rejected",
    meaning: "Tables that hold rows would be dropped, or a data directory that holds a chain replaced.",
    hint: "Back up what is there; then say --force.",
  },
  TFHE_FILE_REFUSED: {
    family: "rejected",
    meaning:
      "A file of encrypted gates (key or ciphertexts) is damaged, of another kind, or of an unknown parameter set.",
    hint: "`data.reason` names what is wrong with it; send the file as the key holder's tool wrote it.",
  },
  TFHE_BINDING_MISMATCH: {
    family: "rejected",
    meaning: "The ciphertexts were made for another key or another use than they are sent for.",
    hint: "`data` has what was expected and received; encrypt for this key and this contract.",
  },
  TFHE_KEY_CACHE_FULL: {
    family: "limit",
    meaning: "No room is left for another expanded evaluation key.",
    hint: "Wait until work under the other keys is done, or raise the bound on resident keys.",
  },
  CONNECTION_FAILED: {
    family: "unavailable",
    meaning: "The daemon could not be reached.",
    hint: "Start it with `npm start`, or name its socket with --ipc or its address with --url.",
  },
  CONNECTION_CLOSED: {
    family: "unavailable",
    meaning: "The connection closed before the answer came; whether the request took effect is unknown.",
    hint: "Ask for the receipt, or send the same transaction with the same id again.",
  },
  ANSWER_TIMEOUT: {
    family: "timeout",
    meaning: "The client waited no longer for an answer; whether the request took effect is unknown.",
    hint: "Ask for the receipt, or send the same transaction with the same id again, with a longer timeout.",
  },
  INTERNAL_ERROR: {
    family: "internal",
    rpc: -32603,
    meaning: "A fault of the daemon itself.",
    hint: "The daemon's log has the details.",
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_KINDS;

/** Facts of a case: plain JSON, so that they cross every wire unchanged. */
export type ErrorFacts = Record<string, unknown>;

/** The base of everything thrown on purpose. Anything else that is thrown is a bug of ours and answers INTERNAL_ERROR. */
export class EngineError extends Error {
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.facts = facts;
  }

  get family(): ErrorFamily {
    return ERROR_KINDS[this.code].family;
  }

  get hint(): string {
    return ERROR_KINDS[this.code].hint;
  }

  get rpcCode(): number {
    return rpcCodeOf(this.code);
  }

  get exitCode(): number {
    return exitCodeOf(this.code);
  }

  get httpStatus(): number {
    return FAMILIES[this.family].http;
  }
}

/** Never executed: the caller fixes the request; no gas is charged and no nonce is used. */
export class RejectedError extends EngineError {}

/** The storage failed. `retryable: true` means that nothing was written. */
export class StorageError extends EngineError {
  readonly retryable: boolean;

  constructor(message: string, facts: ErrorFacts & { retryable: boolean }, options?: ErrorOptions) {
    super("STORAGE_ERROR", message, facts, options);
    this.retryable = facts.retryable;
  }
}

/** Bytes that do not decode as what they should be: `offset` is where, in bytes from their start. */
export class MalformedBytesError extends EngineError {
  constructor(what: string, offset: number, problem: string) {
    super("STORAGE_ERROR", `malformed ${what} at byte ${offset}: ${problem}`, { retryable: false, what, offset });
  }
}

export function rpcCodeOf(code: ErrorCode): number {
  const kind: ErrorKind = ERROR_KINDS[code];
  return kind.rpc ?? FAMILIES[kind.family].rpc;
}

export function exitCodeOf(code: ErrorCode): number {
  const kind: ErrorKind = ERROR_KINDS[code];
  return kind.exit ?? FAMILIES[kind.family].exit;
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_KINDS, code);
}

/** Turns anything thrown into an EngineError, so that every path answers in one shape. */
export function toEngineError(thrown: unknown): EngineError {
  if (thrown instanceof EngineError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new EngineError("INTERNAL_ERROR", message, {}, { cause: thrown });
}
