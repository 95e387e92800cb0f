/** Random histories: blocks that write a few of ten keys, or remove them, and rollbacks of up to four blocks. */
import fc from "fast-check";

export type Move = { block: [number, string | undefined][] } | { back: number };

export const moves: fc.Arbitrary<Move[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        block: fc.array(fc.tuple(fc.nat(9), fc.option(fc.string({ maxLength: 5 }), { nil: undefined })), {
          maxLength: 5,
        }),
      }),
    },
    fc.record({ back: fc.nat(4) }),
  ),
  { minLength: 1, maxLength: 25 },
);
