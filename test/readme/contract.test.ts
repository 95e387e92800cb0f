/** The README's chapter about a contract of one's own works as it stands, in a copy of what a clone has for it. */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { temporaryDirectory } from "../support/engine.ts";
import { readmeSteps, runAsReader } from "../support/readme-steps.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const directory = temporaryDirectory();
let daemon: DaemonProcess | undefined;

afterAll(async () => {
  await daemon?.kill("SIGKILL");
  directory.remove();
});

it("writes, tests, deploys, traces and upgrades as the README shows", async () => {
  for (const name of ["contracts", "package.json", "tsconfig.json", "vitest.config.ts"])
    cpSync(join(ROOT, name), join(directory.path, name), { recursive: true });
  for (const name of ["node_modules", "src", "test"]) symlinkSync(join(ROOT, name), join(directory.path, name));
  daemon = await startDaemon(join(directory.path, "data"), { args: ["--http", "127.0.0.1:0"] });
  const steps = readmeSteps("A contract in ten minutes");
  expect(steps.length).toBeGreaterThan(12);
  for (const step of steps) {
    if (step.kind === "file") {
      const path = join(directory.path, step.path);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, step.text);
    } else if (step.kind === "insert") {
      const path = join(directory.path, step.path);
      const text = readFileSync(path, "utf8");
      const end = text.lastIndexOf("}");
      writeFileSync(path, `${text.slice(0, end)}\n${step.text}${text.slice(end)}`);
    } else if (step.kind === "command") {
      const { stdout, code } = await runAsReader(step.command, directory.path, "");
      if (step.output === undefined) expect({ command: step.command, code, stdout }).toMatchObject({ code: 0 });
      else expect(`$ ${step.command}\n${stdout}`).toBe(`$ ${step.command}\n${step.output}`);
    }
  }
});
