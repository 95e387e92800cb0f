import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type AbiItem,
  abiFunctionOf,
  decodeArguments,
  decodeLog,
  decodeResult,
  encodeCall,
  encodeError,
  namedArguments,
  parseAbiError,
  parseAbiEvent,
  parseAbiFunction,
  toAbiItem,
} from "../../src/encoding/abi.ts";
import { decodeParameters, encodeParameters } from "../../src/encoding/abi-codec.ts";
import { type AbiType, abiTypeName, parseAbiType } from "../../src/encoding/abi-types.ts";
import {
  decodeErc20Error,
  decodeErc20Log,
  ERC20_ERRORS,
  ERC20_EVENTS,
  erc20Abi,
  SOLIDITY_ERRORS,
} from "../../src/encoding/erc20-abi.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";

const types = (...names: string[]) => names.map((name) => parseAbiType(name));
const word = (hex: string) => hex.padStart(64, "0");
const bytes = (...words: string[]) => fromHex(`0x${words.join("")}`)!;

describe("signatures", () => {
  it.each([
    ["function transfer(address to, uint256 value) returns (bool)", "0xa9059cbb"],
    ["function balanceOf(address) external view returns (uint)", "0x70a08231"],
    ["function sam(bytes memory, bool, uint[] memory)", "0xa5643bf2"],
    ["function f(uint256,uint32[],bytes10,bytes)", "0x8be65246"],
  ])("%s has the selector %s", (text, selector) => {
    expect(toHex(parseAbiFunction(text).selector)).toBe(selector);
  });

  it("of events and errors have the topics and selectors that Ethereum knows", () => {
    expect(toHex(ERC20_EVENTS.Transfer.topic)).toBe(
      "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
    );
    expect(toHex(ERC20_EVENTS.Approval.topic)).toBe(
      "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925",
    );
    expect(toHex(ERC20_ERRORS.ERC20InsufficientBalance.selector)).toBe("0xe450d38c");
    expect(toHex(SOLIDITY_ERRORS.Error.selector)).toBe("0x08c379a0");
    expect(toHex(SOLIDITY_ERRORS.Panic.selector)).toBe("0x4e487b71");
  });

  it("become JSON ABI items and come back", () => {
    const text = "function allowance(address owner, address spender) view returns (uint256 amount)";
    const item = toAbiItem(parseAbiFunction(text));
    expect(item).toEqual({
      type: "function",
      name: "allowance",
      stateMutability: "view",
      inputs: [
        { name: "owner", type: "address" },
        { name: "spender", type: "address" },
      ],
      outputs: [{ name: "amount", type: "uint256" }],
    });
    expect(abiFunctionOf(item)).toEqual(parseAbiFunction(text));
  });

  it.each([
    "transfer(address)",
    "function transfer(address",
    "function transfer(tuple t)",
    "function transfer((address,uint256) t)",
    "function f(uint257)",
    "function f(uint7)",
    "function f(bytes33)",
    "function f(bytes0)",
    "function f(uint256[0])",
    "function f(uint256[99999][99999])",
    `function f(uint256${"[]".repeat(9)})`,
    "function f() view pure",
    "function f(address a b)",
    "event E(address) view",
    `function ${"f".repeat(5000)}()`,
  ])("%s is refused", (text) => {
    expect(() => (text.startsWith("event") ? parseAbiEvent(text) : parseAbiFunction(text))).toThrow(
      expect.objectContaining({ code: "VALIDATION_ERROR" }),
    );
  });

  it("of events have at most three indexed parameters", () => {
    const indexed = "uint256 indexed";
    expect(() => parseAbiEvent(`event E(${Array(3).fill(indexed)})`)).not.toThrow();
    expect(() => parseAbiEvent(`event E(${Array(4).fill(indexed)})`)).toThrow();
  });
});

