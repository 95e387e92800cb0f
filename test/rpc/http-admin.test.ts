/** http.admin on the daemon itself: its methods are over HTTP only where the configuration says so, and for its tokens. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { startDaemon } from "../support/daemon.ts";
import { call, send } from "../support/http-suite.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

it.each([
  ["left out", {}, "UNAUTHORIZED"],
  ["true", { POLYTORUS_HTTP__ADMIN: "true" }, "WRONG_MODE"],
])("http.admin %s: what an admin's token is answered", async (_, environment: Record<string, string>, expected) => {
  const directory = temporaryDirectory();
  const tokens = join(directory, "tokens");
  writeFileSync(tokens, "admin rule-the-chain-with-this\ndeployer deploy-with-this-one\n", { mode: 0o600 });
  const daemon = await startDaemon(join(directory, "data"), {
    args: ["--storage", "memory", "--http", "127.0.0.1:0"],
    environment: { ...environment, POLYTORUS_HTTP__TOKENS_FILE: tokens },
  });
  onTestFinished(() => daemon.kill("SIGTERM"));
  const listening = daemon
    .stderr()
    .split("\n")
    .find((line) => line.includes('"msg":"listening"'))!;
  const { http } = JSON.parse(listening) as { http: string };
  const codeFor = async (token: string) => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
    return (await send(http, { headers, body: call("block_discard") })).body.error.data.code;
  };
  expect(await codeFor("rule-the-chain-with-this")).toBe(expected);
  expect(await codeFor("deploy-with-this-one")).toBe("UNAUTHORIZED");
});
