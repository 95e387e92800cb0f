/** Who calls, with what, in which block. Read from the host once a call, when first asked for. */
import { Address } from "./address";
import { gasRemaining, readBalance, readContext } from "./host";
import { U256 } from "./u256";

/** self 20 · caller 20 · sender 20 · value 32 big-endian · height u64 · timestampMs u64 · chainId u64, little-endian. */
const CONTEXT = memory.data(116, 8);
const WORD = memory.data(32, 8);

let isRead = false;

function context(): usize {
  if (!isRead) {
    readContext(CONTEXT);
    isRead = true;
  }
  return CONTEXT;
}

export namespace Context {
  /** This contract. */
  export function self(): Address {
    return Address.load(context());
  }

  /** Who called this frame: a person, or a contract. */
  export function caller(): Address {
    return Address.load(context() + 20);
  }

  /** Who signed or submitted the transaction. No proof of intent: authorise by `caller`. */
  export function sender(): Address {
    return Address.load(context() + 40);
  }

  /** Native value that came with the call. */
  export function value(): U256 {
    return U256.load(context() + 60);
  }

  export function blockHeight(): u64 {
    return load<u64>(context(), 92);
  }

  /** Of the block: the same for all of its transactions. */
  export function timestampMs(): u64 {
    return load<u64>(context(), 100);
  }

  export function chainId(): u64 {
    return load<u64>(context(), 108);
  }

  /** Native balance. */
  export function balanceOf(address: Address): U256 {
    readBalance(address.pointer, WORD);
    return U256.load(WORD);
  }

  export function gasLeft(): i64 {
    return gasRemaining();
  }
}
