/** The README's chapter about a confidential token, run as it stands under the default parameter set. */
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { itWith } from "../support/describe-with.ts";
import { temporaryDirectory } from "../support/engine.ts";
import { NATIVE } from "../support/need.ts";
import { readmeSteps, runAsReader } from "../support/readme-steps.ts";

const directory = temporaryDirectory();
let daemon: DaemonProcess | undefined;

afterAll(async () => {
  await daemon?.kill("SIGKILL");
  directory.remove();
});

itWith(NATIVE, "does what the README says", async () => {
  daemon = await startDaemon(join(directory.path, "data"), { args: ["--http", "off"] });
  const steps = readmeSteps("A confidential token in ten minutes");
  expect(steps.length).toBeGreaterThan(10);
  for (const step of steps) {
    if (step.kind !== "command") throw new Error(`the chapter has no ${step.kind}`);
    const { stdout, code } = await runAsReader(step.command, directory.path, "");
    expect([step.command, code]).toEqual([step.command, 0]);
    if (step.output !== undefined) expect(`$ ${step.command}\n${stdout}`).toBe(`$ ${step.command}\n${step.output}`);
  }
});
