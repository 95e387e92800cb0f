/** What the binary socket promises whatever comes in, of whatever daemon `open` gives. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BinaryClient, connectBinary } from "../../src/client/client.ts";
import { FRAME_HEADER_BYTES, FrameType } from "../../src/encoding/binary-frame.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { encoded, exchange, frame, submitPayload } from "./binary-frames.ts";
import { RawSocket } from "./raw-socket.ts";
import { BOB, DEPLOY, HASH, transfer } from "./requests.ts";
import type { RpcTarget } from "./rpc-target.ts";

const OWNER = `0x${"05".repeat(20)}`;
const ANSWERS: readonly number[] = [FrameType.submitted, FrameType.queried, FrameType.refused];

export function describeBinary(open: () => Promise<RpcTarget & { close(): Promise<void> }>): void {
  describe("the binary socket, whatever comes in", () => {
    let target: Awaited<ReturnType<typeof open>>;
    let client: BinaryClient;
    let frameBytesMax: number;
    let token: string;

    beforeAll(async () => {
      target = await open();
      client = await connectBinary(target.binaryIpc);
      const socket = await RawSocket.open(target.ipc);
      frameBytesMax = (await socket.ask("engine_info")).result.limits.frameBytesMax;
      socket.close();
      token = await deploy();
    });
    afterAll(async () => {
      await client.close();
      await target.close();
    });

    async function deploy(): Promise<string> {
      const { outcomes } = await client.submitBatch([{ ...DEPLOY, sender: OWNER }]);
      const [outcome] = outcomes;
      if (outcome?.status !== "success") throw new Error(`the deployment was ${outcome?.status}`);
      return toHex(outcome.contractAddress!);
    }

    it.each([
      ["over the limit", () => frameBytesMax + 1],
      ["of 4 GiB", () => 0xffffffff],
      ["too short for its header", () => FRAME_HEADER_BYTES - 1],
    ])("answers a length %s once, before the frame came, and closes", async (_title, length) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(length());
      const frames = await exchange(target.binaryIpc, Buffer.concat([bytes, Buffer.alloc(100)]));
      expect(frames).toMatchObject([{ type: FrameType.refused, id: 0 }]);
    });

    it("answers any mutated frame once, a frame that was cut off not at all, and serves on", async () => {
      const call = transfer(undefined, { sender: OWNER, to: token, args: [BOB, "1"] });
      const body = encoded(call, { ...DEPLOY, sender: OWNER }, { ...call, id: HASH, value: "3" });
      const good = frame(FrameType.submit, 1, submitPayload(3, body));
      const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
      await fc.assert(
        fc.asyncProperty(fc.array(change, { maxLength: 5 }), fc.option(fc.nat(good.length)), async (changes, cut) => {
          const mutated = Buffer.from(good);
          for (const [at, value] of changes) mutated[at] = value;
          const sent = cut === null ? mutated : mutated.subarray(0, cut);
          const length = sent.length < 4 ? undefined : sent.readUInt32LE(0);
          const answers = await exchange(target.binaryIpc, sent);
          expect(answers.filter(({ type }) => !ANSWERS.includes(type))).toEqual([]);
          const isUnreadable = length !== undefined && (length > frameBytesMax || length < FRAME_HEADER_BYTES);
          const isWhole = length !== undefined && sent.length >= 4 + length;
          if (isUnreadable || length === sent.length - 4) expect(answers).toHaveLength(1);
          else if (!isWhole) expect(answers).toHaveLength(0);
        }),
        { numRuns: 500 },
      );
      expect(await deploy()).toMatch(/^0x[0-9a-f]{40}$/);
    });
  });
}
