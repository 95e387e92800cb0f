/** The suites of the front end once more, over the daemon itself: what they promise does not depend on the engine behind. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeBinary } from "../support/binary-suite.ts";
import { startDaemon } from "../support/daemon.ts";
import { describeHttp } from "../support/http-suite.ts";
import { describeJsonRpc } from "../support/json-rpc-suite.ts";
import { describeSocket } from "../support/socket-suite.ts";

async function open() {
  const directory = mkdtempSync(join(tmpdir(), "polytorus-test-"));
  const daemon = await startDaemon(directory, { args: ["--storage", "memory", "--http", "127.0.0.1:0"] });
  const lines = daemon.stderr().split("\n");
  const { http } = JSON.parse(lines.find((line) => line.includes('"msg":"listening"'))!) as { http: string };
  return {
    ipc: daemon.ipc,
    binaryIpc: daemon.binaryIpc,
    url: http,
    close: async () => {
      await daemon.kill("SIGTERM");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

describeJsonRpc(open);
describeSocket(open);
describeHttp(open);
describeBinary(open);
