/** The rules of JSON-RPC 2.0 as the interface states them, over both JSON transports of whatever daemon `open` gives. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Json, RawSocket } from "./raw-socket.ts";
import type { RpcTarget } from "./rpc-target.ts";

type Open = () => Promise<RpcTarget & { close(): Promise<void> }>;

/** Sends one message as it is; answers the parsed response, undefined when there is none. */
type Exchange = (text: string) => Promise<Json>;

const REQUEST = { jsonrpc: "2.0", id: 1, method: "engine_info" };

/** A message, and what of its answer is fixed: the JSON-RPC code, the string code and the id. */
const REFUSED: [title: string, text: string, code: number, name: string, id: unknown][] = [
  ["text that is not JSON", "{nonsense", -32700, "PARSE_ERROR", null],
  ["JSON that stops in the middle", '{"jsonrpc":"2.0","id":1', -32700, "PARSE_ERROR", null],
  ["a bare number", "42", -32600, "INVALID_REQUEST", null],
  ["a bare string", '"engine_info"', -32600, "INVALID_REQUEST", null],
  ["null", "null", -32600, "INVALID_REQUEST", null],
  ["an empty array", "[]", -32600, "INVALID_REQUEST", null],
  ["no version", '{"id":7,"method":"engine_info"}', -32600, "INVALID_REQUEST", 7],
  ["another version", '{"jsonrpc":"1.0","id":7,"method":"engine_info"}', -32600, "INVALID_REQUEST", 7],
  ["a method that is no string", '{"jsonrpc":"2.0","id":7,"method":3}', -32600, "INVALID_REQUEST", 7],
  ["an id that is an object", '{"jsonrpc":"2.0","id":{},"method":"engine_info"}', -32600, "INVALID_REQUEST", null],
  [
    "an id that is no finite number",
    '{"jsonrpc":"2.0","id":1e999,"method":"engine_info"}',
    -32600,
    "INVALID_REQUEST",
    null,
  ],
  ["a method that is not there", '{"jsonrpc":"2.0","id":7,"method":"engine_inf"}', -32601, "METHOD_NOT_FOUND", 7],
  ["a method of Ethereum", '{"jsonrpc":"2.0","id":7,"method":"eth_chainId"}', -32601, "METHOD_NOT_FOUND", 7],
  ["a name of every object", '{"jsonrpc":"2.0","id":7,"method":"constructor"}', -32601, "METHOD_NOT_FOUND", 7],
  [
    "parameters by position",
    '{"jsonrpc":"2.0","id":7,"method":"engine_info","params":[1]}',
    -32602,
    "VALIDATION_ERROR",
    7,
  ],
  [
    "parameters that are null",
    '{"jsonrpc":"2.0","id":7,"method":"engine_info","params":null}',
    -32602,
    "VALIDATION_ERROR",
    7,
  ],
  [
    "a parameter that nobody knows",
    '{"jsonrpc":"2.0","id":7,"method":"engine_info","params":{"x":1}}',
    -32602,
    "VALIDATION_ERROR",
    7,
  ],
  [
    "a __proto__ key",
    '{"jsonrpc":"2.0","id":7,"method":"engine_info","params":{"__proto__":1}}',
    -32602,
    "VALIDATION_ERROR",
    7,
  ],
];

