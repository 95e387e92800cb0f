/** What the Unix socket promises, of whatever daemon `open` gives; limits are read from engine_info. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RawSocket } from "./raw-socket.ts";
import { request } from "./requests.ts";
import type { RpcTarget } from "./rpc-target.ts";

const PIPELINED = 10_000;

export function describeSocket(open: () => Promise<RpcTarget & { close(): Promise<void> }>): void {
  describe("the Unix socket", () => {
    let target: Awaited<ReturnType<typeof open>>;
    let socket: RawSocket;

    beforeEach(async () => {
      target = await open();
      socket = await RawSocket.open(target.ipc);
    });
    afterEach(async () => {
      socket.close();
      await target.close();
    });

    it(`answers each of ${PIPELINED} pipelined requests once`, async () => {
      const ids = Array.from({ length: PIPELINED }, (_, id) => id);
      socket.socket.write(ids.map((id) => `${JSON.stringify(request(id, "state_root"))}\n`).join(""));
      const answers = await socket.read(PIPELINED);
      expect(answers.map(({ id }) => id).sort((a, b) => a - b)).toEqual(ids);
      expect(answers.every(({ result }) => result.blockHeight >= 0)).toBe(true);
    });

    it("reads characters that are split between two writes", async () => {
      const bytes = Buffer.from(`${JSON.stringify(request("ø€\u{1F600}", "engine_info"))}\n`);
      for (const byte of bytes) {
        socket.socket.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect((await socket.read(1))[0]).toMatchObject({ id: "ø€\u{1F600}", result: {} });
    });

    it("skips empty lines and takes lines that end as Windows ends them", async () => {
      socket.socket.write(`\n\r\n${JSON.stringify(request(1, "state_root"))}\r\n\n`);
      expect((await socket.read(1))[0]).toMatchObject({ id: 1, result: {} });
    });

    it("goes on after a line that is not JSON", async () => {
      socket.socket.write(`no json\n${JSON.stringify(request(2, "state_root"))}\n`);
      const answers = await socket.read(2);
      expect(answers.map(({ id }) => id)).toEqual([null, 2]);
    });

    it("answers what a client asked before it closed its side, a last line without newline too", async () => {
      socket.socket.end(`${JSON.stringify(request(1, "state_root"))}\n${JSON.stringify(request(2, "state_root"))}`);
      const answers = await socket.read(2);
      expect(answers.map(({ id }) => id).sort()).toEqual([1, 2]);
      await socket.closed;
    });

    it("takes a line as long as the limit", async () => {
      const { frameBytesMax } = (await socket.ask("engine_info")).result.limits;
      const short = JSON.stringify(request("", "state_root"));
      const line = JSON.stringify(request("x".repeat(frameBytesMax - short.length), "state_root"));
      expect(line).toHaveLength(frameBytesMax);
      socket.socket.write(`${line}\n`);
      expect((await socket.read(1))[0].result).toBeDefined();
    });

    it("answers a line over the limit once and closes", async () => {
      const { frameBytesMax } = (await socket.ask("engine_info")).result.limits;
      socket.socket.write(`"${"x".repeat(frameBytesMax)}"\n${JSON.stringify(request(1, "state_root"))}\n`);
      expectTooLong(await socket.read(2));
      await socket.closed;
    });

    it("answers a line that never ends once and closes", async () => {
      const { frameBytesMax } = (await socket.ask("engine_info")).result.limits;
      const piece = Buffer.alloc(Math.ceil(frameBytesMax / 7), 97);
      const writer = setInterval(() => socket.socket.writable && socket.socket.write(piece), 1);
      expectTooLong(await socket.read(2));
      await socket.closed;
      clearInterval(writer);
    });
  });
}

function expectTooLong(answers: unknown[]): void {
  expect(answers).toMatchObject([
    { id: null, error: { code: -32005, data: { code: "LIMIT_EXCEEDED", limit: "frameBytesMax" } } },
  ]);
  expect(answers).toHaveLength(1);
}
