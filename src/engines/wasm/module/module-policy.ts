/** Holds a module's imports and exports against the ABI that it says it follows. */
import { ModuleRejected } from "./module-rejected.ts";
import { type ModuleShape, typeOfFunction } from "./module-shape.ts";
import { describeType, type FunctionType, isSameType } from "./wasm-types.ts";

/** Names that metering adds. */
const RESERVED_PREFIX = "$";
const MEMORY = "memory";

/** @throws ModuleRejected when something is imported that is not in `allowed`, or with another type. */
export function checkImports(shape: ModuleShape, allowed: ReadonlyMap<string, FunctionType>): void {
  for (const { module, name, typeIndex, offset } of shape.imports) {
    const key = `${module}.${name}`;
    const expected = allowed.get(key);
    if (expected === undefined) {
      const known = [...allowed.keys()].sort().join(", ");
      throw new ModuleRejected(
        "import-not-allowed",
        offset,
        `expected an import of the ABI (${known}), received ${key}`,
        {
          import: key,
        },
      );
    }
    const received = shape.types[typeIndex];
    if (received !== undefined && isSameType(expected, received)) continue;
    const types = {
      expected: describeType(expected),
      received: received === undefined ? "none" : describeType(received),
    };
    throw new ModuleRejected(
      "import-type",
      offset,
      `expected ${key} to be imported as ${types.expected}, received ${types.received}`,
      { import: key, ...types },
    );
  }
}

/** @throws ModuleRejected when `memory` or one of `required` is missing or of another type, or a name is reserved. */
export function checkExports(shape: ModuleShape, required: ReadonlyMap<string, FunctionType>): void {
  const byName = new Map(shape.exports.map((item) => [item.name, item]));
  for (const { name, offset } of shape.exports) {
    if (!name.startsWith(RESERVED_PREFIX)) continue;
    throw new ModuleRejected("export-reserved", offset, `expected no export that begins with "$", received ${name}`, {
      export: name,
    });
  }
  const memory = byName.get(MEMORY);
  if (memory?.kind !== "memory") {
    const received = memory === undefined ? "none" : `a ${memory.kind}`;
    throw missing(memory?.offset ?? 0, `expected the export "memory" to be a memory, received ${received}`, MEMORY);
  }
  for (const [name, expected] of required) {
    const item = byName.get(name);
    if (item === undefined)
      throw missing(0, `expected the export "${name}" of ${describeType(expected)}, received none`, name);
    const received = item.kind === "function" ? typeOfFunction(shape, item.index) : undefined;
    if (received !== undefined && isSameType(expected, received)) continue;
    const types = { expected: describeType(expected), received: received ? describeType(received) : `a ${item.kind}` };
    throw new ModuleRejected(
      "export-type",
      item.offset,
      `expected the export "${name}" to be a function of ${types.expected}, received ${types.received}`,
      { export: name, ...types },
    );
  }
}

function missing(offset: number, problem: string, name: string): ModuleRejected {
  return new ModuleRejected("export-missing", offset, problem, { export: name });
}
