/** The README's tour, run as it stands in a fresh directory, gives the output that the README shows. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { BUILT, temporaryDirectory } from "../support/engine.ts";

const directory = temporaryDirectory();
let daemon: DaemonProcess | undefined;

afterAll(async () => {
  await daemon?.kill("SIGKILL");
  directory.remove();
});

type Step = { command: string; output: string } | "kill and start";

function tour(): Step[] {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const chapter = readme.slice(readme.indexOf("## Five-minute tour"), readme.indexOf("## How it works"));
  const steps: Step[] = [];
  for (const [part] of chapter.matchAll(/```console\n[\s\S]*?```|<!-- tour: kill -9[^>]*-->/g)) {
    if (part.startsWith("<!--")) steps.push("kill and start");
    else
      for (const [, command, output] of part.slice(11, -3).matchAll(/^\$ (.*)\n((?:(?!\$ ).*\n)*)/gm))
        steps.push({ command: command!, output: output! });
  }
  return steps;
}

/** As a reader would, but for the port, which may be taken here, and npx, which would look for the package. */
function run(command: string, http: string): Promise<string> {
  const main = `${process.execPath} ${new URL("main.js", BUILT).pathname}`;
  const line = command.replace("npx polytorus", main).replace("http://127.0.0.1:8645", http);
  return new Promise((resolve) => {
    const child = spawn("sh", ["-c", line], { cwd: directory.path, stdio: ["ignore", "pipe", "ignore"] });
    let stdout = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.once("close", () => resolve(stdout.endsWith("\n") ? stdout : `${stdout}\n`));
  });
}

it("gives the output that the README shows", async () => {
  const dataDir = join(directory.path, "data");
  const start = () => startDaemon(dataDir, { args: ["--http", "127.0.0.1:0"] });
  daemon = await start();
  const steps = tour();
  expect(steps.length).toBeGreaterThan(8);
  for (const step of steps) {
    if (step === "kill and start") {
      await daemon.kill("SIGKILL");
      daemon = await start();
      continue;
    }
    const http = /"http":"([^"]+)"/.exec(daemon.stderr())![1]!;
    expect(`$ ${step.command}\n${await run(step.command, http)}`).toBe(`$ ${step.command}\n${step.output}`);
  }
}, 120_000);
