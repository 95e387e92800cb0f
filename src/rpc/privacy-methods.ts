/** privacy_*: keys, ciphertexts, jobs and permissions of privacy contracts. */
import { fromHex, toHex } from "../encoding/hex.ts";
import { EngineError } from "../errors.ts";
import { requireRole } from "./access.ts";
import { ALICE, CONTRACT, TOKEN, word } from "./examples.ts";
import { pageSize } from "./limits.ts";
import { define, type MethodContext, type MethodTable, requireAddress } from "./method.ts";
import {
  Address,
  Bytes,
  Cursor,
  closed,
  Facts,
  Hash,
  Limit,
  list,
  nullable,
  optional,
  page,
  Text,
  Truth,
  Whole,
  words,
} from "./schemas.ts";
import type { PrivacyService } from "./services.ts";
import { invalid } from "./validate.ts";

/** One answer is held back at most this long; whoever wants to wait longer asks again. */
const WAIT_MS_MAX = 60_000;
const KEY_ID_BYTES = 32;
const STATUSES = ["waiting", "ready", "running", "done", "failed", "cancelled"] as const;
const JOB_ID = word("0a").slice(0, 62);

const upload = { offset: Whole, total: Whole, sha256: Hash, data: Bytes };
const protection = { scheme: Text, parameterSet: Text, security: Text, notHidden: list(Text) };
/** Once the upload is whole. */
const uploadedProtection = {
  scheme: optional(Text),
  parameterSet: optional(Text),
  security: optional(Text),
  notHidden: optional(list(Text)),
};
const PLAIN = { scheme: "plain", parameterSet: "plain", security: "none", notHidden: ["everything"] };
const JobId = Text;

const Key = closed(
  { keyId: Hash, bytes: Whole, ...protection, state: words("held", "unused", "withdrawn"), goesAtMs: nullable(Whole) },
  { title: "EvaluationKey" },
);
const KEY = {
  keyId: word("0c"),
  bytes: 96,
  ...PLAIN,
  state: "held",
  goesAtMs: null,
} as const;

const Job = closed(
  {
    jobId: JobId,
    status: words(...STATUSES),
    phase: Text,
    percent: Whole,
    gatesDone: Whole,
    gatesTotal: Whole,
    depth: Whole,
    ratePerSecond: Whole,
    etaMs: nullable(Whole),
    contract: Address,
    keyId: Hash,
    ...protection,
    handles: list(Hash),
    height: Whole,
    attempts: Whole,
    because: nullable(Text),
  },
  { title: "Job" },
);
const JOB = {
  jobId: JOB_ID,
  status: "running",
  phase: "evaluating",
  percent: 50,
  gatesDone: 63,
  gatesTotal: 127,
  depth: 64,
  ratePerSecond: 400,
  etaMs: 160,
  contract: CONTRACT.address,
  keyId: word("0c"),
  ...PLAIN,
  handles: [word("0b")],
  height: 3,
  attempts: 1,
  because: null,
} as const;

