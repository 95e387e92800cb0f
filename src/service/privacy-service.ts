/**
 * LocalPrivacy: what the privacy_* methods answer, over the blob store, the state's records of handles, and the jobs.
 * Always
 *  - Bytes are checked, hashed and bound before anything is kept; a secret key is refused unread.
 *  - Who may be given a ciphertext is decided by the handle's record alone, and `explain` says the same.
 */
import type {
  CiphertextJson,
  CollectedJson,
  JobJson,
  KeyJson,
  PrivacyMethods,
  ProtectionJson,
  SchemeJson,
  UploadParams,
} from "../client/privacy-methods.ts";
import type { BlobUseJson } from "../client/storage-methods.ts";
import {
  type Handle,
  inputContext,
  inputHandle,
  Origin,
  originOf,
  resultContext,
  typeOfHandle,
} from "../encoding/encrypted-handle.ts";
import { getEncryptedType } from "../encoding/encrypted-type.ts";
import { fromHex, toHex } from "../encoding/hex.ts";
import { hashOf, isSecretKey, readPrivacyFile } from "../encoding/privacy-file.ts";
import { handleKey } from "../encoding/state-key.ts";
import {
  decodeHandleRecord,
  type HandleRecord,
  isExpired,
  Permission,
  permissionsOf,
} from "../engines/privacy/handle-record.ts";
import { bodyName, HELD, handleName, heldCiphertext, heldKey } from "../engines/privacy/held-blobs.ts";
import type { HeldCollector } from "../engines/privacy/held-collector.ts";
import type { HeldKeys, KeyState } from "../engines/privacy/held-keys.ts";
import type { JobView } from "../engines/privacy/jobs/job.ts";
import { readConstant } from "../engines/privacy/jobs/job-sources.ts";
import type { PrivacyJobs } from "../engines/privacy/jobs/privacy-jobs.ts";
import { findParameterSet, SCHEMES, schemeOfFile } from "../engines/privacy/schemes/schemes.ts";
import { EngineError, RejectedError } from "../errors.ts";
import type { BlobStore } from "../execution/ports.ts";
import type { PrivacyService } from "../rpc/services.ts";
import { PrivacyUploads } from "./privacy-uploads.ts";

export interface LocalPrivacyOptions {
  /** Of the blob store. */
  readonly blobBytesMax: number;
}

export interface LocalPrivacyModules {
  readonly blobs: BlobStore;
  readonly keys: HeldKeys;
  readonly collector: HeldCollector;
  readonly jobs: PrivacyJobs;
  /** Where daemons share a store, one lets go of keys and values for all. */
  mayCollect(): boolean;
  leaf(key: Uint8Array): Promise<Uint8Array | undefined>;
  height(): number;
  now(): number;
}

/** 0x, and what a file's magic and kind take. */
const HEADER_DIGITS = 2 + 2 * 5;
/** Of a ciphertext file's payload: what follows key and context is its own. */
const BODY_AT = 64;
const PENDING_RETRY_MS = 1_000;

export class LocalPrivacy implements PrivacyService {
  readonly #options: LocalPrivacyOptions;
  readonly #modules: LocalPrivacyModules;
  readonly #uploads: PrivacyUploads;
  #collecting: Promise<CollectedJson> | undefined;
  #collected: BlobUseJson["collected"] = { keys: 0, values: 0, uploads: 0, atMs: null };

  constructor(options: LocalPrivacyOptions, modules: LocalPrivacyModules) {
    this.#options = options;
    this.#modules = modules;
    this.#uploads = new PrivacyUploads(modules.blobs, () => modules.now());
  }

  schemes(): SchemeJson[] {
    return SCHEMES.map(({ id, security, claim, assumptions, parameterSets, leaks, cost, paper, missing }) => ({
      id,
      security,
      claim,
      assumptions,
      parameterSets: parameterSets.map((set) => ({
        id: set.id,
        securityBits: set.securityBits,
        failureLog2: set.failureLog2,
        source: set.source,
      })),
      leaks,
      cost,
      paper,
      missing: missing ?? null,
    }));
  }

  // ── keys and inputs ─────────────────────────────────────────────────────────

