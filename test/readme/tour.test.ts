/** The README's tour, run as it stands in a fresh directory, gives the output that the README shows. */
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { itWith } from "../support/describe-with.ts";
import { temporaryDirectory } from "../support/engine.ts";
import { CURL } from "../support/need.ts";
import { readmeSteps, runAsReader } from "../support/readme-steps.ts";

const directory = temporaryDirectory();
let daemon: DaemonProcess | undefined;

afterAll(async () => {
  await daemon?.kill("SIGKILL");
  directory.remove();
});

itWith(CURL, "gives the output that the README shows", async () => {
  const dataDir = join(directory.path, "data");
  const start = () => startDaemon(dataDir, { args: ["--http", "127.0.0.1:0"] });
  daemon = await start();
  const steps = readmeSteps("Five-minute tour");
  expect(steps.length).toBeGreaterThan(8);
  for (const step of steps) {
    if (step.kind === "kill and start") {
      await daemon.kill("SIGKILL");
      daemon = await start();
    } else if (step.kind === "command") {
      const http = /"http":"([^"]+)"/.exec(daemon.stderr())![1]!;
      const { stdout } = await runAsReader(step.command, directory.path, http);
      expect(`$ ${step.command}\n${stdout}`).toBe(`$ ${step.command}\n${step.output}`);
    }
  }
});
