/**
 * A CosmWasm contract in WebAssembly text that answers what it is told, so that a test decides every byte of a response:
 *   instantiate(msg)  answers msg
 *   execute(msg)      answers msg: it is the ContractResult to come
 *   query(msg)        answers msg likewise
 *   reply(reply)      keeps the reply under the key "last", answers what is kept under "answer", else an empty response
 *   sudo(msg)         keeps msg under "answer", answers an empty response
 *   migrate(msg)      answers msg
 */
import wabtLoader from "wabt";

const EMPTY_RESPONSE = '{"ok":{"messages":[],"attributes":[],"events":[],"data":null}}';

const SOURCE = `(module
  (import "env" "db_read" (func $read (param i32) (result i32)))
  (import "env" "db_write" (func $write (param i32 i32)))
  (memory (export "memory") 17)
  (global $next (mut i32) (i32.const 1024))
  (data (i32.const 16) "last")
  (data (i32.const 32) "answer")
  (data (i32.const 64) "${EMPTY_RESPONSE.replaceAll('"', '\\"')}")
  (; regions of the texts: offset, capacity, length ;)
  (data (i32.const 200) "\\10\\00\\00\\00\\04\\00\\00\\00\\04\\00\\00\\00")
  (data (i32.const 212) "\\20\\00\\00\\00\\06\\00\\00\\00\\06\\00\\00\\00")
  (data (i32.const 224) "\\40\\00\\00\\00\\${EMPTY_RESPONSE.length.toString(16)}\\00\\00\\00\\${EMPTY_RESPONSE.length.toString(16)}\\00\\00\\00")
  (func (export "interface_version_8"))
  (func (export "allocate") (param $size i32) (result i32)
    (local $region i32)
    (local.set $region (global.get $next))
    (i32.store (local.get $region) (i32.add (local.get $region) (i32.const 12)))
    (i32.store offset=4 (local.get $region) (local.get $size))
    (i32.store offset=8 (local.get $region) (i32.const 0))
    (global.set $next
      (i32.and (i32.add (i32.add (local.get $region) (local.get $size)) (i32.const 15)) (i32.const -4)))
    (local.get $region))
  (func (export "deallocate") (param i32))
  (func (export "instantiate") (param i32 i32 i32) (result i32) (local.get 2))
  (func (export "execute") (param i32 i32 i32) (result i32) (local.get 2))
  (func (export "migrate") (param i32 i32) (result i32) (local.get 1))
  (func (export "query") (param i32 i32) (result i32) (local.get 1))
  (func (export "sudo") (param i32 i32) (result i32)
    (call $write (i32.const 212) (local.get 1))
    (i32.const 224))
  (func (export "reply") (param i32 i32) (result i32)
    (local $answer i32)
    (call $write (i32.const 200) (local.get 1))
    (local.set $answer (call $read (i32.const 212)))
    (select (local.get $answer) (i32.const 224) (local.get $answer))))`;

/** @param change of the source, for contracts that misbehave. */
export async function echoContract(change: (source: string) => string = (source) => source): Promise<Uint8Array> {
  const wabt = await wabtLoader();
  const module = wabt.parseWat("echo.wat", change(SOURCE));
  try {
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}