export function describeJsonRpc(open: Open): void {
  for (const transport of ["socket", "http"] as const) {
    describe(`JSON-RPC over ${transport}`, () => {
      let target: Awaited<ReturnType<Open>>;
      let exchange: Exchange;
      let socket: RawSocket | undefined;

      beforeAll(async () => {
        target = await open();
        if (transport === "socket") socket = await RawSocket.open(target.ipc);
        exchange = transport === "http" ? (text) => post(target.url, text) : (text) => line(socket!, text);
      });
      afterAll(async () => {
        socket?.close();
        await target.close();
      });

      it.each(REFUSED)("refuses %s", async (_title, text, code, name, id) => {
        const answer = await exchange(text);
        expect(answer).toMatchObject({
          jsonrpc: "2.0",
          id,
          error: { code, data: { code: name, hint: expect.any(String) } },
        });
        expect(answer).not.toHaveProperty("result");
      });

      it("suggests the name that was probably meant", async () => {
        const method = await exchange('{"jsonrpc":"2.0","id":1,"method":"engine_inf"}');
        expect(method.error.data.suggestion).toBe("engine_info");
        const key = await exchange('{"jsonrpc":"2.0","id":1,"method":"block_get","params":{"hieght":1}}');
        expect(key.error.data).toMatchObject({ path: "hieght", suggestion: "height" });
      });

      it.each([["an id"], [""], ['quotes " and \u{1F600}'], [0], [-7], [1.5], [null]])(
        "answers the id %j as it came",
        async (id) => {
          const answer = await exchange(JSON.stringify({ ...REQUEST, id }));
          expect(answer).toMatchObject({ jsonrpc: "2.0", id, result: { chainId: expect.any(Number) } });
        },
      );

      it("says where a parameter is wrong, what was expected and what came", async () => {
        const answer = await exchange(JSON.stringify({ ...REQUEST, method: "block_get", params: { height: "soon" } }));
        expect(answer.error).toMatchObject({
          code: -32602,
          data: { path: "height", received: '"soon"', expected: expect.any(String) },
        });
        const missing = await exchange(JSON.stringify({ ...REQUEST, method: "tx_get", params: {} }));
        expect(missing.error.data).toMatchObject({ path: "transactionHash", received: "nothing" });
      });

      it("answers an array in its order, without the notifications", async () => {
        const requests = [
          { ...REQUEST, id: "a" },
          { jsonrpc: "2.0", method: "engine_info" },
          17,
          { ...REQUEST, id: "b", method: "nope" },
        ];
        const answers = await exchange(JSON.stringify(requests));
        expect(answers).toMatchObject([
          { id: "a", result: {} },
          { id: null, error: { code: -32600 } },
          { id: "b", error: { code: -32601 } },
        ]);
        expect(answers).toHaveLength(3);
      });

      it("refuses an array of more requests than the limit, whole", async () => {
        const { batchMax } = (await exchange(JSON.stringify(REQUEST))).result.limits;
        const answer = await exchange(JSON.stringify(new Array(batchMax + 1).fill(REQUEST)));
        expect(answer).toMatchObject({
          id: null,
          error: { code: -32005, data: { code: "LIMIT_EXCEEDED", limit: "batchMax", max: batchMax } },
        });
        expect(await exchange(JSON.stringify(new Array(batchMax).fill(REQUEST)))).toHaveLength(batchMax);
      });

      it("answers nothing to notifications", async () => {
        const notification = { jsonrpc: "2.0", method: "engine_info" };
        if (transport === "http") {
          expect(await exchange(JSON.stringify(notification))).toBeUndefined();
          expect(await exchange(JSON.stringify([notification, notification]))).toBeUndefined();
        } else {
          socket!.send(notification);
          socket!.send([notification, notification]);
          expect((await line(socket!, JSON.stringify({ ...REQUEST, id: "next" }))).id).toBe("next");
        }
      });

      it("discovers exactly the methods that it answers", async () => {
        const { result } = await exchange(JSON.stringify({ ...REQUEST, method: "rpc.discover" }));
        expect(result.openrpc).toMatch(/^1\.\d+\.\d+$/);
        for (const { name } of result.methods) {
          const answer = await exchange(JSON.stringify({ ...REQUEST, method: name, params: { unheardOf: 1 } }));
          expect([-32602, -32009, -32006], name).toContain(answer.error.code);
        }
      });
    });
  }
}

async function line(socket: RawSocket, text: string): Promise<Json> {
  socket.socket.write(`${text}\n`);
  const [answer] = await socket.read(1);
  return answer;
}

async function post(url: string, body: string): Promise<Json> {
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
  const text = await response.text();
  return text === "" ? undefined : JSON.parse(text);
}
