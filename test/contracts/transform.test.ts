/** What the compiler's transform makes of decorated sources, and what it refuses, naming the place. */
import { describe, expect, it } from "vitest";
import { compile, readAbi } from "../../contracts/build.mjs";

const PATH = "sample/assembly/sample.ts";
const IMPORTS =
  'import { Address, Bytes, StorageMap, StorageValue, U256 } from "../../sdk/assembly";\nimport { Erc20 } from "../../sdk/assembly/erc20";\n';

function build(source: string, imports = IMPORTS) {
  return compile(PATH, (path) => (path === PATH ? imports + source : undefined));
}

describe("the ABI", () => {
  it("is in the module: constructor, functions, events, errors, with a record's fields as results", async () => {
    const code = await build(`
      @event class Moved { @indexed by: Address; amount: U256; }
      @error class Stuck { at: u32; }
      @record class Pair { left: u8 = 0; right: string = ""; }
      @contract class Sample {
        @constructor @payable start(names: string[]): void {}
        @view pair(): Pair { return new Pair(); }
        @entrypoint @payable move(to: Address, data: Bytes): Array<U256> { Moved.emit(to, U256.ONE); return []; }
        helper(anything: f64): f64 { return anything; }
      }`);
    expect(readAbi(code)).toEqual([
      { type: "constructor", stateMutability: "payable", inputs: [{ name: "names", type: "string[]" }] },
      {
        type: "function",
        name: "pair",
        stateMutability: "view",
        inputs: [],
        outputs: [
          { name: "left", type: "uint8" },
          { name: "right", type: "string" },
        ],
      },
      {
        type: "function",
        name: "move",
        stateMutability: "payable",
        inputs: [
          { name: "to", type: "address" },
          { name: "data", type: "bytes" },
        ],
        outputs: [{ name: "", type: "uint256[]" }],
      },
      {
        type: "event",
        name: "Moved",
        inputs: [
          { name: "by", type: "address", indexed: true },
          { name: "amount", type: "uint256", indexed: false },
        ],
      },
      { type: "error", name: "Stuck", inputs: [{ name: "at", type: "uint32" }] },
    ]);
  });

  it("of a contract without a constructor takes no arguments", async () => {
    const code = await build("@contract class Sample { @view one(): u8 { return 1; } }");
    expect(readAbi(code)[0]).toEqual({ type: "constructor", stateMutability: "nonpayable", inputs: [] });
    const module = new WebAssembly.Module(code);
    expect(
      WebAssembly.Module.exports(module)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(["call", "deploy", "memory"]);
  });
});

const REFUSED: [rule: string, source: string, message: string][] = [
  ["no contract", "class Sample {}", "expected one class with @contract, found none"],
  ["two contracts", "@contract class A {}\n@contract class B {}", "expected one class with @contract, found A, B"],
  [
    "a parameter of no type of the ABI",
    "@contract class A {\n@view f(x: f64): void {} }",
    `${PATH}:4: x: expected Address, U256, Bytes32, Bytes, string, bool, u8 to u64, i8 to i64, or an array of one, received f64`,
  ],
  [
    "a result of no type of the ABI",
    "@contract class A { @view f(): Map<u8, u8> { return new Map(); } }",
    "f returns Map<u8,u8>",
  ],
  [
    "two entrypoints of one name",
    "@contract class A { @view f(): void {} @view f(): void {} }",
    "entrypoint f is there twice",
  ],
  [
    "two constructors",
    "@contract class A { @constructor a(): void {} @constructor b(): void {} }",
    "at most one @constructor",
  ],
  [
    "a constructor that returns",
    "@contract class A { @constructor a(): u8 { return 1; } }",
    "a @constructor returns nothing",
  ],
  [
    "deployment arguments of the class itself",
    "@contract class A { constructor(x: u8) {} }",
    "go to the method with @constructor",
  ],
  [
    "prefixes that begin alike",
    '@contract class A { a: StorageValue<u8> = new StorageValue("x"); b: StorageMap<u8, u8> = new StorageMap("xy"); }',
    'storage prefix "x" of a begins "xy" of b',
  ],
  [
    "a prefix twice",
    '@contract class A { a: StorageValue<u8> = new StorageValue("x"); b: StorageValue<u8> = new StorageValue("x"); }',
    'storage prefix "x" of a begins "x" of b',
  ],
  [
    "a prefix that is no literal",
    'const P = "x"; @contract class A { a: StorageValue<u8> = new StorageValue(P); }',
    "a storage prefix is one literal",
  ],
  [
    "an empty prefix",
    '@contract class A { a: StorageValue<u8> = new StorageValue(""); }',
    "a storage prefix is one literal of visible ASCII characters",
  ],
  [
    "four indexed fields",
    "@event class E { @indexed a: u8; @indexed b: u8; @indexed c: u8; @indexed d: u8; } @contract class A {}",
    "an event has at most 3 @indexed fields, this one has 4",
  ],
  ["an indexed array", "@event class E { @indexed a: u8[]; } @contract class A {}", "an array cannot be @indexed"],
  ["an array in a record", "@record class R { a: u8[] = []; } @contract class A {}", "a @record holds no arrays"],
  ["a class with two decorators", "@event @error class E {} @contract class A {}", "a class is one of @event, @error"],
  [
    "a signed integer as a key",
    '@contract class A { a: StorageMap<i8, u8> = new StorageMap("x"); @view f(): u8 { return this.a.get(1); } }',
    "signed integers cannot be keys",
  ],
  [
    "what is no AssemblyScript",
    "@contract class A { @view f(): u8 { return nothing; } }",
    "Cannot find name 'nothing'",
  ],
];

describe("the transform refuses", () => {
  it.each(REFUSED)("%s", async (_, source, message) => {
    await expect(build(source)).rejects.toThrow(message);
  });

  it("selectors that meet", async () => {
    const source = "@contract class A { @view f9g4(): void {} @view fzom(): void {} }";
    await expect(build(source)).rejects.toThrow("fzom has the selector of f9g4: rename one");
  });

  it("decorated classes where the SDK is not imported", async () => {
    await expect(build("@contract class A {}", "")).rejects.toThrow('expected an import from "…/sdk/assembly"');
  });
});
