/** What a contract imports. `erc20.ts`, the interface of tokens, is imported on its own. */
export { AbiReader } from "./abi-reader";
export { AbiWriter } from "./abi-writer";
export { Address } from "./address";
export { Bytes, Bytes32 } from "./bytes";
export { Context } from "./context";
export { keccak256, recover, sha256 } from "./crypto";
export { finish, openInput, refuseValue, revertWith, selector } from "./frame";
export { beginLog, endLog, indexed } from "./log";
export { PackedReader, PackedWriter } from "./packed";
export { callRaw, CallResult, CallStatus, Remote } from "./remote";
export { panic, PanicCode, require, revert, revertEmpty } from "./revert";
export { StorageCursor, StorageMap, StorageMap2, StorageValue } from "./storage";
export { U256 } from "./u256";
