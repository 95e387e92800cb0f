/** privacy decryptor: answers signed requests over HTTP, as long as nobody stops it. */
import { createServer, type IncomingMessage } from "node:http";
import { join, resolve } from "node:path";
import { EngineError, toEngineError } from "../../errors.ts";
import type { Handler } from "../context.ts";
import { Decryptor, type DecryptRequest } from "../decryptor.ts";
import { parseJson } from "../input-files.ts";
import { errorJson } from "../output.ts";
import { openKeyHolder, readKey } from "./privacy-keys.ts";

const BODY_BYTES_MAX = 4096;

export const decryptor: Handler = async (context, _args, options) => {
  const directory = resolve(context.cwd, options["key"] as string);
  const secretKey = readKey(context.cwd, options["key"] as string, "secret.key", "--key");
  const auditFile = join(directory, "audit.ndjson");
  const answering = new Decryptor({ holder: openKeyHolder(), secretKey, auditFile }, context.remote);
  const server = createServer(async (request, response) => {
    try {
      const answer = await answering.answer(await bodyOf(request), Date.now());
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
    } catch (thrown) {
      const error = toEngineError(thrown);
      const status = error.family === "unauthorized" ? 403 : error.family === "busy" ? 503 : 400;
      response
        .writeHead(status, { "content-type": "application/json" })
        .end(JSON.stringify({ error: errorJson(error) }));
    }
  });
  const [host, port] = splitAddress(options["listen"] as string);
  await new Promise<void>((listening, failed) => {
    server.once("error", failed);
    server.listen(port, host, listening);
  });
  const address = server.address();
  const url = `http://${host}:${typeof address === "object" && address !== null ? address.port : port}`;
  context.output.item({ listening: url, auditFile }, () => `listening on ${url}; audit trail in ${auditFile}`);
  await new Promise<void>((stop) => {
    if (context.signal.aborted) stop();
    context.signal.addEventListener("abort", () => stop());
  });
  await new Promise((closed) => server.close(closed));
  answering.close();
};

async function bodyOf(request: IncomingMessage): Promise<DecryptRequest> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request) {
    length += (part as Buffer).length;
    if (length > BODY_BYTES_MAX)
      throw new EngineError("LIMIT_EXCEEDED", `a request has at most ${BODY_BYTES_MAX} bytes`, { max: BODY_BYTES_MAX });
    parts.push(part as Buffer);
  }
  const body = parseJson(Buffer.concat(parts).toString("utf8"), "body");
  if (typeof body === "object" && body !== null) return body as DecryptRequest;
  throw new EngineError("VALIDATION_ERROR", "body: expected { handle, publicKey, expiresAtMs, signature }", {
    path: "body",
  });
}

function splitAddress(text: string): [host: string, port: number] {
  const match = /^(.+):(\d{1,5})$/.exec(text);
  if (match === null)
    throw new EngineError("VALIDATION_ERROR", `--listen: expected host:port, received ${text}`, { path: "--listen" });
  return [match[1]!, Number(match[2])];
}