/** Examples of the Solidity documentation, "Contract ABI Specification". */
describe("encoding", () => {
  it("encodes sam(bytes,bool,uint256[]) of the specification", () => {
    const data = encodeParameters(types("bytes", "bool", "uint256[]"), ["0x64617665", true, [1, 2, 3]]);
    const expected = [
      word("60"),
      word("1"),
      word("a0"),
      word("4"),
      "64617665".padEnd(64, "0"),
      word("3"),
      word("1"),
      word("2"),
      word("3"),
    ];
    expect(toHex(data)).toBe(`0x${expected.join("")}`);
  });

  it("encodes f(uint256,uint32[],bytes10,bytes) of the specification", () => {
    const values = [0x123, [0x456, 0x789], "0x31323334353637383930", "0x48656c6c6f2c20776f726c6421"];
    const data = encodeParameters(types("uint256", "uint32[]", "bytes10", "bytes"), values);
    const heads = [word("123"), word("80"), "31323334353637383930".padEnd(64, "0"), word("e0")];
    const tails = [word("2"), word("456"), word("789"), word("d"), "48656c6c6f2c20776f726c6421".padEnd(64, "0")];
    expect(toHex(data)).toBe(`0x${[...heads, ...tails].join("")}`);
  });

  it("encodes g(uint256[][],string[]) of the specification", () => {
    const data = encodeParameters(types("uint256[][]", "string[]"), [
      [[1, 2], [3]],
      ["one", "two", "three"],
    ]);
    const text = (hex: string) => hex.padEnd(64, "0");
    const numbers = [word("2"), word("40"), word("a0"), word("2"), word("1"), word("2"), word("1"), word("3")];
    const texts = [
      word("3"),
      word("60"),
      word("a0"),
      word("e0"),
      word("3"),
      text("6f6e65"),
      word("3"),
      text("74776f"),
      word("5"),
      text("7468726565"),
    ];
    expect(toHex(data)).toBe(`0x${[word("40"), word("140"), ...numbers, ...texts].join("")}`);
  });

  it.each([
    ["address", "0x1234", "INVALID_ADDRESS", "args[0]"],
    ["uint8", "256", "INVALID_AMOUNT", "args[0]"],
    ["uint256", "-1", "INVALID_AMOUNT", "args[0]"],
    ["uint256", 2 ** 53, "INVALID_AMOUNT", "args[0]"],
    ["uint256", "1".repeat(79), "INVALID_AMOUNT", "args[0]"],
    ["int8", "128", "INVALID_AMOUNT", "args[0]"],
    ["bool", 1, "INVALID_CALLDATA", "args[0]"],
    ["bytes4", "0x112233", "INVALID_CALLDATA", "args[0]"],
    ["string", 5, "INVALID_CALLDATA", "args[0]"],
    ["uint256[2]", ["1"], "INVALID_CALLDATA", "args[0]"],
    ["uint256[][]", [["1"], ["x"]], "INVALID_AMOUNT", "args[0][1][0]"],
  ])("refuses %s %j, naming its place", (type, value, code, path) => {
    expect(() => encodeParameters(types(type), [value])).toThrow(
      expect.objectContaining({ code, facts: expect.objectContaining({ path }) }),
    );
  });

  it("refuses another number of arguments than parameters", () => {
    const transfer = parseAbiFunction("function transfer(address to, uint256 value)");
    expect(() => encodeCall(transfer, ["0"])).toThrow(expect.objectContaining({ code: "INVALID_CALLDATA" }));
  });
});

const leaf = fc.oneof(
  fc.constantFrom("address", "bool", "string", "bytes"),
  fc.integer({ min: 1, max: 32 }).map((n) => `bytes${n}`),
  fc.tuple(fc.constantFrom("uint", "int"), fc.integer({ min: 1, max: 32 })).map(([kind, n]) => `${kind}${8 * n}`),
);
const typeName = fc
  .tuple(leaf, fc.array(fc.constantFrom("[]", "[1]", "[3]"), { maxLength: 3 }))
  .map(([name, arrays]) => name + arrays.join(""));

function arbitraryOf(type: AbiType): fc.Arbitrary<unknown> {
  const hex = (size: fc.SizeForArbitrary | number) => {
    const length = typeof size === "number" ? { minLength: size, maxLength: size } : { maxLength: 70 };
    return fc.uint8Array(length).map((data) => toHex(data));
  };
  switch (type.kind) {
    case "address":
      return hex(20);
    case "bool":
      return fc.boolean();
    case "string":
      return fc.string({ unit: "grapheme", maxLength: 40 });
    case "bytes":
      return hex("small");
    case "fixedBytes":
      return hex(type.size);
    case "uint":
      return fc.bigInt(0n, 2n ** BigInt(type.bits) - 1n).map(String);
    case "int":
      return fc.bigInt(-(2n ** BigInt(type.bits - 1)), 2n ** BigInt(type.bits - 1) - 1n).map(String);
    case "array": {
      const length = type.length === undefined ? { maxLength: 3 } : { minLength: type.length, maxLength: type.length };
      return fc.array(arbitraryOf(type.item), length);
    }
  }
}