export const PRIVACY_METHODS = {
  privacy_schemes: define("privacy_schemes", {
    description: "Every encryption scheme: what it claims, on which assumptions, and what it does not hide.",
    role: "reader",
    params: closed({}),
    result: list(Facts),
    example: { params: {}, result: [] },
    handle: (_params, context) => privacyOf(context).schemes(),
  }),

  privacy_putKey: define("privacy_putKey", {
    description:
      "Uploads an evaluation key, in parts if need be; the part that completes it gets the keyId. A secret key is refused.",
    role: "submitter",
    params: closed(upload),
    result: closed({ received: Whole, keyId: optional(Hash), ...uploadedProtection }),
    example: {
      params: { offset: 0, total: 96, sha256: word("0c"), data: "0x" },
      result: { received: 96, ...PLAIN, keyId: word("0c") },
    },
    handle: (params, context) => privacyOf(context).putKey(params, context.caller.name),
  }),

  privacy_key: define("privacy_key", {
    description:
      "An evaluation key that is here: its parameter set, what that protects, and whether it goes, since nothing refers to it.",
    role: "reader",
    params: closed({ keyId: Hash }),
    result: Key,
    example: { params: { keyId: word("0c") }, result: KEY as never },
    handle: ({ keyId }, context) => privacyOf(context).key(fromHex(keyId)!),
  }),

  privacy_keys: define("privacy_keys", {
    description: "The evaluation keys that are here, in the order of their ids.",
    role: "reader",
    params: closed({ cursor: optional(Cursor), limit: optional(Limit) }),
    result: page(Key),
    example: { params: {}, result: { items: [KEY as never], nextCursor: null } },
    handle({ cursor, limit }, context) {
      const size = pageSize({ limit }, context.limits);
      const items = privacyOf(context).keys();
      // A key that went meanwhile still has its place in the order.
      if (cursor !== undefined && fromHex(cursor)?.length !== KEY_ID_BYTES)
        throw invalid("cursor", "the nextCursor of an earlier page", cursor);
      const rest = cursor === undefined ? items : items.filter(({ keyId }) => keyId > cursor);
      const shown = rest.slice(0, size);
      return { items: shown, nextCursor: rest.length > size ? shown.at(-1)!.keyId : null };
    },
  }),

  privacy_withdrawKey: define("privacy_withdrawKey", {
    description:
      "Takes an evaluation key out of use that no contract has: nothing can refer to it any more, and it goes after an hour. Uploading it again brings it back.",
    role: "admin",
    isAudited: true,
    params: closed({ keyId: Hash }),
    result: Key,
    example: {
      params: { keyId: word("0c") },
      result: { ...KEY, state: "withdrawn", goesAtMs: 1_767_225_600_000 } as never,
    },
    handle: ({ keyId }, context) => privacyOf(context).withdrawKey(fromHex(keyId)!),
  }),

  privacy_collect: define("privacy_collect", {
    description: "Lets go, now instead of within an hour, of keys, values and uploads that nothing refers to any more.",
    role: "admin",
    isAudited: true,
    params: closed({}),
    result: closed({ keys: Whole, values: Whole, uploads: Whole }),
    example: { params: {}, result: { keys: 1, values: 12, uploads: 0 } },
    handle: (_params, context) => privacyOf(context).collect(),
  }),

  privacy_putCiphertext: define("privacy_putCiphertext", {
    description:
      "Uploads a ciphertext that its owner may use in calls of one contract; answers its handle. It is durable when answered.",
    role: "submitter",
    params: closed({ ...upload, keyId: Hash, type: Text, contract: Address, owner: Address }),
    result: closed({
      received: Whole,
      handle: optional(Hash),
      ...uploadedProtection,
    }),
    example: {
      params: {
        offset: 0,
        total: 200,
        sha256: word("0d"),
        data: "0x",
        keyId: word("0c"),
        type: "euint64",
        contract: TOKEN,
        owner: ALICE,
      },
      result: { received: 200, handle: word("0e") },
    },
    handle(params, context) {
      requireAddress(params.contract, "contract");
      requireAddress(params.owner, "owner");
      return privacyOf(context).putCiphertext(params, context.caller.name);
    },
  }),

  privacy_getCiphertext: define("privacy_getCiphertext", {
    description:
      "The ciphertext behind a handle, for an account that its access list allows; without an account, for the role admin.",
    role: "submitter",
    params: closed({ handle: Hash, account: optional(Address) }),
    result: closed({ handle: Hash, type: Text, keyId: Hash, context: Hash, data: Bytes, ...protection }),
    example: {
      params: { handle: word("0e"), account: ALICE },
      result: {
        handle: word("0e"),
        type: "euint64",
        keyId: word("0c"),
        context: word("0f"),
        data: "0x",
        ...PLAIN,
      },
    },
    handle({ handle, account }, context) {
      if (account === undefined) requireRole(context.caller, "admin", "privacy_getCiphertext without an account");
      const who = account === undefined ? undefined : requireAddress(account, "account");
      return privacyOf(context).ciphertext(fromHex(handle)!, who);
    },
  }),

  privacy_jobs: define("privacy_jobs", {
    description: "Evaluations that wait, run, or were over of late, in the order in which blocks ordered them.",
    role: "reader",
    params: closed({
      status: optional(words(...STATUSES)),
      contract: optional(Address),
      cursor: optional(Cursor),
      limit: optional(Limit),
    }),
    result: closed({ ...page(Job).properties, open: Whole }),
    example: { params: {}, result: { items: [JOB as never], nextCursor: null, open: 1 } },
    handle({ status, contract, cursor, limit }, context) {
      const size = pageSize({ limit }, context.limits);
      const of = contract === undefined ? undefined : toHex(requireAddress(contract, "contract"));
      const { items, open } = privacyOf(context).jobs({ status, contract: of });
      const start = cursor === undefined ? 0 : 1 + items.findIndex(({ jobId }) => jobId === cursor);
      // A job that was over is let go of some time: beginning again would never come to an end.
      if (cursor !== undefined && start === 0) throw invalid("cursor", "the id of a job that is still listed", cursor);
      const shown = items.slice(start, start + size);
      return { items: shown, nextCursor: start + size < items.length ? shown.at(-1)!.jobId : null, open };
    },
  }),

  privacy_job: define("privacy_job", {
    description: "One evaluation, by its id or by the handle of a result; with waitMs when it is over, or then.",
    role: "reader",
    params: closed({ jobId: optional(JobId), handle: optional(Hash), waitMs: optional(Whole) }),
    result: Job,
    example: { params: { handle: word("0b") }, result: JOB as never },
    handle: (params, context) => privacyOf(context).job(referenceOf(params), Math.min(params.waitMs ?? 0, WAIT_MS_MAX)),
  }),

  privacy_cancelJob: define("privacy_cancelJob", {
    description: "Ends an evaluation for good: its results, and all that would be made of them, will never be there.",
    role: "admin",
    isAudited: true,
    params: closed({ jobId: optional(JobId), handle: optional(Hash) }),
    result: Job,
    example: { params: { jobId: JOB_ID }, result: JOB as never },
    handle: (params, context) => privacyOf(context).cancelJob(referenceOf(params)),
  }),

  privacy_explain: define("privacy_explain", {
    description: "Whether an account may be given the ciphertext behind a handle, and exactly why.",
    role: "reader",
    params: closed({ handle: Hash, account: Address }),
    result: closed({ handle: Hash, account: Address, allowed: Truth, because: Text }),
    example: {
      params: { handle: word("0b"), account: ALICE },
      result: { handle: word("0b"), account: ALICE, allowed: true, because: "it is a public constant" },
    },
    handle: ({ handle, account }, context) =>
      privacyOf(context).explain(fromHex(handle)!, requireAddress(account, "account")),
  }),
} satisfies Partial<MethodTable>;

function privacyOf({ service }: MethodContext): PrivacyService {
  if (service.privacy !== undefined) return service.privacy;
  throw new EngineError("UNSUPPORTED_CONTRACT", "this daemon runs no privacy contracts", {});
}

function referenceOf({ jobId, handle }: { jobId?: string | undefined; handle?: string | undefined }): Uint8Array {
  if ((jobId === undefined) === (handle === undefined))
    throw invalid("jobId", "either jobId or handle", "neither or both");
  const bytes = fromHex(jobId ?? handle!);
  if (bytes === undefined) throw invalid("jobId", "the id of a job: 0x and hex digits", jobId);
  return bytes;
}
