/**
 * Null servers: the daemon's wires without a daemon. A request is read and parsed (JSON.parse; a binary frame is only cut),
 * and answered by a constant of the length that the daemon's answer would have; nothing is validated, executed or kept.
 * As plain as node allows: what is one read is answered by one write.
 *   argv: ndjson PATH | binary PATH | http        tells its address by a message, ends with its parent
 */
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { FRAME_BODY_AT, FrameBuffer, FrameType } from "../../src/encoding/binary-frame.ts";
import { readU32, writeU32 } from "../../src/encoding/bytes.ts";
import { LineBuffer } from "../../src/encoding/line-buffer.ts";

const FRAME_BYTES_MAX = 32 * 1024 * 1024;
const HASH = `0x${"5a".repeat(32)}`;
const ADDRESS = `0x${"5b".repeat(20)}`;
const WORD = `0x${"0".repeat(63)}1`;

const RECEIPT =
  `{"transactionHash":"${HASH}","blockHeight":12345,"transactionIndex":12,"sender":"${ADDRESS}","to":"${ADDRESS}","contractAddress":null` +
  `,"status":"success","gasUsed":"33300","gasLimit":"100000","returnData":"${WORD}","result":true,"logs":[{"address":"${ADDRESS}"` +
  `,"topics":["${WORD}","${WORD}","${WORD}"],"data":"${WORD}","logIndex":0,"event":"Transfer","args":{"from":"${ADDRESS}","to":"${ADDRESS}","value":"1"}}]}`;
const BALANCE = `{"result":"1000000","returnData":"${WORD}","gasUsed":"2100","cached":false,"seq":12345,"blockHeight":12345}`;

/** Hashes differ, because the generator counts them. */
const summary = (index: number): string =>
  `{"transactionHash":"0x${index.toString(16).padStart(64, "0")}","status":"success","gasUsed":"33300"}`;

interface Request {
  id: number;
  method: string;
  params: { transactions?: unknown[] };
}

/** By the number of transactions. */
const batches = new Map<number, string>();

function answerTo(text: string): string {
  const { id, method, params } = JSON.parse(text) as Request;
  return `{"jsonrpc":"2.0","id":${id},"result":${resultOf(method, params)}}`;
}

function resultOf(method: string, { transactions = [] }: Request["params"]): string {
  if (method === "tx_submit") return RECEIPT;
  if (method === "contract_query") return BALANCE;
  const count = transactions.length;
  let result = batches.get(count);
  if (result === undefined) {
    result = `{"blockHeight":12345,"receipts":[${Array.from({ length: count }, (_, i) => summary(i)).join(",")}]}`;
    batches.set(count, result);
  }
  return result;
}

function serveLines(socket: Socket): void {
  const lines = new LineBuffer(FRAME_BYTES_MAX);
  socket.on("data", (chunk: Buffer) => {
    lines.push(chunk);
    let answers = "";
    for (let line = lines.next(); line !== undefined; line = lines.next()) answers += `${answerTo(line)}\n`;
    if (answers !== "") socket.write(answers, "latin1");
  });
  socket.on("error", () => undefined);
}

const LENGTH_BYTES = 4;
/** Length, type, id, height, count. */
const OUTCOMES_AT = LENGTH_BYTES + 5 + 8 + 4;
const OUTCOME_BYTES = 44;

function serveFrames(socket: Socket): void {
  const frames = new FrameBuffer(FRAME_BYTES_MAX);
  socket.on("data", (chunk: Buffer) => {
    frames.push(chunk);
    const answers: Buffer[] = [];
    for (let frame = frames.next(); frame !== undefined; frame = frames.next()) answers.push(frameAnswer(frame));
    if (answers.length > 0) socket.write(Buffer.concat(answers));
  });
  socket.on("error", () => undefined);
}

function frameAnswer(frame: Buffer): Buffer {
  const count = readU32(frame, FRAME_BODY_AT - LENGTH_BYTES);
  const answer = Buffer.alloc(OUTCOMES_AT + OUTCOME_BYTES * count);
  writeU32(answer, 0, answer.length - LENGTH_BYTES);
  answer[LENGTH_BYTES] = FrameType.submitted;
  writeU32(answer, LENGTH_BYTES + 1, readU32(frame, 1));
  writeU32(answer, OUTCOMES_AT - LENGTH_BYTES, count);
  for (let i = 0; i < count; i++) answer[OUTCOMES_AT + OUTCOME_BYTES * i] = 1;
  return answer;
}

function serveHttp() {
  return createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const answer = answerTo((chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString("latin1"));
      response.writeHead(200, [
        "Content-Type",
        "application/json",
        "Content-Length",
        String(answer.length),
      ] as string[]);
      response.end(answer, "latin1");
    });
  });
}

const [wire, path] = process.argv.slice(2);
const server = wire === "http" ? serveHttp() : createServer(wire === "binary" ? serveFrames : serveLines);
const listening = () => {
  const address = server.address() as AddressInfo | string;
  process.send?.({ address: typeof address === "string" ? address : `http://127.0.0.1:${address.port}` });
};
if (wire === "http") server.listen(0, "127.0.0.1", listening);
else server.listen(path, listening);
process.on("disconnect", () => process.exit());