const typedValues = fc.array(typeName, { maxLength: 5 }).chain((names) => {
  const parsed = types(...names);
  return fc.tuple(fc.constant(parsed), fc.tuple(...parsed.map(arbitraryOf)));
});

describe("decoding", () => {
  it("gives back what was encoded", () => {
    const property = fc.property(typedValues, ([parsed, values]) => {
      expect(decodeParameters(parsed, encodeParameters(parsed, values))).toEqual(values);
    });
    fc.assert(property, { numRuns: 500 });
  });

  it("answers undefined or a value for any bytes, and never throws", () => {
    const property = fc.property(
      typedValues,
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(),
      ([parsed, values], noise, at) => {
        const data = encodeParameters(parsed, values);
        data.set(noise.subarray(0, Math.max(0, data.length - (at % (data.length + 1)))), at % (data.length + 1));
        const decoded = decodeParameters(parsed, data.subarray(0, data.length - (at % 64)));
        if (decoded !== undefined) expect(decoded).toHaveLength(parsed.length);
      },
    );
    fc.assert(property, { numRuns: 500 });
  });

  it.each([
    ["a word that ends early", ["uint256"], [word("1").slice(2)]],
    ["no data at all", ["bool"], []],
    ["an address with bits before it", ["address"], [`${"0".repeat(23)}1${"a".repeat(40)}`]],
    ["a bool of 2", ["bool"], [word("2")]],
    ["a uint8 of 256", ["uint8"], [word("100")]],
    ["an int8 of 128", ["int8"], [word("80")]],
    ["bytes4 with bits behind", ["bytes4"], ["11223344".padEnd(63, "0").concat("1")]],
    ["an offset past the end", ["bytes"], [word("40"), word("0")]],
    ["an offset over 2^32", ["bytes"], [word("100000020"), word("0")]],
    ["a length past the end", ["string"], [word("20"), word("1")]],
    ["an array longer than the data", ["uint256[]"], [word("20"), word("ffffffff")]],
    ["parts that overlap", ["bytes", "bytes"], [word("40"), word("40"), word("20"), word("0")]],
  ])("refuses %s", (_, names, words) => {
    expect(decodeParameters(types(...names), bytes(...words))).toBeUndefined();
  });

  it("refuses 16^8 numbers in 4,384 bytes, whose arrays all point to the same items", () => {
    const level = [word("10"), ...Array<string>(16).fill(word("200"))];
    const data = bytes(word("20"), ...Array<string[]>(8).fill(level).flat());
    expect(decodeParameters(types(`uint256${"[]".repeat(8)}`), data)).toBeUndefined();
  });

  it("accepts bytes after the last argument, and a string without its padding", () => {
    expect(decodeParameters(types("uint256"), bytes(word("7"), "ff"))).toEqual(["7"]);
    expect(decodeParameters(types("string"), bytes(word("20"), word("2"), "6869"))).toEqual(["hi"]);
  });

  it("answers null for no result, the value for one, an array for several", () => {
    expect(decodeResult(parseAbiFunction("function f()"), bytes())).toBeNull();
    expect(decodeResult(parseAbiFunction("function f() returns (int16)"), bytes("f".repeat(64)))).toBe("-1");
    expect(
      decodeResult(parseAbiFunction("function f() returns (bool a, bool b)"), bytes(word("1"), word("0"))),
    ).toEqual([true, false]);
    expect(decodeResult(parseAbiFunction("function f() returns (bool)"), bytes())).toBeUndefined();
  });

  it("reads calldata of its own selector only", () => {
    const transfer = parseAbiFunction("function transfer(address to, uint256 value)");
    const approve = parseAbiFunction("function approve(address to, uint256 value)");
    const args = [`0x${"ab".repeat(20)}`, "7"];
    expect(decodeArguments(transfer, encodeCall(transfer, args))).toEqual(args);
    expect(decodeArguments(approve, encodeCall(transfer, args))).toBeUndefined();
    expect(decodeArguments(transfer, bytes("a9"))).toBeUndefined();
  });
});