  async putKey(part: UploadParams, submitter?: string): Promise<PrivacyMethods["privacy_putKey"]["result"]> {
    refuseSecretKey(part);
    const uploaded = await this.#uploads.add(part, submitter);
    if ("received" in uploaded) return uploaded;
    const { file } = uploaded;
    const { id: parameterSet } = schemeOfFile(file, "data").readEvaluationKey(file, "data");
    const keyId = hashOf(file);
    await this.#modules.keys.put(keyId, file, parameterSet);
    return { received: file.length, keyId: toHex(keyId), ...protectionOf(parameterSet) };
  }

  key(keyId: Uint8Array): KeyJson {
    return keyView(this.#requireKey(keyId));
  }

  keys(): KeyJson[] {
    return [...this.#modules.keys.all()].map(keyView);
  }

  async withdrawKey(keyId: Uint8Array): Promise<KeyJson> {
    this.#requireKey(keyId);
    await this.#modules.keys.withdraw(keyId);
    return this.key(keyId);
  }

  async putCiphertext(
    params: PrivacyMethods["privacy_putCiphertext"]["params"],
    submitter?: string,
  ): Promise<PrivacyMethods["privacy_putCiphertext"]["result"]> {
    refuseSecretKey(params);
    const keyId = fromHex(params.keyId)!;
    const [contract, owner] = [fromHex(params.contract)!, fromHex(params.owner)!];
    const type = getEncryptedType(params.type);
    if (type === undefined)
      throw new RejectedError("VALIDATION_ERROR", `type: ${params.type} is no encrypted type`, { path: "type" });
    const { held: key, withdrawnAtMs } = this.#requireKey(keyId);
    if (withdrawnAtMs !== undefined) throw unknownKey(keyId, "is withdrawn");
    const uploaded = await this.#uploads.add(params, submitter);
    if ("received" in uploaded) return uploaded;
    const { file } = uploaded;
    const context = inputContext(contract, owner, type);
    const read = schemeOfFile(file, "data").readCiphertext(file, { keyId, context }, "data");
    if (read.parameterSet.id !== key.parameterSet || read.bitCount !== type.bits)
      throw new RejectedError(
        "PRIVACY_INPUT_MISMATCH",
        `data: expected ${type.bits} bits under ${key.parameterSet}, received ${read.bitCount} under ${read.parameterSet.id}`,
        { path: "data", part: read.bitCount === type.bits ? "parameterSet" : "type" },
      );
    const handle = inputHandle(hashOf(file), type);
    await this.#keepInput(handle, file, {
      source: "input",
      keyId: toHex(keyId),
      parameterSet: key.parameterSet,
      type: type.name,
      contract: toHex(contract),
      owner: toHex(owner),
      context: toHex(context),
      bytes: file.length,
      heldAtMs: this.#modules.now(),
    });
    this.#modules.jobs.held(handle);
    return { received: file.length, handle: toHex(handle), ...protectionOf(key.parameterSet) };
  }

