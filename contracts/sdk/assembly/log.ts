/** Logs, topic by topic. What the transform's `emit` of an @event class uses. */
import { AbiWriter } from "./abi-writer";
import { Address } from "./address";
import { Bytes, Bytes32 } from "./bytes";
import { hashKeccak256, writeLog } from "./host";
import { U256 } from "./u256";
import { copyWord, storeSignedWord, storeWord } from "./words";

const TOPICS = memory.data(128, 8);
let topicCount = 0;

/** @param topic the 32 bytes of the event's signature hash. */
export function beginLog(topic: usize): void {
  copyWord(TOPICS, topic);
  topicCount = 1;
}

/** An indexed argument. Of dynamic type it is the hash of its bytes, as in Solidity. */
export function indexed<T>(value: T): void {
  const at = TOPICS + (topicCount << 5);
  topicCount++;
  if (isBoolean<T>()) storeWord(at, value ? 1 : 0);
  else if (isInteger<T>()) {
    if (isSigned<T>()) storeSignedWord(at, <i64>value);
    else storeWord(at, <u64>value);
  } else if (isString<T>()) {
    const bytes = Bytes.fromUtf8(changetype<string>(value));
    hashKeccak256(bytes.pointer, bytes.length, at);
  } else if (idof<T>() == idof<Address>()) changetype<Address>(value).storeWord(at);
  else if (idof<T>() == idof<U256>()) changetype<U256>(value).store(at);
  else if (idof<T>() == idof<Bytes32>()) changetype<Bytes32>(value).store(at);
  else if (idof<T>() == idof<Bytes>()) {
    const bytes = changetype<Bytes>(value);
    hashKeccak256(bytes.pointer, bytes.length, at);
  } else ERROR("a type that cannot be indexed");
}

export function endLog(data: AbiWriter): void {
  writeLog(TOPICS, topicCount, data.pointer, data.length);
}
