/** New code over the state of old code: what keeps its prefix keeps its data. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { artifactPaths, compile, readAbi } from "../../contracts/build.mjs";
import { loadArtifact } from "../../contracts/sdk/testing/artifact.ts";
import { TestChain } from "../../contracts/sdk/testing/test-chain.ts";
import type { ContractAbi } from "../../src/encoding/abi.ts";
import { alice } from "../support/contract-calls.ts";

it("finds the state that the code before it wrote", async () => {
  const chain = new TestChain();
  const before = chain.deploy(await loadArtifact("counter"), ["5"], { from: alice });
  before.call("increment", ["2"], { from: alice });

  const source = readFileSync(artifactPaths("counter").source, "utf8").replace(
    "@view\n  value()",
    "@entrypoint\n  reset(): void {\n    this.total.delete();\n  }\n\n  @view\n  value()",
  );
  const path = "counter/assembly/counter-2.ts";
  const code = await compile(path, (name) => (name === path ? source : undefined));
  const after = chain.upgrade(before, { name: "counter", code, abi: readAbi(code) as ContractAbi });

  expect([after.query("value"), after.query("shareOf", [alice])]).toEqual(["7", "2"]);
  after.call("reset", [], { from: alice });
  expect([after.query("value"), after.query("shareOf", [alice])]).toEqual(["0", "2"]);
});
