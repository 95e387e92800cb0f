/**
 * Writes a TypeScript client of one contract: a class with a method for each entrypoint, and types for its events and
 * errors. It needs nothing but this package's client (client/contract-client.ts), and passes strict type checking.
 */
import type { AbiFunction, AbiInput } from "../../encoding/abi.ts";
import { RejectedError } from "../../errors.ts";
import { type ContractModel, readContractModel } from "./contract-model.ts";
import {
  answerType,
  argumentType,
  className,
  eventArgumentType,
  memberNames,
  methodNames,
  parameterNames,
  resultType,
} from "./typescript-names.ts";

export interface ClientOptions {
  /** Of the contract: `token` becomes the class Token. */
  readonly name: string;
  /** Where the generated module imports from. */
  readonly clientModule?: string;
}

/**
 * @param abi Ethereum's JSON ABI, as `contract_get` answers it or a build writes it.
 * @returns the module's source. @throws RejectedError VALIDATION_ERROR for an ABI that is none.
 */
export function generateClient(abi: unknown, options: ClientOptions): string {
  const model = readContractModel(abi);
  const name = className(options.name);
  const module = options.clientModule ?? "polytorus/client";
  if (/["\\\n\r]/.test(module))
    throw new RejectedError("VALIDATION_ERROR", `clientModule: expected a module's name, received ${module}`, {
      path: "clientModule",
    });
  return `${[
    header(name, module),
    `const ABI: ContractAbi = ${JSON.stringify(model.abi, null, 2)};`,
    union(
      `${name}Event`,
      model.events.map((event) => [event.name, fields(event.inputs, eventArgumentType)]),
    ),
    union(
      `${name}Error`,
      model.errors.map((error) => [error.name, fields(error.inputs, ({ type }) => resultType(type))]),
    ),
    contractClass(name, model),
  ].join("\n\n")}\n`;
}

function header(name: string, module: string): string {
  return `/** Typed client of the contract ${name}. Written by \`polytorus contract gen-client\`: changes are lost when it runs again. */
import {
  type Caller,
  type ContractAbi,
  ContractClient,
  type ContractOptions,
  type DeployOptions,
  deployContract,
  type QueryOptions,
  type SendOptions,
  type Sent,
} from "${module}";`;
}

function union(name: string, variants: readonly (readonly [string, string])[]): string {
  if (variants.length === 0) return `export type ${name} = never;`;
  const lines = variants.map(([variant, args]) => `  | { readonly name: "${variant}"; readonly args: ${args} }`);
  return `export type ${name} =\n${lines.join("\n")};`;
}

function fields(inputs: readonly AbiInput[], typeOf: (input: AbiInput) => string): string {
  if (inputs.length === 0) return "Readonly<Record<string, never>>";
  const names = memberNames(inputs);
  return `{ ${inputs.map((input, index) => `readonly ${names[index]}: ${typeOf(input)}`).join("; ")} }`;
}

function contractClass(name: string, model: ContractModel): string {
  const names = methodNames(model.functions);
  const methods = model.functions.map((fn) => method(fn, names.get(fn.signature)!, name));
  return `export class ${name} extends ContractClient<${name}Event, ${name}Error> {
  constructor(client: Caller, address: string, options: ContractOptions = {}) {
    super(client, address, ABI, options);
  }

${deployment(name, model.deployment)}
${methods.map((text) => `\n${text}`).join("\n")}
}`;
}

function deployment(name: string, inputs: readonly AbiInput[]): string {
  const names = memberNames(inputs);
  const members = inputs.map((input, index) => `${names[index]}: ${argumentType(input.type)}`);
  const init = members.length === 0 ? "" : `init: { ${members.join("; ")} }, `;
  return `  /** Deploys the contract's module, as bytes or 0x hex, and answers a client of it whose sender is the deployer. */
  static async deploy(client: Caller, code: Uint8Array | string, ${init}options: DeployOptions): Promise<${name}> {
    const address = await deployContract(client, code, [${names.map((key) => `init.${key}`).join(", ")}], options);
    return new ${name}(client, address, { sender: options.sender });
  }`;
}

function method(fn: AbiFunction, name: string, contract: string): string {
  const names = parameterNames(fn.inputs);
  const parameters = fn.inputs.map((input, index) => `${names[index]}: ${argumentType(input.type)}`);
  const answer = answerType(fn);
  const isView = fn.stateMutability === "view" || fn.stateMutability === "pure";
  const result = isView ? answer : `Sent<${answer}, ${contract}Error>`;
  const run = isView ? "queryContract" : "sendTransaction";
  const list = [...parameters, `options: ${isView ? "QueryOptions" : "SendOptions"} = {}`].join(", ");
  return `  /** ${isView ? "Asks" : "Sends"} ${fn.signature}${fn.stateMutability === "payable" ? ", which takes native value" : ""}. */
  async ${name}(${list}): Promise<${result}> {
    return (await this.${run}("${fn.signature}", [${names.join(", ")}], options)) as ${result};
  }`;
}
