/** Parsing of what contracts answer: strict, exact, and never anything but a result or InvalidOutput. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nativeAmount } from "../../src/engines/wasm/cosmwasm/coins.ts";
import { encodeEvent, responseEvents } from "../../src/engines/wasm/cosmwasm/events.ts";
import { asU64, fromBase64, parseJson, toBase64 } from "../../src/engines/wasm/cosmwasm/guest-json.ts";
import { PlainLogs, plainAttributes } from "../../src/engines/wasm/cosmwasm/plain-response.ts";
import { parseQueryResult, parseResponse } from "../../src/engines/wasm/cosmwasm/response.ts";
import { Halt } from "../../src/execution/gas.ts";

const bytes = (text: string) => new Uint8Array(Buffer.from(text));

function parsed(run: () => unknown): unknown {
  try {
    return run();
  } catch (thrown) {
    if (thrown instanceof Halt && thrown.reason === "InvalidOutput") return "InvalidOutput";
    throw thrown;
  }
}

describe("a contract's JSON", () => {
  it("keeps whole numbers of 64 bits exactly, and what looks like them in strings as it is", () => {
    const value = parseJson(bytes('{"a":18446744073709551615,"b":"18446744073709551615","c":[9007199254740993,1]}'));
    const { a, b, c } = value as { a: unknown; b: unknown; c: unknown[] };
    expect(asU64(a)).toBe("18446744073709551615");
    expect(b).toBe("18446744073709551615");
    expect([asU64(c[0]), asU64(c[1])]).toEqual(["9007199254740993", "1"]);
    expect(parseJson(bytes('{"f":0.12345678901234567890,"e":1e5,"q":"\\"1234567890123456789"}'))).toEqual({
      f: 0.12345678901234568,
      e: 100_000,
      q: '"1234567890123456789',
    });
  });

  it("has no numbers of more than 64 bits, below zero, or with a fraction", () => {
    for (const text of ["18446744073709551616", "-1", "-9007199254740993", "1.5", "1e300", '"5"', "null"])
      expect([text, parsed(() => asU64(parseJson(bytes(text))))]).toEqual([text, "InvalidOutput"]);
  });

  it("is UTF-8", () => {
    expect(parseJson(Uint8Array.of(0x22, 0xff, 0x22))).toBeUndefined();
    expect(parseJson(bytes("\ufeff{}"))).toBeUndefined();
  });

  it("has Base64 of the standard alphabet, padded, and no other", () => {
    for (const text of ["AQ", "AQ=", "AQ==\n", "A-_B", "AR==", " AQ=="])
      expect([text, fromBase64(text)]).toEqual([text, undefined]);
    fc.assert(fc.property(fc.uint8Array(), (data) => void expect(fromBase64(toBase64(data))).toEqual(data)));
  });

  it("parses or halts, however it is damaged", () => {
    const message = {
      wasm: { execute: { contract_addr: "poly1x", msg: "e30=", funds: [{ denom: "x", amount: "1" }] } },
    };
    const whole = JSON.stringify({
      ok: {
        messages: [{ id: 1, msg: message, reply_on: "always", gas_limit: 5 }],
        attributes: [{ key: "a", value: "b" }],
        events: [{ type: "abc", attributes: [] }],
        data: "AQ==",
      },
    });
    const outcomes = new Set<string>();
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(8), fc.string({ maxLength: 3 }), (at, cut, text) => {
        const damaged = bytes(whole.slice(0, at) + text + whole.slice(at + cut));
        outcomes.add(typeof parsed(() => parseResponse(damaged)));
        parsed(() => parseQueryResult(damaged));
      }),
      { numRuns: 2_000 },
    );
    // Some damage is none: both come up.
    expect(outcomes).toEqual(new Set(["object", "string"]));
  });

  it("as deep as it likes does not exhaust the stack", () => {
    const deep = bytes(`{"ok":${"[".repeat(200_000)}${"]".repeat(200_000)}}`);
    expect(parsed(() => parseResponse(deep))).toBe("InvalidOutput");
  });
});

describe("coins", () => {
  it("are worth their sum in the chain's denomination", () => {
    const coin = (amount: string, denom = "upoly") => ({ amount, denom });
    const max = String((1n << 128n) - 1n);
    expect(nativeAmount([], "upoly")).toBe(0n);
    expect(nativeAmount([coin("5"), coin("7"), coin("0", "uatom")], "upoly")).toBe(12n);
    expect(nativeAmount([coin(max)], "upoly")).toBe((1n << 128n) - 1n);
    expect(nativeAmount([coin(max), coin("1")], "upoly")).toMatch(/no uint128/);
    expect(nativeAmount([coin("1", "uatom")], "upoly")).toMatch(/^insufficient funds/);
    for (const amount of ["", "-1", "1.0", "01", "0x1", " 1", "1e3", `${max}0`])
      expect([amount, typeof nativeAmount([coin(amount)], "upoly")]).toEqual([amount, "string"]);
  });
});

describe("a plain answer", () => {
  const CONTRACT = "poly1contract";
  const answer = (attributes: unknown, more = {}) =>
    bytes(JSON.stringify({ ok: { messages: [], attributes, events: [], data: null, ...more } }));
  const texts = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'ab _"\\,{}[]:~\u007fé'.split("")) }),
    fc.string({ unit: "grapheme" }),
    fc.constantFrom("action", "transfer", "_contract_address", ""),
  );

  it("leaves the log that parsing and writing it would leave, whatever its attributes are", () => {
    const attributes = fc.array(fc.record({ key: texts, value: texts }), { maxLength: 4 });
    let plain = 0;
    fc.assert(
      fc.property(attributes, (list) => {
        const found = plainAttributes(answer(list));
        if (found === undefined) return;
        plain++;
        const result = parseResponse(answer(list));
        const events = "ok" in result ? responseEvents(result.ok, CONTRACT) : "an error";
        const logs = found.length === 0 ? [] : [new PlainLogs(CONTRACT).wasm(found)];
        expect(logs.map((log) => Buffer.from(log).toString())).toEqual(
          (events as Exclude<typeof events, string>).map((event) => Buffer.from(encodeEvent(event)).toString()),
        );
      }),
      { numRuns: 2_000 },
    );
    expect(plain).toBeGreaterThan(100);
  });

  it("is none with messages, events, data, spaces to trim, reserved or empty keys, or anything behind it", () => {
    const one = [{ key: "a", value: "b" }];
    expect(Buffer.from(plainAttributes(answer(one))!).toString()).toBe('{"key":"a","value":"b"}');
    expect(plainAttributes(answer([]))).toHaveLength(0);
    for (const other of [
      answer(one, { messages: [1] }),
      answer(one, { events: [1] }),
      answer(one, { data: "" }),
      answer([{ key: " a", value: "b" }]),
      answer([{ key: "a", value: "b " }]),
      answer([{ key: "_a", value: "b" }]),
      answer([{ key: "", value: "b" }]),
      answer([{ key: "a", value: 1 }]),
      answer([{ key: "a", value: "b", c: 1 }]),
      bytes(`${Buffer.from(answer(one)).toString()} `),
    ])
      expect([Buffer.from(other).toString(), plainAttributes(other)]).toEqual([
        Buffer.from(other).toString(),
        undefined,
      ]);
  });

  it("is found in no answer that is cut off", () => {
    const whole = answer([
      { key: "a", value: "b" },
      { key: "c", value: "d" },
    ]);
    for (let length = 0; length < whole.length; length++)
      expect(plainAttributes(whole.subarray(0, length))).toBeUndefined();
  });
});