describe("logs", () => {
  const event = parseAbiEvent("event Stored(uint256 value, address indexed by, string indexed name, bool)");
  const by = `0x${"ab".repeat(20)}`;
  const topics = [event.topic, bytes(word(by.slice(2))), bytes("cd".repeat(32))];

  it("have their arguments in the order of the parameters; an indexed string is its hash", () => {
    const values = decodeLog(event, topics, bytes(word("7"), word("1")))!;
    expect(namedArguments(event.inputs, values)).toEqual({ value: "7", by, name: `0x${"cd".repeat(32)}`, 3: true });
  });

  it("of another event, or with a topic missing, do not decode", () => {
    expect(decodeLog(event, topics.slice(0, 2), bytes(word("7"), word("1")))).toBeUndefined();
    expect(
      decodeLog(event, [ERC20_EVENTS.Transfer.topic, ...topics.slice(1)], bytes(word("7"), word("1"))),
    ).toBeUndefined();
    expect(decodeLog(event, topics, bytes(word("7")))).toBeUndefined();
  });
});

describe("the ERC-20's interface", () => {
  interface Artifact {
    contracts: { FullToken: { abi: AbiItem[] } };
  }
  const file = new URL("../vectors/openzeppelin-erc20/openzeppelin-5.7.0.json", import.meta.url);
  const compiled = (JSON.parse(readFileSync(file, "utf8")) as Artifact).contracts.FullToken.abi;
  const shape = ({ type, name, stateMutability, inputs, outputs }: AbiItem) => ({
    type,
    name,
    stateMutability,
    inputs: inputs.map((input) => ({ type: input.type, indexed: input.indexed })),
    outputs: outputs?.map((output) => output.type),
  });
  const byName = (a: { name?: string | undefined }, b: { name?: string | undefined }) => (a.name! < b.name! ? -1 : 1);
  const ours = erc20Abi({ mintable: true, burnable: true, pausable: true, capped: true });

  it("has the functions that Solidity's compiler finds in OpenZeppelin's contracts", () => {
    const functions = (abi: readonly AbiItem[]) =>
      abi
        .filter(({ type }) => type === "function")
        .map(shape)
        .sort(byName);
    expect(functions(ours)).toEqual(functions(compiled));
  });

  it("has their events and errors, but for those that an ERC-20 never raises", () => {
    const neverRaised = [
      "EIP712DomainChanged",
      "ECDSAInvalidSignatureLength",
      "InvalidAccountNonce",
      "InvalidShortString",
      "StringTooLong",
    ];
    const others = (abi: readonly AbiItem[]) =>
      abi
        .filter(({ type, name }) => (type === "event" || type === "error") && !neverRaised.includes(name!))
        .map(shape)
        .sort(byName);
    expect(others(ours)).toEqual(others(compiled));
  });

  it("decodes reverts into name, message and named arguments", () => {
    const sender = `0x${"ab".repeat(20)}`;
    const data = encodeError(ERC20_ERRORS.ERC20InsufficientBalance, [sender, "1", "2"]);
    expect(decodeErc20Error(data)).toEqual({
      name: "ERC20InsufficientBalance",
      message: `ERC20InsufficientBalance(sender: ${sender}, balance: 1, needed: 2)`,
      args: { sender, balance: "1", needed: "2" },
    });
    expect(decodeErc20Error(encodeError(SOLIDITY_ERRORS.Error, ["no"]))?.message).toBe("no");
    expect(decodeErc20Error(encodeError(parseAbiError("error Unknown()"), []))).toBeUndefined();
    expect(decodeErc20Error(data.subarray(0, 40))).toBeUndefined();
    expect(decodeErc20Error(bytes())).toBeUndefined();
  });

  it("decodes no log that is not the token's", () => {
    expect(decodeErc20Log([], bytes())).toBeUndefined();
    expect(decodeErc20Log([bytes("11".repeat(32))], bytes())).toBeUndefined();
    expect(abiTypeName(parseAbiType("uint[2][]"))).toBe("uint256[2][]");
  });
});
