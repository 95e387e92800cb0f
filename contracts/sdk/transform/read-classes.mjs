/**
 * Reads the decorated classes of the parsed sources into plain data: what there is to generate, and the ABI.
 *   @contract   one class: @constructor, @view and @entrypoint methods, storage fields
 *   @event, @error, @record   their fields, in order
 *   @remote     abstract methods
 * Every refusal names file, line and what was expected.
 */
import { NodeKind } from "assemblyscript";
import { abiTypeOf } from "./abi-names.mjs";

const KINDS = ["contract", "event", "error", "record", "remote"];
const STORAGE_CLASSES = ["StorageValue", "StorageMap", "StorageMap2"];
const INDEXED_MAX = 3;

export class ContractSourceError extends Error {
  constructor(node, problem) {
    const { source, start } = node.range;
    const line = source.text.slice(0, start).split("\n").length;
    super(`${source.normalizedPath}:${line}: ${problem}`);
    this.name = "ContractSourceError";
  }
}

export function hasDecorator(node, name) {
  return (node.decorators ?? []).some((decorator) => decorator.name.text === name);
}

/** Decorated classes of one source, each `{ kind, name, node, … }`. */
export function readClasses(source) {
  return source.statements.flatMap((node) => {
    if (node.kind !== NodeKind.ClassDeclaration) return [];
    const kinds = KINDS.filter((kind) => hasDecorator(node, kind));
    if (kinds.length === 0) return [];
    if (kinds.length > 1) throw new ContractSourceError(node, `a class is one of @${kinds.join(", @")}`);
    if (node.typeParameters?.length) throw new ContractSourceError(node, `@${kinds[0]} classes are not generic`);
    return [{ kind: kinds[0], name: node.name.text, node, ...READERS[kinds[0]](node) }];
  });
}

const READERS = {
  contract: readContract,
  event(node) {
    const inputs = readFields(node);
    const count = inputs.filter(({ indexed }) => indexed).length;
    if (count > INDEXED_MAX)
      throw new ContractSourceError(node, `an event has at most ${INDEXED_MAX} @indexed fields, this one has ${count}`);
    for (const { indexed, type, field } of inputs) {
      if (indexed && abiTypeOf(type).endsWith("[]"))
        throw new ContractSourceError(field, "an array cannot be @indexed");
    }
    return { inputs };
  },
  error: (node) => ({ inputs: readFields(node) }),
  record(node) {
    const inputs = readFields(node);
    const array = inputs.find(({ type }) => abiTypeOf(type).endsWith("[]"));
    if (array) throw new ContractSourceError(array.field, "a @record holds no arrays: keep them in a StorageMap2");
    return { inputs };
  },
  remote: (node) => ({ methods: methodsOf(node).map((method) => readMethod(method)) }),
};

function readContract(node) {
  const isConstructor = (method) => hasDecorator(method, "constructor");
  const constructors = methodsOf(node).filter(isConstructor);
  if (constructors.length > 1)
    throw new ContractSourceError(constructors[1], "a contract has at most one @constructor method");
  const functions = methodsOf(node).filter(
    (method) => hasDecorator(method, "view") || hasDecorator(method, "entrypoint"),
  );
  const names = functions.map(({ name }) => name.text);
  const twice = functions.find(({ name }, index) => names.indexOf(name.text) !== index);
  if (twice) throw new ContractSourceError(twice, `entrypoint ${twice.name.text} is there twice`);
  const own = methodsOf(node).find(({ name }) => name.text === "constructor");
  if (own && own.signature.parameters.length > 0)
    throw new ContractSourceError(own, "arguments of a deployment go to the method with @constructor");
  checkPrefixes(node);
  return {
    deploy: constructors[0] && readMethod(constructors[0]),
    functions: functions.map((method) => readMethod(method)),
  };
}

function methodsOf(node) {
  return node.members.filter(({ kind }) => kind === NodeKind.MethodDeclaration);
}

function readMethod(method) {
  const { signature } = method;
  const inputs = signature.parameters.map((parameter) => {
    const type = typeText(parameter.type);
    return { name: parameter.name.text, type: requireAbiType(type, parameter, parameter.name.text) };
  });
  const result = typeText(signature.returnType);
  return {
    name: method.name.text,
    node: method,
    inputs,
    /** `void`, a type of the ABI, or a @record: generate.mjs knows which records there are. */
    result,
    isView: hasDecorator(method, "view"),
    isPayable: hasDecorator(method, "payable"),
  };
}

function readFields(node) {
  return node.members
    .filter(({ kind }) => kind === NodeKind.FieldDeclaration)
    .map((field) => {
      if (field.type === null)
        throw new ContractSourceError(field, `field ${field.name.text} needs its type spelled out`);
      const type = requireAbiType(typeText(field.type), field, field.name.text);
      return { name: field.name.text, type, indexed: hasDecorator(field, "indexed"), field };
    });
}

function typeText(type) {
  return type.range.toString().replace(/\s/g, "");
}

function requireAbiType(type, node, name) {
  if (abiTypeOf(type) !== undefined) return type;
  const expected = "Address, U256, Bytes32, Bytes, string, bool, u8 to u64, i8 to i64, or an array of one";
  throw new ContractSourceError(node, `${name}: expected ${expected}, received ${type || "no type"}`);
}

/** Two maps whose prefixes begin alike could write the same key. */
function checkPrefixes(node) {
  const fields = node.members.flatMap((field) => {
    if (field.kind !== NodeKind.FieldDeclaration || field.initializer?.kind !== NodeKind.New) return [];
    const { typeName, args } = field.initializer;
    if (!STORAGE_CLASSES.includes(typeName.identifier.text)) return [];
    const prefix = args[0]?.value;
    if (args.length !== 1 || typeof prefix !== "string" || !/^[\x21-\x7e]+$/.test(prefix)) {
      throw new ContractSourceError(
        field,
        `${field.name.text}: a storage prefix is one literal of visible ASCII characters`,
      );
    }
    return [{ field, prefix }];
  });
  for (const { field, prefix } of fields) {
    const other = fields.find((item) => item.field !== field && item.prefix.startsWith(prefix));
    if (other === undefined) continue;
    throw new ContractSourceError(
      field,
      `storage prefix "${prefix}" of ${field.name.text} begins "${other.prefix}" of ${other.field.name.text}: keys could meet`,
    );
  }
}
