/**
 * S3Destination: a bucket of Amazon S3, or of anything that speaks its protocol (MinIO, R2, Ceph), in path style:
 *   ENDPOINT/BUCKET/PREFIX/NAME        requests signed with SigV4 (aws4fetch), the SHA-256 of each body among what is signed
 * A file up to a part's length is one PUT; a longer one a multipart upload. What an earlier attempt left of one is aborted first.
 * Afterwards the object's length is asked for. Memory: one part.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/
 */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { AwsClient } from "aws4fetch";
import { StorageError } from "../../errors.ts";
import type { BackupDestination } from "./backup-destination.ts";
import { readParts } from "./read-parts.ts";

export interface S3Options {
  /** `https://s3.eu-central-1.amazonaws.com`, without bucket. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** What keys begin with, without a slash at the end; may be empty. */
  readonly prefix: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of a multipart upload; S3 takes at least 5 MiB, and 10,000 of them. */
  readonly partBytes?: number;
}

/** 10,000 of them are 312 GiB. */
const PART_BYTES = 32 * 1024 * 1024;
/** A part at 1 MiB/s, and then some. */
const REQUEST_TIMEOUT_MS = 120_000;
/** Of what the other side says to an error. */
const SAID_MAX = 300;

export class S3Destination implements BackupDestination {
  readonly name: string;
  readonly #options: S3Options;
  readonly #client: AwsClient;
  readonly #bucketUrl: string;

  constructor(options: S3Options) {
    const { endpoint, bucket, prefix, accessKeyId, secretAccessKey, region } = options;
    this.#options = options;
    this.name = `s3://${bucket}${prefix === "" ? "" : `/${prefix}`} at ${endpoint}`;
    this.#bucketUrl = `${endpoint.replace(/\/+$/, "")}/${encodeURIComponent(bucket)}`;
    // Whoever calls tries again, at his own pace.
    this.#client = new AwsClient({ accessKeyId, secretAccessKey, region, service: "s3", retries: 0 });
  }

  async put(name: string, path: string, signal: AbortSignal): Promise<void> {
    const { size } = await stat(path);
    const partBytes = this.#options.partBytes ?? PART_BYTES;
    if (size > partBytes) await this.#putInParts(name, path, partBytes, signal);
    else
      for await (const bytes of readParts(path, Math.max(1, size)))
        await this.#send("PUT", this.#url(name), signal, bytes);
    const { headers } = await this.#send("HEAD", this.#url(name), signal);
    const length = Number(headers.get("content-length"));
    if (length !== size)
      throw new StorageError(`${this.name} has ${length} bytes of ${name}, which has ${size}`, { retryable: true });
  }

  async list(signal: AbortSignal): Promise<string[]> {
    const { prefix } = this.#options;
    const start = prefix === "" ? "" : `${prefix}/`;
    const names: string[] = [];
    let next: string | undefined;
    do {
      const query = new URLSearchParams({ "list-type": "2", prefix: start });
      if (next !== undefined) query.set("continuation-token", next);
      const text = await (await this.#send("GET", `${this.#bucketUrl}?${query}`, signal)).text();
      for (const key of elements(text, "Key")) if (key.startsWith(start)) names.push(key.slice(start.length));
      next = elements(text, "NextContinuationToken")[0];
    } while (next !== undefined);
    return names;
  }

  async remove(name: string, signal: AbortSignal): Promise<void> {
    await this.#send("DELETE", this.#url(name), signal);
  }

  async #putInParts(name: string, path: string, partBytes: number, signal: AbortSignal): Promise<void> {
    const url = this.#url(name);
    await this.#abortEarlier(name, signal);
    const started = await (await this.#send("POST", `${url}?uploads`, signal)).text();
    const uploadId = elements(started, "UploadId")[0];
    if (uploadId === undefined)
      throw new StorageError(`${this.name} began an upload without an UploadId`, { retryable: true });
    const upload = `uploadId=${encodeURIComponent(uploadId)}`;
    const parts: string[] = [];
    for await (const bytes of readParts(path, partBytes)) {
      const number = parts.length + 1;
      const { headers } = await this.#send("PUT", `${url}?partNumber=${number}&${upload}`, signal, bytes);
      parts.push(`<Part><PartNumber>${number}</PartNumber><ETag>${headers.get("etag") ?? ""}</ETag></Part>`);
    }
    const body = Buffer.from(`<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`, "utf8");
    // An error may come after 200 here, in the body.
    const said = await (await this.#send("POST", `${url}?${upload}`, signal, body)).text();
    if (elements(said, "Code").length > 0) throw this.#refused(`completing ${name}`, 200, said);
  }

  /** An upload that was cut is paid for until it is aborted. */
  async #abortEarlier(name: string, signal: AbortSignal): Promise<void> {
    const query = new URLSearchParams({ prefix: this.#key(name) });
    const text = await (await this.#send("GET", `${this.#bucketUrl}?uploads&${query}`, signal)).text();
    for (const uploadId of elements(text, "UploadId"))
      await this.#send("DELETE", `${this.#url(name)}?uploadId=${encodeURIComponent(uploadId)}`, signal);
  }

  async #send(method: string, url: string, stop: AbortSignal, body?: Buffer<ArrayBuffer>): Promise<Response> {
    const what = `${method} ${new URL(url).pathname}`;
    let response: Response;
    try {
      response = await this.#client.fetch(url, {
        method,
        ...(body === undefined ? {} : { body }),
        // aws4fetch would sign UNSIGNED-PAYLOAD otherwise.
        headers: {
          "x-amz-content-sha256": createHash("sha256")
            .update(body ?? "")
            .digest("hex"),
        },
        signal: AbortSignal.any([stop, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
      });
    } catch (problem) {
      stop.throwIfAborted();
      const { cause } = problem as Error;
      const reason = cause instanceof Error ? cause.message : String(problem);
      throw new StorageError(`${this.name}: ${what}: ${reason}`, { retryable: true }, { cause: problem });
    }
    if (response.ok) return response;
    throw this.#refused(what, response.status, await response.text().catch(() => ""));
  }

  #refused(what: string, status: number, said: string): StorageError {
    const [code, message] = [elements(said, "Code")[0], elements(said, "Message")[0]];
    const text = code === undefined ? said.slice(0, SAID_MAX) : `${code}: ${message ?? ""}`;
    return new StorageError(`${this.name}: ${what} answered ${status} ${text}`.trimEnd(), { retryable: true, status });
  }

  #key(name: string): string {
    const { prefix } = this.#options;
    return prefix === "" ? name : `${prefix}/${name}`;
  }

  #url(name: string): string {
    return `${this.#bucketUrl}/${this.#key(name).split("/").map(encodeURIComponent).join("/")}`;
  }
}

/** The texts of an XML element that holds only text. */
function elements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g"))].map(([, text]) => unescaped(text!));
}

function unescaped(text: string): string {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'")
    .replaceAll("&amp;", "&");
}
