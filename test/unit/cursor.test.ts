/** Cursors of pages: opaque text, of which nothing but what was given out is taken. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeCursor, decodeHistoryCursor, encodeCursor, encodeHistoryCursor } from "../../src/service/cursor.ts";

const refusal = expect.objectContaining({
  code: "VALIDATION_ERROR",
  facts: expect.objectContaining({ path: "cursor" }),
});

it("comes back as the position that it stands for, in text that a URL takes as it is", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (position) => {
      const cursor = encodeCursor(position)!;
      expect(encodeURIComponent(cursor)).toBe(cursor);
      expect(decodeCursor(cursor)).toEqual(position);
    }),
  );
  const place = { seq: 7, transactionIndex: 2, logIndex: 1 };
  expect(decodeHistoryCursor(encodeHistoryCursor(place))).toEqual(place);
  expect([encodeCursor(undefined), decodeCursor(undefined)]).toEqual([undefined, undefined]);
});

it("is refused with any bit changed, and cut short anywhere", () => {
  const cursor = Buffer.from(encodeHistoryCursor({ seq: 1_234, transactionIndex: 5, logIndex: 6 })!, "base64url");
  for (let bit = 0; bit < 8 * cursor.length; bit++) {
    const changed = Buffer.from(cursor);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    expect(() => decodeHistoryCursor(changed.toString("base64url"))).toThrow(refusal);
  }
  for (let length = 0; length < cursor.length; length++)
    expect(() => decodeHistoryCursor(cursor.subarray(0, length).toString("base64url"))).toThrow(refusal);
});
