/** Bech32 both ways, after BIP-173's own vectors, and addresses as CosmWasm contracts hold them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBech32, encodeBech32 } from "../../src/encoding/bech32.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { Addresses, predictAddress } from "../../src/engines/wasm/cosmwasm/addresses.ts";

const addresses = new Addresses("poly");
const bytes20 = fc.uint8Array({ minLength: 20, maxLength: 20 });

describe("Bech32", () => {
  it("agrees with addresses of other chains", () => {
    // cosmwasm-std's own example of a canonical address and its text.
    const text = "cosmos1fl48vsnmsdzcv85q5d2q4z5ajdha8yu34mf0eh";
    const bytes = decodeBech32("cosmos", text);
    expect(bytes).toBeInstanceOf(Uint8Array);
    expect(encodeBech32("cosmos", bytes as Uint8Array)).toBe(text);
  });

  it("takes BIP-173's checksums and refuses what it refuses", () => {
    expect(decodeBech32("a", "a12uel5l")).toEqual(new Uint8Array(0));
    expect(decodeBech32("split", "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w")).toBeInstanceOf(
      Uint8Array,
    );
    for (const [prefix, text] of [
      ["split", "split1checkupstagehandshakeupstreamerranterredcaperred2y9e2w"],
      ["split", "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3W"],
      ["split", "split1cheo2y9e2w"],
      ["split", "split1a2y9w"],
      ["li", "li1dgmt3"],
      ["a", "A12UEL5L"],
      ["a", "b12uel5l"],
    ] as const) {
      expect([text, typeof decodeBech32(prefix, text)]).toEqual([text, "string"]);
    }
  });

  it("comes back as it went for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const text = encodeBech32("poly", bytes);
        expect(decodeBech32("poly", text)).toEqual(bytes);
      }),
    );
  });

  it("finds any wrong character", () => {
    fc.assert(
      fc.property(bytes20, fc.nat(36), fc.constantFrom(..."qpzry9x8gf2tvdw0s3jn54khce6mua7l"), (bytes, at, char) => {
        const text = encodeBech32("poly", bytes);
        const index = 5 + (at % (text.length - 5));
        if (text[index] === char) return;
        expect(typeof decodeBech32("poly", text.slice(0, index) + char + text.slice(index + 1))).toBe("string");
      }),
    );
  });
});

describe("addresses", () => {
  it("have one text each, remembered or not", () => {
    fc.assert(
      fc.property(bytes20, (bytes) => {
        const text = addresses.text(bytes);
        expect(addresses.text(bytes.slice())).toBe(text);
        expect(addresses.parse(text)).toEqual(bytes);
        expect(addresses.parse(text)).toEqual(bytes);
        expect(typeof addresses.parse(text.toUpperCase())).toBe("string");
      }),
    );
  });

  it("have 20 bytes and this chain's prefix", () => {
    const bytes = new Uint8Array(32).fill(7);
    expect(addresses.parse(encodeBech32("poly", bytes))).toBe("address has 32 bytes, expected 20");
    expect(addresses.parse(encodeBech32("cosmos", bytes.subarray(0, 20)))).toBe("address does not begin with poly1");
    expect(addresses.parse("x".repeat(257))).toBe("address is longer than 256 characters");
    expect(addresses.humanize(bytes.subarray(0, 19))).toBeUndefined();
    expect(addresses.humanize(bytes)).toBe(addresses.text(bytes.subarray(0, 20)));
  });

  it("are predicted as instantiate2_address of cosmwasm-std does", () => {
    // The first of its published vectors: checksum, creator, salt 0x61, no message.
    const checksum = fromHex("0x13a1fc994cc6d1c81b746ee0c0ff6f90043875e0bf1d9be6b7d779fc978dc2a5")!;
    const creator = fromHex("0x9999999999aaaaaaaaaabbbbbbbbbbcccccccccc")!;
    expect(toHex(predictAddress(checksum, creator, Uint8Array.of(0x61), new Uint8Array(0)))).toBe(
      "0x5e865d3e45ad3e961f77fd77d46543417ced44d924dc3e079b5415ff6775f847",
    );
  });
});
