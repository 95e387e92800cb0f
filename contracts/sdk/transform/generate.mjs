/**
 * AssemblyScript for what the decorators promise: `emit`, `revert`, packing, remote calls, and the exports `deploy` and
 * `call`. `sdk` below is the name under which the source imports the SDK.
 */
import { keccak_256 } from "@noble/hashes/sha3.js";
import { abiTypeOf, signatureOf } from "./abi-names.mjs";
import { ContractSourceError } from "./read-classes.mjs";

export const SDK_NAME = "__sdk";

function hashOf(item) {
  return keccak_256(Buffer.from(signatureOf(item), "utf8"));
}

/** The first four bytes of the signature's Keccak-256, as a literal whose first byte is the high one. */
function selectorLiteral(item) {
  return `0x${Buffer.from(hashOf(item).subarray(0, 4)).toString("hex")}`;
}

function parameterList(inputs) {
  return inputs.map(({ name, type }) => `${name}: ${type}`).join(", ");
}

function puts(target, inputs, prefix = "") {
  return inputs.map(({ name, type }) => `${target}.put<${type}>(${prefix}${name});`).join(" ");
}

/** Members that are added to a class with this kind of decorator. */
export const MEMBERS = {
  event({ name, inputs }) {
    const topic = Array.from(hashOf({ name, inputs })).join(", ");
    const indexed = inputs.filter((input) => input.indexed);
    const plain = inputs.filter((input) => !input.indexed);
    return [
      `static emit(${parameterList(inputs)}): void {
        ${SDK_NAME}.beginLog(memory.data<u8>([${topic}]));
        ${indexed.map((input) => `${SDK_NAME}.indexed<${input.type}>(${input.name});`).join(" ")}
        const __data = new ${SDK_NAME}.AbiWriter(0, ${plain.length});
        ${puts("__data", plain)}
        ${SDK_NAME}.endLog(__data);
      }`,
    ];
  },
  error({ name, inputs }) {
    return [
      `static revert(${parameterList(inputs)}): void {
        const __data = new ${SDK_NAME}.AbiWriter(4, ${inputs.length});
        __data.selector(${selectorLiteral({ name, inputs })});
        ${puts("__data", inputs)}
        ${SDK_NAME}.revertWith(__data);
      }`,
    ];
  },
  record({ inputs }) {
    const reads = inputs.map(({ name, type }) => `this.${name} = __in.next<${type}>();`).join(" ");
    return [
      `__pack(__out: ${SDK_NAME}.PackedWriter): void { ${puts("__out", inputs, "this.")} }`,
      `__unpack(__in: ${SDK_NAME}.PackedReader): void { ${reads} }`,
      `__result(__out: ${SDK_NAME}.AbiWriter): void { ${puts("__out", inputs, "this.")} }`,
    ];
  },
};

/** The class that stands in the place of a @remote one. */
export function remoteClass({ name, methods, isExported }) {
  const bodies = methods.map((method) => {
    if (method.result !== "void" && abiTypeOf(method.result) === undefined) {
      throw new ContractSourceError(method.node, `${method.name}: a @remote method returns void or a type of the ABI`);
    }
    return `${method.name}(${parameterList(method.inputs)}): ${method.result} {
      const __input = new ${SDK_NAME}.AbiWriter(4, ${method.inputs.length});
      __input.selector(${selectorLiteral(method)});
      ${puts("__input", method.inputs)}
      ${method.result === "void" ? "" : "return "}this.invoke(__input, ${method.isView})${
        method.result === "void" ? "" : `.next<${method.result}>()`
      };
    }`;
  });
  return `${isExported ? "export " : ""}class ${name} extends ${SDK_NAME}.Remote {
    constructor(__address: ${SDK_NAME}.Address) { super(__address); }
    ${bodies.join("\n")}
  }`;
}

/** Exports `deploy` and `call`: the arguments decoded, the method run, its result encoded. */
export function dispatcher({ name, node, deploy, functions }, records) {
  const seen = new Map();
  const cases = functions.map((method) => {
    const selector = selectorLiteral(method);
    if (seen.has(selector)) {
      throw new ContractSourceError(
        method.node,
        `${method.name} has the selector of ${seen.get(selector)}: rename one`,
      );
    }
    seen.set(selector, method.name);
    return `case ${selector}: { ${invocation(method, records)} return; }`;
  });
  const initial = deploy ?? { name: "", node, inputs: [], result: "void", isPayable: false };
  if (initial.result !== "void") throw new ContractSourceError(initial.node, "a @constructor returns nothing");
  return `
    const __contract = new ${name}();
    function __deploy(): void {
      const __args = ${SDK_NAME}.openInput(0);
      ${deploy === undefined ? refusal(initial) : invocation(initial, records)}
    }
    function __call(): void {
      const __args = ${SDK_NAME}.openInput(4);
      switch (${SDK_NAME}.selector()) {
        ${cases.join("\n")}
        default: ${SDK_NAME}.revertEmpty();
      }
    }
    export { __deploy as deploy, __call as call };`;
}

function refusal({ isPayable }) {
  return isPayable ? "" : `${SDK_NAME}.refuseValue();`;
}

function invocation(method, records) {
  const reads = method.inputs.map(({ type }, index) => `const __${index} = __args.next<${type}>();`).join(" ");
  const run = `__contract.${method.name}(${method.inputs.map((_, index) => `__${index}`).join(", ")})`;
  const begin = `${refusal(method)} ${reads}`;
  if (method.result === "void") return `${begin} ${run};`;
  const record = records.get(method.result);
  if (record === undefined && abiTypeOf(method.result) === undefined) {
    throw new ContractSourceError(
      method.node,
      `${method.name} returns ${method.result}: expected void, a type of the ABI or a @record`,
    );
  }
  const count = record === undefined ? 1 : record.inputs.length;
  const put = record === undefined ? `__out.put<${method.result}>(__value);` : "__value.__result(__out);";
  return `${begin} const __value = ${run}; const __out = new ${SDK_NAME}.AbiWriter(0, ${count}); ${put} ${SDK_NAME}.finish(__out);`;
}
