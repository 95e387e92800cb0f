/** Types of AssemblyScript as the Ethereum ABI names them. */

const NAMES = {
  Address: "address",
  U256: "uint256",
  Bytes32: "bytes32",
  Bytes: "bytes",
  string: "string",
  String: "string",
  bool: "bool",
  u8: "uint8",
  u16: "uint16",
  u32: "uint32",
  u64: "uint64",
  i8: "int8",
  i16: "int16",
  i32: "int32",
  i64: "int64",
};

/** `Array<U256>` and `U256[]` are `uint256[]`. Undefined when the ABI has no such type. */
export function abiTypeOf(type) {
  const item = /^Array<(.+)>$/.exec(type)?.[1] ?? /^(.+)\[\]$/.exec(type)?.[1];
  if (item === undefined) return Object.hasOwn(NAMES, type) ? NAMES[type] : undefined;
  const name = abiTypeOf(item.trim());
  return name === undefined ? undefined : `${name}[]`;
}

/** `transfer(address,uint256)`: what selectors and topics hash. */
export function signatureOf({ name, inputs }) {
  return `${name}(${inputs.map(({ type }) => abiTypeOf(type)).join(",")})`;
}
