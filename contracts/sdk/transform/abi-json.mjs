/** The contract's interface as Ethereum's JSON ABI. A @record that a method returns is several results, one a field. */
import { abiTypeOf } from "./abi-names.mjs";

function parameters(inputs) {
  return inputs.map(({ name, type }) => ({ name, type: abiTypeOf(type) }));
}

function outputsOf(result, records) {
  if (result === "void") return [];
  const record = records.get(result);
  return record === undefined ? [{ name: "", type: abiTypeOf(result) }] : parameters(record.inputs);
}

export function abiJson(contract, classes, records) {
  const { deploy, functions } = contract;
  const mutability = ({ isView, isPayable }) => (isView ? "view" : isPayable ? "payable" : "nonpayable");
  const named = (kind) => classes.filter((item) => item.kind === kind);
  return [
    {
      type: "constructor",
      stateMutability: deploy?.isPayable ? "payable" : "nonpayable",
      inputs: parameters(deploy?.inputs ?? []),
    },
    ...functions.map((method) => ({
      type: "function",
      name: method.name,
      stateMutability: mutability(method),
      inputs: parameters(method.inputs),
      outputs: outputsOf(method.result, records),
    })),
    ...named("event").map(({ name, inputs }) => ({
      type: "event",
      name,
      inputs: inputs.map((input) => ({ name: input.name, type: abiTypeOf(input.type), indexed: input.indexed })),
    })),
    ...named("error").map(({ name, inputs }) => ({ type: "error", name, inputs: parameters(inputs) })),
  ];
}
