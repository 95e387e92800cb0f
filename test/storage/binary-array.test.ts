/** Columns as PostgreSQL reads them: every type, nulls, and as many rows as make them grow while they are filled. */
import { expect, it } from "vitest";
import { BinaryColumn } from "../../src/storage/binary-array.ts";
import { createDatabase, describePostgres, query } from "../support/postgres.ts";

describePostgres("BinaryColumn", () => {
  it.each([0, 1, 2, 700, 5_000])("is read back row by row: %i rows", async (count) => {
    const options = await createDatabase();
    const columns = {
      bytea: new BinaryColumn("bytea"),
      int8: new BinaryColumn("int8"),
      int4: new BinaryColumn("int4"),
      text: new BinaryColumn("text"),
      timestamptz: new BinaryColumn("timestamptz"),
    };
    const expected: unknown[] = [];
    for (let i = 0; i < count; i++) {
      const bytes = Buffer.from(`bytes ${i} `.repeat(i % 12));
      columns.bytea.addBytes(bytes);
      columns.int8.addInt8(Number.MAX_SAFE_INTEGER - i);
      columns.int4.addInt4(i);
      if (i % 3 === 0) columns.text.addNull();
      else columns.text.addText(`text ${"é".repeat(i % 9)}`);
      columns.timestamptz.addTime(1_700_000_000_123 + i);
      expected.push([
        bytes.toString("hex"),
        String(Number.MAX_SAFE_INTEGER - i),
        i,
        i % 3 === 0 ? null : `text ${"é".repeat(i % 9)}`,
        new Date(1_700_000_000_123 + i).toISOString(),
      ]);
    }
    const types = Object.keys(columns);
    const rows = await query(
      options,
      `select encode(a, 'hex') as a, b::text as b, c, d, e from unnest(${types.map((type, i) => `$${i + 1}::${type}[]`).join(", ")}) as t (a, b, c, d, e)`,
      Object.values(columns).map((column) => column.finish()),
    );
    expect(rows.map(({ a, b, c, d, e }) => [a, b, c, d, (e as Date).toISOString()])).toEqual(expected);
  });
});
