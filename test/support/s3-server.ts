/**
 * A bucket server for tests: enough of S3's protocol for backups, over real HTTP, which refuses what is not signed rightly.
 * The signature is computed here from the specification, apart from the library that made it:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
import { createHash, createHmac, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export const ACCESS_KEY_ID = "AKIATEST";
export const SECRET_ACCESS_KEY = "secret/test+key";
export const REGION = "eu-test-1";

/** What happens to a request; undefined: it is answered. */
export type Fault = (request: { method: string; path: string; query: URLSearchParams }) =>
  | "refuse" // 503 before anything is done
  | "drop reply" // done, and then the connection breaks
  | "hang" // no answer at all
  | undefined;

interface Reply {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Record<string, string>;
}

interface Upload {
  readonly key: string;
  readonly parts: Map<number, Buffer>;
}

export class S3Server {
  readonly objects = new Map<string, Buffer>();
  readonly uploads = new Map<string, Upload>();
  readonly requests: string[] = [];
  fault: Fault = () => undefined;
  readonly #server: Server;

  static async open(): Promise<S3Server> {
    const server = new S3Server();
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => this.#serve(request, Buffer.concat(parts), response));
    });
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    const url = new URL(request.url!, this.endpoint);
    const method = request.method!;
    this.requests.push(`${method} ${request.url!}`);
    const fault = this.fault({ method, path: url.pathname, query: url.searchParams });
    if (fault === "hang") return;
    const reply =
      fault === "refuse" ? error(503, "SlowDown", "Please reduce your request rate.") : this.#reply(request, url, body);
    if (fault === "drop reply") request.socket.destroy();
    else response.writeHead(reply.status, reply.headers).end(reply.body);
  }

  #reply(request: IncomingMessage, url: URL, body: Buffer): Reply {
    const problem = signatureProblem(request, url, body);
    if (problem !== undefined) return error(403, "SignatureDoesNotMatch", problem);
    const [, , ...rest] = url.pathname.split("/");
    const key = rest.map(decodeURIComponent).join("/");
    const method = request.method!;
    if (method === "GET" && key === "") return this.#list(url.searchParams);
    if (url.searchParams.has("uploads") || url.searchParams.has("uploadId"))
      return this.#upload(method, key, url.searchParams, body);
    if (method === "DELETE") this.objects.delete(key);
    if (method === "PUT") this.objects.set(key, body);
    if (method !== "HEAD") return { status: method === "DELETE" ? 204 : 200, headers: { etag: etag(body) } };
    const found = this.objects.get(key);
    return { status: found === undefined ? 404 : 200, headers: { "content-length": String(found?.length ?? 0) } };
  }

  #list(query: URLSearchParams): Reply {
    const prefix = query.get("prefix") ?? "";
    if (query.has("uploads")) {
      const found = [...this.uploads].filter(([, { key }]) => key.startsWith(prefix));
      return { status: 200, body: `<R>${found.map(([id]) => `<UploadId>${id}</UploadId>`).join("")}</R>` };
    }
    // Pages of two, so that whoever lists has to go on.
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    const from = Number(query.get("continuation-token") ?? 0);
    const more = from + 2 < keys.length ? `<NextContinuationToken>${from + 2}</NextContinuationToken>` : "";
    const page = keys.slice(from, from + 2).map((key) => `<Contents><Key>${key}</Key></Contents>`);
    return { status: 200, body: `<R>${page.join("")}${more}</R>` };
  }

  #upload(method: string, key: string, query: URLSearchParams, body: Buffer): Reply {
    if (query.has("uploads")) {
      const id = randomUUID();
      this.uploads.set(id, { key, parts: new Map() });
      return { status: 200, body: `<R><UploadId>${id}</UploadId></R>` };
    }
    const id = query.get("uploadId")!;
    const upload = this.uploads.get(id);
    if (upload === undefined) return error(404, "NoSuchUpload", "The specified upload does not exist.");
    if (method === "DELETE") this.uploads.delete(id);
    if (method === "DELETE") return { status: 204 };
    if (method === "POST") return this.#complete(id, upload, body);
    upload.parts.set(Number(query.get("partNumber")), body);
    return { status: 200, headers: { etag: etag(body) } };
  }

  #complete(id: string, { key, parts }: Upload, body: Buffer): Reply {
    const wanted = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>([^<]*)<\/ETag>/g)];
    const given = wanted.map(([, number, tag]) => ({ bytes: parts.get(Number(number)), tag }));
    if (given.some(({ bytes, tag }) => bytes === undefined || etag(bytes) !== tag))
      return error(200, "InvalidPart", "One or more of the specified parts could not be found.");
    this.objects.set(key, Buffer.concat(given.map(({ bytes }) => bytes!)));
    this.uploads.delete(id);
    return { status: 200, body: "<R></R>" };
  }
}

function error(status: number, code: string, message: string): Reply {
  return { status, body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>` };
}

function etag(bytes: Buffer): string {
  return `"${createHash("md5").update(bytes).digest("hex")}"`;
}

function signatureProblem(request: IncomingMessage, url: URL, body: Buffer): string | undefined {
  const match = /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
    request.headers.authorization ?? "",
  );
  if (match === null) return `no signature: ${request.headers.authorization ?? ""}`;
  const [, credential, signedHeaders, signature] = match as unknown as [string, string, string, string];
  const [accessKeyId, day, region, service] = credential.split("/") as [string, string, string, string];
  const bodyHash = createHash("sha256").update(body).digest("hex");
  if (request.headers["x-amz-content-sha256"] !== bodyHash) return "the body does not have the hash that was signed";
  if (accessKeyId !== ACCESS_KEY_ID || region !== REGION || service !== "s3") return `unknown credential ${credential}`;
  const time = request.headers["x-amz-date"] as string;
  const names = signedHeaders.split(";");
  for (const name of ["host", "x-amz-content-sha256", "x-amz-date"])
    if (!names.includes(name)) return `${name} is not signed`;
  const query = [...url.searchParams]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join("&");
  const path = url.pathname
    .split("/")
    .map((part) => encoded(decodeURIComponent(part)))
    .join("/");
  const headers = names.map((name) => `${name}:${String(request.headers[name]).trim()}\n`).join("");
  const canonical = [request.method, path, query, headers, signedHeaders, bodyHash].join("\n");
  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", time, scope, createHash("sha256").update(canonical).digest("hex")].join("\n");
  const key = [day, region, service, "aws4_request"].reduce<string | Buffer>(
    (secret, part) => createHmac("sha256", secret).update(part).digest(),
    `AWS4${SECRET_ACCESS_KEY}`,
  );
  const expected = createHmac("sha256", key).update(toSign).digest("hex");
  return signature === expected ? undefined : `expected ${expected} for\n${canonical}`;
}

/** RFC 3986. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
