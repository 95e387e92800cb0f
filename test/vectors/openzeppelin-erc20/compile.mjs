// Compiles token.sol against the @openzeppelin/contracts and solc installed in the working directory; see README.md.
//   node compile.mjs TOKEN_SOL OUTPUT_JSON
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [source, output] = process.argv.slice(2);
const require = createRequire(join(process.cwd(), "package.json"));
const solc = require("solc");
const settings = {
  optimizer: { enabled: true, runs: 200 },
  evmVersion: "cancun",
  metadata: { bytecodeHash: "none" },
  outputSelection: { "token.sol": { PlainToken: ["abi", "evm.bytecode.object"], FullToken: ["abi", "evm.bytecode.object"] } },
};
const input = { language: "Solidity", sources: { "token.sol": { content: readFileSync(source, "utf8") } }, settings };
const read = (path) => ({ contents: readFileSync(require.resolve(path), "utf8") });
const compiled = JSON.parse(solc.compile(JSON.stringify(input), { import: read }));
const errors = (compiled.errors ?? []).filter(({ severity }) => severity === "error");
if (errors.length > 0) throw new Error(errors.map(({ formattedMessage }) => formattedMessage).join("\n"));

const contracts = Object.entries(compiled.contracts["token.sol"]).map(([name, { abi, evm }]) => [
  name,
  { bytecode: `0x${evm.bytecode.object}`, abi },
]);
const artifact = {
  openzeppelin: require("@openzeppelin/contracts/package.json").version,
  solc: solc.version(),
  settings,
  contracts: Object.fromEntries(contracts),
};
writeFileSync(output, `${JSON.stringify(artifact, null, 1)}\n`);
