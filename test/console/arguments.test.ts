/** What people type for the arguments of an entrypoint, and what the daemon is sent. */
import { describe, expect, it } from "vitest";
import { argumentOf, declarationsOf, namedArguments } from "../../src/console/model/abi.ts";
import { parseAbiEvent, parseAbiFunction, toAbiItem } from "../../src/encoding/abi.ts";
import { encodeParameters } from "../../src/encoding/abi-codec.ts";
import { parseAbiType } from "../../src/encoding/abi-types.ts";
import { encodeBech32 } from "../../src/encoding/bech32.ts";
import { fromHex } from "../../src/encoding/hex.ts";

const MAX = (2n ** 256n - 1n).toString();
const ALICE = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const BECH32 = encodeBech32("poly", fromHex(ALICE)!);

const argument = (type: string, typed: string) => argumentOf({ name: "x", type }, typed);

describe("an argument", () => {
  it.each<[type: string, typed: string, sent: unknown]>([
    ["uint256", MAX, MAX],
    ["uint256", " 1_000,000 ", "1000000"],
    ["int256", "-57896044618658097711785492504343953926634992332820282019728792003956564819968", expect.anything()],
    ["int8", "-5", "-5"],
    ["bool", "true", true],
    ["string", "  as it is ", "  as it is "],
    ["bytes", "0x", "0x"],
    ["bytes32", `0x${"ab".repeat(32)}`, `0x${"ab".repeat(32)}`],
    ["address", ALICE, ALICE],
    ["address", BECH32, ALICE.toLowerCase()],
    ["uint256[]", `[1, "2", ${MAX}]`, ["1", "2", MAX]],
    ["int64[2]", "[-1, 9007199254740993]", ["-1", "9007199254740993"]],
    ["uint32[][]", "[[], [1, 2]]", [[], ["1", "2"]]],
    ["string[]", '["1, [2]", "say \\"3\\""]', ["1, [2]", 'say "3"']],
    ["bool[]", "[true, false]", [true, false]],
    ["address[]", `["${ALICE}"]`, [ALICE]],
  ])("of type %s, typed as %s, keeps its value and is one that the ABI takes", (type, typed, sent) => {
    const value = argument(type, typed);
    expect(value).toEqual(sent);
    expect(encodeParameters([parseAbiType(type)], [value]).length).toBeGreaterThanOrEqual(32);
  });

  it.each([
    ["uint256", "1.5", "a whole number in base units"],
    ["uint256", "", "a whole number in base units"],
    ["bool", "yes", "true or false"],
    ["address", "0x12", "an address"],
    ["address", `${BECH32.slice(0, -1)}q`, "an address"],
    ["bytes", "0xabc", "an even number of hex digits"],
    ["uint256[]", "1, 2", "a JSON array"],
    ["uint256[]", "[1.5]", "a JSON array"],
  ])("of type %s, typed as %s, is refused: %s", (type, typed, expected) => {
    expect(() => argument(type, typed)).toThrow(expected);
  });
});

describe("an interface", () => {
  const abi = [
    toAbiItem(parseAbiFunction("function transfer(address to, uint256 value) returns (bool)")),
    toAbiItem(parseAbiFunction("function total() view returns (uint256, bool isFinal)")),
    toAbiItem(parseAbiFunction("function twice(uint256, uint256)")),
    toAbiItem(parseAbiEvent("event Transfer(address indexed from, address indexed to, uint256 value)")),
  ];

  it("is shown as one reads it in a source", () => {
    expect(declarationsOf(abi)).toEqual([
      "function transfer(address to, uint256 value) returns (bool)",
      "function total() view returns (uint256, bool isFinal)",
      "function twice(uint256, uint256)",
      "event Transfer(address indexed from, address indexed to, uint256 value)",
    ]);
  });

  it("gives arguments their names, where it has them", () => {
    expect(namedArguments(abi, "transfer", [ALICE, "1"])).toEqual({ to: ALICE, value: "1" });
    expect(namedArguments(abi, "twice", ["1", "2"])).toEqual(["1", "2"]);
    expect(namedArguments(abi, "transfer", ["1"])).toEqual(["1"]);
    expect(namedArguments([], "anything", [])).toEqual([]);
  });
});