  async #keepInput(handle: Handle, file: Uint8Array, facts: Record<string, unknown>): Promise<void> {
    const { blobs } = this.#modules;
    if (heldCiphertext(blobs, handle) !== undefined) return;
    const body = hashOf(readPrivacyFile(file, "data").payload.subarray(BODY_AT));
    const other = blobs.name(bodyName(body)) as { handle: string } | undefined;
    if (other !== undefined)
      throw new RejectedError(
        "PRIVACY_INPUT_REPLAYED",
        "data: this ciphertext was sent before, bound to something else",
        {
          path: "data",
          handle: other.handle,
        },
      );
    await blobs.commit([
      { name: handleName(handle), facts: { ...facts, body: toHex(body) }, bytes: file },
      { name: bodyName(body), facts: { handle: toHex(handle) } },
    ]);
  }

  #requireKey(keyId: Uint8Array): KeyState {
    const key = this.#modules.keys.get(keyId);
    if (key !== undefined) return key;
    throw unknownKey(keyId, "is not here");
  }

  // ── what nothing refers to ──────────────────────────────────────────────────

  /** Those who ask while it is under way get the same answer. */
  collect(): Promise<CollectedJson> {
    this.#collecting ??= this.#collect().finally(() => {
      this.#collecting = undefined;
    });
    return this.#collecting;
  }

  async #collect(): Promise<CollectedJson> {
    const { keys, collector, mayCollect, now } = this.#modules;
    const uploads = await this.#uploads.dropIdle();
    const values = mayCollect() ? await collector.collect() : undefined;
    const gone = { keys: values ? await keys.collect(values.keyIds) : 0, values: values?.gone ?? 0, uploads };
    const sum = this.#collected;
    this.#collected = {
      keys: sum.keys + gone.keys,
      values: sum.values + gone.values,
      uploads: sum.uploads + gone.uploads,
      atMs: now(),
    };
    return gone;
  }

  use(): BlobUseJson {
    const { blobs } = this.#modules;
    const { count: uploads, bytes: uploadBytes } = this.#uploads.use();
    const [keys, values] = [blobs.countNames(HELD.keys), blobs.countNames(HELD.values)];
    const bytesMax = this.#options.blobBytesMax;
    return { bytes: blobs.byteLength, bytesMax, keys, values, uploads, uploadBytes, collected: this.#collected };
  }

  // ── results ─────────────────────────────────────────────────────────────────

  async ciphertext(handle: Handle, account: Uint8Array | undefined): Promise<CiphertextJson> {
    if (account !== undefined) {
      const { allowed, because } = await this.#explain(handle, account);
      if (!allowed)
        throw new EngineError("PRIVACY_NOT_ALLOWED", because, {
          handle: toHex(handle),
          account: toHex(account),
          because,
        });
    }
    const type = typeOfHandle(handle)?.name ?? "unknown";
    const held = heldCiphertext(this.#modules.blobs, handle);
    if (held !== undefined) {
      const data = this.#modules.blobs.read(fromHex(held.blob)!);
      if (data === undefined) throw new EngineError("INTERNAL_ERROR", `blob ${held.blob} is gone`, {});
      const { keyId, context, parameterSet } = held;
      return { handle: toHex(handle), type, keyId, context, data: toHex(data), ...protectionOf(parameterSet) };
    }
    return await this.#constant(handle, type);
  }

  async #constant(handle: Handle, type: string): Promise<CiphertextJson> {
    const record = await this.#record(handle);
    if (record === undefined) throw unknown(handle);
    const bits = await readConstant(handle, (key) => this.#modules.leaf(key));
    if (bits === undefined) throw this.#notHeld(handle, record);
    const { held: key } = this.#requireKey(record.keyId);
    const { scheme, parameterSet } = findParameterSet(key.parameterSet)!;
    const binding = { keyId: record.keyId, context: resultContext(handle) };
    const data = scheme.writeCiphertext(parameterSet, binding, scheme.trivial(parameterSet, bits));
    return {
      handle: toHex(handle),
      type,
      keyId: toHex(record.keyId),
      context: toHex(binding.context),
      data: toHex(data),
      ...protectionOf(key.parameterSet),
    };
  }

  #notHeld(handle: Handle, record: HandleRecord): EngineError {
    const name = toHex(handle);
    const job = this.#modules.jobs.get(handle);
    const isOver = job === undefined || job.status === "failed" || job.status === "cancelled" || job.status === "done";
    if (!isOver)
      return new EngineError("PRIVACY_RESULT_PENDING", `${name} is not evaluated yet: its job is ${job.status}`, {
        handle: name,
        jobId: job.jobId,
        status: job.status,
        retryAfterMs: Math.min(Math.max(job.etaMs ?? PENDING_RETRY_MS, PENDING_RETRY_MS), 60_000),
      });
    const expired = isExpired(record, this.#modules.height());
    const because = expired ? "nothing holds it any more" : (job?.because ?? "it is not here");
    return new EngineError("PRIVACY_RESULT_FAILED", `${name} has no ciphertext: ${because}`, { handle: name, because });
  }

  async explain(handle: Handle, account: Uint8Array): Promise<PrivacyMethods["privacy_explain"]["result"]> {
    const { allowed, because } = await this.#explain(handle, account);
    return { handle: toHex(handle), account: toHex(account), allowed, because };
  }

  async #explain(handle: Handle, account: Uint8Array): Promise<{ allowed: boolean; because: string }> {
    const who = toHex(account);
    const record = await this.#record(handle);
    if (record === undefined) {
      const held = heldCiphertext(this.#modules.blobs, handle);
      if (held === undefined)
        return { allowed: false, because: "no durable block made this handle, and nobody sent it" };
      const allowed = held.owner === who;
      return { allowed, because: `${who} ${allowed ? "sent it" : "did not send it"}, and no call has used it yet` };
    }
    if (originOf(handle) === Origin.constant) return { allowed: true, because: "it is a public constant" };
    const permissions = permissionsOf(record, account);
    if ((permissions & Permission.decrypt) !== 0)
      return { allowed: true, because: `its access list gives ${who} the right to decrypt it` };
    const may = record.accesses
      .filter((access) => (access.permissions & Permission.decrypt) !== 0)
      .map((access) => toHex(access.account));
    const others = may.length === 0 ? "it names nobody" : `it names ${may.join(", ")}`;
    const use = (permissions & Permission.use) === 0 ? "" : `, only to use it in calls`;
    return { allowed: false, because: `its access list gives ${who} no right to decrypt it${use}; ${others}` };
  }

  async #record(handle: Handle): Promise<HandleRecord | undefined> {
    const bytes = await this.#modules.leaf(handleKey(handle));
    return bytes === undefined ? undefined : decodeHandleRecord(handle, bytes);
  }

  // ── jobs ────────────────────────────────────────────────────────────────────

  jobs(filter: { status?: string | undefined; contract?: string | undefined }): { items: JobJson[]; open: number } {
    const { jobs } = this.#modules;
    return { items: this.#jobsJson(jobs.list(filter)), open: jobs.openCount };
  }

  jobsSince(version: number, limit: number): { items: JobJson[]; version: number } {
    const changed = this.#modules.jobs.changes.since(version, limit);
    return { items: this.#jobsJson(changed.items), version: changed.version };
  }

  async job(reference: Uint8Array, waitMs: number): Promise<JobJson> {
    return this.#jobJson(reference, await this.#modules.jobs.wait(reference, waitMs));
  }

  async cancelJob(reference: Uint8Array): Promise<JobJson> {
    return this.#jobJson(reference, await this.#modules.jobs.cancel(reference));
  }

  #jobJson(reference: Uint8Array, job: JobView | undefined): JobJson {
    if (job !== undefined) return this.#jobsJson([job])[0]!;
    throw new EngineError("PRIVACY_JOB_NOT_FOUND", `there is no job ${toHex(reference)}`, {
      reference: toHex(reference),
    });
  }

  /** With what protects what they compute on. */
  #jobsJson(jobs: readonly JobView[]): JobJson[] {
    const protections = new Map<string, ProtectionJson>();
    for (const { keyId } of jobs)
      if (!protections.has(keyId))
        protections.set(keyId, protectionOf(heldKey(this.#modules.blobs, fromHex(keyId)!)?.parameterSet ?? "unknown"));
    return jobs.map((job) => ({ ...job, ...protections.get(job.keyId)! }));
  }
}

function keyView({ keyId, held, unusedSinceMs, withdrawnAtMs, goesAtMs }: KeyState): KeyJson {
  return {
    keyId: toHex(keyId),
    bytes: held.bytes,
    ...protectionOf(held.parameterSet),
    state: withdrawnAtMs !== undefined ? "withdrawn" : unusedSinceMs !== undefined ? "unused" : "held",
    goesAtMs: goesAtMs ?? null,
  };
}

function unknownKey(keyId: Uint8Array, why: string): RejectedError {
  const id = toHex(keyId);
  return new RejectedError("PRIVACY_KEY_UNKNOWN", `the evaluation key ${id} ${why}`, { path: "keyId", keyId: id });
}

function unknown(handle: Handle): EngineError {
  return new EngineError("PRIVACY_HANDLE_UNKNOWN", `no durable block made the handle ${toHex(handle)}`, {
    handle: toHex(handle),
  });
}

/** A secret key's header stands in its first part (PrivacyUploads): nothing of it is kept. */
function refuseSecretKey({ offset, data }: UploadParams): void {
  if (offset === 0 && isSecretKey(fromHex(data.slice(0, HEADER_DIGITS))!))
    throw new RejectedError("PRIVACY_SECRET_KEY", "data: this is a secret key; it never leaves its holder", {
      path: "data",
    });
}

function protectionOf(parameterSet: string): ProtectionJson {
  const scheme = findParameterSet(parameterSet)?.scheme;
  return {
    scheme: scheme?.id ?? "unknown",
    parameterSet,
    security: scheme?.security ?? "unknown",
    notHidden: scheme?.leaks ?? [],
  };
}
