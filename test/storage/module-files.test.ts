/** Files of rewritten modules: what is put is found again, bounded, and trouble with the disk stops nobody. */
import { mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { toHex } from "../../src/encoding/hex.ts";
import { ModuleFiles } from "../../src/storage/module-files.ts";
import { bundle } from "../support/bundle.ts";
import { runAsNobody } from "../support/run-as-nobody.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const MODULE = (length: number) => new Uint8Array(length).fill(length);

function open(directory = join(temporaryDirectory(), "modules"), bytesMax = 1_000) {
  const reports: string[] = [];
  const files = new ModuleFiles({ directory, bytesMax, report: (message) => reports.push(message) });
  return { directory, files, reports };
}

it("finds what was put, in this process and the next, readable by nobody else", async () => {
  const { directory, files, reports } = open();
  expect(files.get("v1-a")).toBeUndefined();
  files.put("v1-a", MODULE(10));
  await files.settled();
  for (const reader of [files, open(directory).files])
    expect(toHex(reader.get("v1-a") ?? MODULE(0))).toBe(toHex(MODULE(10)));
  expect(statSync(join(directory, "v1-a.ptwm")).mode & 0o777).toBe(0o600);
  expect(reports).toEqual([]);
});

it("replaces a file as a whole, and counts its bytes once", async () => {
  const { directory, files } = open(undefined, 100);
  for (let length = 40; length <= 60; length++) files.put("v1-a", MODULE(length));
  files.put("v1-b", MODULE(40));
  await files.settled();
  expect(readdirSync(directory).sort()).toEqual(["v1-a.ptwm", "v1-b.ptwm"]);
  expect(files.get("v1-a")).toHaveLength(60);
});

it("stays within its bytes: what was used longest ago leaves, also over a restart", async () => {
  const { directory, files } = open(undefined, 100);
  for (const name of ["a", "b"]) files.put(name, MODULE(40));
  await files.settled();
  files.get("a");
  files.put("c", MODULE(40));
  await files.settled();
  expect(readdirSync(directory).sort()).toEqual(["a.ptwm", "c.ptwm"]);
  utimesSync(join(directory, "c.ptwm"), 1, 1);
  const again = open(directory, 100).files;
  again.put("d", MODULE(60));
  await again.settled();
  expect(readdirSync(directory).sort()).toEqual(["a.ptwm", "d.ptwm"]);
  again.put("e", MODULE(101));
  await again.settled();
  expect(readdirSync(directory).sort()).toEqual(["a.ptwm", "d.ptwm"]);
});

it("removes the drafts of a crash, and nothing that is not its own", async () => {
  const { directory, files } = open();
  mkdirSync(directory);
  for (const name of ["v1-a.ptwm.1-0.draft", "notes.txt"]) writeFileSync(join(directory, name), "x");
  files.put("v1-b", MODULE(10));
  await files.settled();
  expect(readdirSync(directory).sort()).toEqual(["notes.txt", "v1-b.ptwm"]);
});

it("reports once that it can neither read nor write, and throws nothing", async () => {
  const path = join(temporaryDirectory(), "modules");
  writeFileSync(path, "a file where the directory should be");
  const { files, reports } = open(path);
  expect(files.get("a")).toBeUndefined();
  for (const name of ["a", "b"]) files.put(name, MODULE(10));
  await files.settled();
  expect(reports).toEqual(["cannot read a rewritten WebAssembly module", "cannot keep a rewritten WebAssembly module"]);
});

it("reads from a directory that it may not write to, and reports that it keeps nothing", async () => {
  const { directory, files } = open();
  files.put("a", MODULE(10));
  await files.settled();
  const script = await bundle({
    code: `import { ModuleFiles } from "./src/storage/module-files.ts";
    const reports = [];
    const files = new ModuleFiles({ directory: ${JSON.stringify(directory)}, bytesMax: 1000, report: (m) => reports.push(m) });
    files.put("b", new Uint8Array(10));
    await files.settled();
    console.log(JSON.stringify({ found: files.get("a")?.length, reports }));`,
  });
  const output = await runAsNobody(script, { readable: [dirname(directory), directory, join(directory, "a.ptwm")] });
  expect(JSON.parse(output)).toEqual({ found: 10, reports: ["cannot keep a rewritten WebAssembly module"] });
});
