/** What HTTP promises whoever is on this machine, of whatever daemon `open` gives. */
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Json } from "./raw-socket.ts";
import type { RpcTarget } from "./rpc-target.ts";

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Json;
}

export interface Sent {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** In place of a Content-Length: chunks. */
  chunks?: Buffer[];
}

const JSON_TYPE = { "content-type": "application/json" };

/** One request with exactly these headers, which fetch would not let one set. */
export function send(
  url: string,
  { method = "POST", path = "/", headers = JSON_TYPE, body, chunks }: Sent,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url + path, { method, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => {
        const text = Buffer.concat(parts).toString();
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          body: text === "" ? undefined : JSON.parse(text),
        });
      });
    });
    request.on("error", reject);
    for (const chunk of chunks ?? []) request.write(chunk);
    request.end(body);
  });
}

export function call(method: string, params: unknown = {}): string {
  return JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
}

export function describeHttp(open: () => Promise<RpcTarget & { close(): Promise<void> }>): void {
  describe("HTTP on loopback", () => {
    let target: Awaited<ReturnType<typeof open>>;
    beforeAll(async () => {
      target = await open();
    });
    afterAll(() => target.close());

    it("answers a request", async () => {
      const answer = await send(target.url, { body: call("state_root") });
      expect(answer).toMatchObject({
        status: 200,
        headers: { "content-type": "application/json" },
        body: { id: 1, result: {} },
      });
    });

    it.each([["/livez"], ["/readyz"], ["/readyz?role=read"], ["/health"], ["/openrpc.json"]])(
      "has GET %s",
      async (path) => {
        expect(await send(target.url, { method: "GET", path })).toMatchObject({
          status: 200,
          body: expect.any(Object),
        });
      },
    );

    it("answers 404 and 405 in JSON", async () => {
      expect(await send(target.url, { method: "GET", path: "/nowhere" })).toMatchObject({
        status: 404,
        body: { error: {} },
      });
      expect(await send(target.url, { path: "/nowhere", body: "{}" })).toMatchObject({
        status: 404,
        body: { error: {} },
      });
      expect(await send(target.url, { method: "GET", path: "/" })).toMatchObject({
        status: 405,
        headers: { allow: "POST" },
      });
      expect(await send(target.url, { path: "/readyz", body: "{}" })).toMatchObject({
        status: 405,
        headers: { allow: "GET, HEAD" },
      });
      expect(await send(target.url, { method: "OPTIONS", path: "/" })).toMatchObject({ status: 405 });
    });

    it("answers 400 to what is no request", async () => {
      expect(await send(target.url, { body: "{" })).toMatchObject({ status: 400, body: { error: { code: -32700 } } });
      expect(await send(target.url, { body: "" })).toMatchObject({ status: 400, body: { error: { code: -32700 } } });
      expect(await send(target.url, { body: call("nope") })).toMatchObject({
        status: 400,
        body: { error: { code: -32601 } },
      });
    });

    it.each([
      [undefined],
      ["text/plain"],
      ["application/x-www-form-urlencoded"],
      ["multipart/form-data; boundary=x"],
      ["application/jsonp"],
    ])("refuses the content type %s", async (type) => {
      const headers: Record<string, string> = type === undefined ? {} : { "content-type": type };
      expect(await send(target.url, { headers, body: call("state_root") })).toMatchObject({
        status: 415,
        body: { error: {} },
      });
    });

    it.each([["application/json"], ["application/json; charset=utf-8"], ["Application/JSON"]])(
      "takes the content type %s",
      async (type) => {
        expect((await send(target.url, { headers: { "content-type": type }, body: call("state_root") })).status).toBe(
          200,
        );
      },
    );

    it.each([
      ["evil.example"],
      ["evil.example:8645"],
      ["localhost.evil.example"],
      ["127.0.0.1.evil.example"],
      ["0.0.0.0"],
    ])("refuses the Host %j", async (host) => {
      for (const sent of [{ body: call("state_root") }, { method: "GET", path: "/readyz" }]) {
        const answer = await send(target.url, { ...sent, headers: { ...JSON_TYPE, host } });
        expect(answer).toMatchObject({ status: 403, body: { error: { data: { code: "UNAUTHORIZED" } } } });
      }
    });

    it.each([["localhost"], ["LOCALHOST:1"], ["127.0.0.1:8645"], ["127.9.9.9"], ["[::1]:8645"]])(
      "takes the Host %s",
      async (host) => {
        expect((await send(target.url, { headers: { ...JSON_TYPE, host }, body: call("state_root") })).status).toBe(
          200,
        );
      },
    );

    it("sends no CORS headers, to no origin", async () => {
      const answer = await send(target.url, {
        headers: { ...JSON_TYPE, origin: "http://localhost:3000" },
        body: call("state_root"),
      });
      expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    });

    it("refuses a body over the limit, announced or not, and takes one at the limit", async () => {
      const max: number = (await send(target.url, { body: call("engine_info") })).body.result.limits.httpBodyBytesMax;
      const body = call("state_root").padEnd(max, " ");
      expect((await send(target.url, { body })).status).toBe(200);
      const announced = await send(target.url, { body: `${body} ` }).catch((error: Error) => error);
      if (!(announced instanceof Error))
        expect(announced).toMatchObject({ status: 413, body: { error: { data: { code: "LIMIT_EXCEEDED" } } } });
      const chunks = [Buffer.from(body), Buffer.from(" ")];
      const unannounced = await send(target.url, {
        headers: { ...JSON_TYPE, "transfer-encoding": "chunked" },
        chunks,
      }).catch((error: Error) => error);
      if (!(unannounced instanceof Error)) expect(unannounced).toMatchObject({ status: 413 });
      expect((await send(target.url, { body: call("state_root") })).status).toBe(200);
    });

    it("refuses a token that it does not know", async () => {
      const headers = { ...JSON_TYPE, authorization: "Bearer nobody" };
      const answer = await send(target.url, { headers, body: call("state_root") });
      expect(answer).toMatchObject({
        status: 401,
        headers: { "www-authenticate": "Bearer" },
        body: { error: { code: -32006 } },
      });
    });
  });
}
