/** The privacy_* methods as TypeScript types (client/methods.ts). Every answer about a value names what protects it. */
import type { PageJson, PageParams } from "./methods.ts";

/** A part of a file: the first has offset 0; the one that completes it gets the answer. */
export interface UploadParams {
  offset: number;
  /** Bytes of the whole file, and their SHA-256. */
  total: number;
  sha256: string;
  data: string;
}

export interface UploadedJson {
  /** Bytes that are here; the next part begins there. */
  received: number;
}

/** What protects a value, and what it does not hide. */
export interface ProtectionJson {
  scheme: string;
  parameterSet: string;
  /** "none" where nothing is hidden. */
  security: string;
  notHidden: readonly string[];
}

export interface ParameterSetJson {
  id: string;
  securityBits: number;
  failureLog2: number | null;
  source: string;
}

export interface KeyJson extends ProtectionJson {
  keyId: string;
  bytes: number;
  /** Unused: nothing refers to it, as far as was looked. Withdrawn: nothing can any more, unless it is uploaded again. */
  state: "held" | "unused" | "withdrawn";
  /** At the earliest; null: it stays. */
  goesAtMs: number | null;
}

/** What was let go of. */
export interface CollectedJson {
  keys: number;
  values: number;
  uploads: number;
}

export interface SchemeJson {
  id: string;
  security: string;
  claim: string;
  assumptions: readonly string[];
  parameterSets: readonly ParameterSetJson[];
  leaks: readonly string[];
  cost: string;
  paper: string;
  /** Why this daemon cannot evaluate it; null when it can. */
  missing: string | null;
}

export interface CiphertextJson extends ProtectionJson {
  handle: string;
  type: string;
  keyId: string;
  /** What the file is bound to: decryption asks for it. */
  context: string;
  data: string;
}

export type JobStatusJson = "waiting" | "ready" | "running" | "done" | "failed" | "cancelled";

export interface JobJson extends ProtectionJson {
  jobId: string;
  status: JobStatusJson;
  phase: string;
  percent: number;
  gatesDone: number;
  gatesTotal: number;
  depth: number;
  ratePerSecond: number;
  etaMs: number | null;
  contract: string;
  keyId: string;
  handles: string[];
  height: number;
  attempts: number;
  because: string | null;
}

interface ByHandle {
  handle: string;
}

/** One of the two. */
export interface JobReference {
  jobId?: string | undefined;
  handle?: string | undefined;
}

export interface PrivacyMethods {
  privacy_schemes: { params: Record<string, never>; result: SchemeJson[] };
  privacy_putKey: {
    params: UploadParams;
    result: UploadedJson & Partial<ProtectionJson> & { keyId?: string };
  };
  privacy_key: { params: { keyId: string }; result: KeyJson };
  privacy_keys: { params: PageParams; result: PageJson<KeyJson> };
  privacy_withdrawKey: { params: { keyId: string }; result: KeyJson };
  privacy_collect: { params: Record<string, never>; result: CollectedJson };
  privacy_putCiphertext: {
    params: UploadParams & { keyId: string; type: string; contract: string; owner: string };
    result: UploadedJson & Partial<ProtectionJson> & { handle?: string };
  };
  privacy_getCiphertext: { params: ByHandle & { account?: string | undefined }; result: CiphertextJson };
  privacy_jobs: {
    params: PageParams & { status?: JobStatusJson | undefined; contract?: string | undefined };
    result: PageJson<JobJson> & { open: number };
  };
  /** With `waitMs` it answers when the job is over, or then. */
  privacy_job: { params: JobReference & { waitMs?: number | undefined }; result: JobJson };
  privacy_cancelJob: { params: JobReference; result: JobJson };
  privacy_explain: {
    params: ByHandle & { account: string };
    result: { handle: string; account: string; allowed: boolean; because: string };
  };
}
