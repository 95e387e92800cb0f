/** A chapter of the README as steps that a reader takes: commands with their output, files to write, and what else it says. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { BUILT } from "./engine.ts";

export type ReadmeStep =
  | { kind: "command"; command: string; output: string | undefined }
  | { kind: "file"; path: string; text: string }
  /** Goes before the last brace of a file that stands. */
  | { kind: "insert"; path: string; text: string }
  | { kind: "kill and start" };

/**
 * ```console blocks are commands and their output, ```sh blocks commands whose output is not the same each time,
 * ```ts file=PATH and ```ts into=PATH blocks what goes into files.
 */
export function readmeSteps(heading: string): ReadmeStep[] {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const [, chapter = ""] = new RegExp(`^## ${heading}\\n([^]*?)^## `, "m").exec(readme) ?? [];
  const blocks = chapter.matchAll(/```(console|sh|ts (?:file|into)=\S+)\n([\s\S]*?)```|<!-- tour: kill -9[^>]*-->/g);
  return [...blocks].flatMap(([, language, body]): ReadmeStep[] => {
    if (language === undefined || body === undefined) return [{ kind: "kill and start" }];
    if (language === "sh")
      return body
        .trim()
        .split("\n")
        .map((command) => ({ kind: "command", command, output: undefined }));
    if (language === "console") return commandsOf(body);
    const [how, path] = language.slice("ts ".length).split("=") as ["file" | "into", string];
    return [{ kind: how === "file" ? "file" : "insert", path, text: body }];
  });
}

function commandsOf(body: string): ReadmeStep[] {
  return [...body.matchAll(/^\$ (.*)\n((?:(?!\$ ).*\n)*)/gm)].map(([, command, output]) => ({
    kind: "command",
    command: command!,
    output: output!,
  }));
}

/**
 * Runs a command as a reader would in `directory`, but for the port, which may be taken here, and npx, which would look for
 * the package. @returns what it wrote to stdout, and its exit code.
 */
export function runAsReader(
  command: string,
  directory: string,
  http: string,
): Promise<{ stdout: string; code: number }> {
  const main = `${process.execPath} ${new URL("main.js", BUILT).pathname}`;
  const line = command.replace("npx polytorus", main).replace("http://127.0.0.1:8645", http);
  return new Promise((resolve) => {
    const env = { ...process.env, NO_COLOR: "1" };
    const child = spawn("sh", ["-c", line], { cwd: directory, env, stdio: ["ignore", "pipe", "ignore"] });
    let stdout = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.once("close", (code) =>
      resolve({ stdout: stdout.endsWith("\n") ? stdout : `${stdout}\n`, code: code ?? -1 }),
    );
  });
}
