/** privacy keygen, upload-key, encrypt, decrypt: what happens with keys, on the machine of whoever holds them. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { grouped } from "../../client/amounts.ts";
import { KeyHolder } from "../../client/key-holder.ts";
import type { UploadParams } from "../../client/privacy-methods.ts";
import { ENCRYPTED_TYPES, type EncryptedType, getEncryptedType } from "../../encoding/encrypted-type.ts";
import { fromHex, toHex } from "../../encoding/hex.ts";
import { EngineError } from "../../errors.ts";
import { isAddon, loadAddon } from "../../native/addon.ts";
import { Tfhe } from "../../native/tfhe.ts";
import type { Handler } from "../context.ts";
import { fields, table } from "../table.ts";
import { requireAddress, senderFrom } from "../transactions.ts";

const SECRET_KEY = "secret.key";
const EVALUATION_KEY = "evaluation.key";
const SECRET_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
/** Twice as long in hex: within what HTTP takes. */
const PART_BYTES = 1024 * 1024;

export function openKeyHolder(): KeyHolder {
  const addon = loadAddon();
  return isAddon(addon) ? new KeyHolder(new Tfhe(addon)) : new KeyHolder(undefined, addon.missing);
}

export const keygen: Handler = (context, _args, options) => {
  const directory = resolve(context.cwd, options["out"] as string);
  const holder = openKeyHolder();
  const wanted = (options["params"] as string | undefined) ?? holder.defaultParameterSet();
  const { secretKey, evaluationKey, keyId, parameterSet } = holder.generateKeys(wanted);
  mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
  writeNew(join(directory, SECRET_KEY), secretKey, SECRET_MODE);
  writeNew(join(directory, EVALUATION_KEY), evaluationKey, 0o644);
  const result = { keyId: toHex(keyId), parameterSet, directory, evaluationKeyBytes: evaluationKey.length };
  context.output.result(result, () =>
    fields([
      ["key id", result.keyId],
      ["parameter set", parameterSet === "plain" ? "plain (hides nothing)" : parameterSet],
      ["secret key", join(directory, SECRET_KEY)],
      ["evaluation key", `${join(directory, EVALUATION_KEY)}, ${evaluationKey.length} bytes`],
    ]),
  );
};

/** Never over a key that is there: what was encrypted under it would be lost. */
function writeNew(path: string, bytes: Uint8Array, mode: number): void {
  try {
    writeFileSync(path, bytes, { flag: "wx", mode });
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new EngineError("VALIDATION_ERROR", `--out: cannot write ${path}: ${why}`, { path: "--out" });
  }
}

export const uploadKey: Handler = async (context, args) => {
  const file = readKey(context.cwd, args[0] as string, EVALUATION_KEY, "DIR");
  let answer: { received: number; keyId?: string; parameterSet?: string; security?: string } = { received: 0 };
  for (const part of partsOf(file)) answer = await context.remote.call("privacy_putKey", part);
  context.output.result(answer, () => answer.keyId ?? "");
  if (context.output.isForPeople)
    context.output.talk(context.output.talkStyles.dim(`parameter set ${answer.parameterSet}; ${answer.security}`));
};

export const keys: Handler = async ({ remote, output }, _args, options) => {
  const page = await remote.call("privacy_keys", { limit: options["limit"] as number });
  output.page(page, () =>
    table(
      [
        { title: "key" },
        { title: "parameter set" },
        { title: "bytes", align: "right" },
        { title: "state" },
        { title: "goes" },
      ],
      page.items.map(({ keyId, parameterSet, bytes, state, goesAtMs }) => [
        keyId,
        parameterSet,
        grouped(bytes),
        state,
        goesAtMs === null ? "" : new Date(goesAtMs).toISOString(),
      ]),
    ),
  );
};

export const withdrawKey: Handler = async ({ remote, output }, args) => {
  const key = await remote.call("privacy_withdrawKey", { keyId: requireHash(args[0] as string, "KEYID") });
  output.result(key, () => `withdrawn; it goes at ${new Date(key.goesAtMs!).toISOString()}`);
};

export const collect: Handler = async ({ remote, output }) => {
  const gone = await remote.call("privacy_collect", {});
  output.result(gone, () => `let go of ${gone.keys} keys, ${gone.values} values, ${gone.uploads} uploads`);
};

export const encrypt: Handler = async (context, args, options) => {
  const type = requireType(options["type"] as string);
  const contract = requireAddress(options["contract"] as string, "--contract");
  const owner = senderFrom(options, context.environment);
  const holder = openKeyHolder();
  const secretKey = readKey(context.cwd, options["key"] as string, SECRET_KEY, "--key");
  const value = requireValue(args[0] as string);
  const bound = { type, contract: fromHex(contract.toLowerCase())!, owner: fromHex(owner.toLowerCase())! };
  const file = holder.encrypt(secretKey, value, bound);
  const keyId = toHex(holder.keyIdOf(secretKey));
  const binding = { keyId, type: type.name, contract, owner };
  let answer: { handle?: string; security?: string; parameterSet?: string } = {};
  for (const part of partsOf(file))
    answer = await context.remote.call("privacy_putCiphertext", { ...part, ...binding });
  context.output.result(answer, () => answer.handle ?? "");
  if (context.output.isForPeople)
    context.output.talk(
      context.output.talkStyles.dim(`for ${owner} to use in calls of ${contract}; ${answer.security}`),
    );
};

export const decrypt: Handler = async (context, args, options) => {
  const handle = requireHash(args[0] as string, "HANDLE");
  const account = senderFrom(options, context.environment);
  const secretKey = readKey(context.cwd, options["key"] as string, SECRET_KEY, "--key");
  const holder = openKeyHolder();
  const { data, context: bound, ...rest } = await context.remote.call("privacy_getCiphertext", { handle, account });
  const value = holder.decrypt(secretKey, { data, context: bound }).toString();
  context.output.result({ ...rest, value }, () => value);
};

/** @throws EngineError VALIDATION_ERROR */
export function requireHash(text: string, path: string): string {
  if (/^0x[0-9a-fA-F]{64}$/.test(text)) return text.toLowerCase();
  throw new EngineError(
    "VALIDATION_ERROR",
    `${path}: expected 0x and 64 hex digits, received ${JSON.stringify(text)}`,
    {
      path,
      received: text,
    },
  );
}

function requireType(name: string): EncryptedType {
  const type = getEncryptedType(name);
  if (type !== undefined) return type;
  const known = ENCRYPTED_TYPES.map((known) => known.name);
  throw new EngineError("VALIDATION_ERROR", `--type: expected one of ${known.join(", ")}, received ${name}`, {
    path: "--type",
    expected: known,
  });
}

function requireValue(text: string): bigint {
  if (text === "true" || text === "false") return text === "true" ? 1n : 0n;
  if (/^(0|[1-9][0-9]{0,38})$/.test(text)) return BigInt(text);
  throw new EngineError("INVALID_AMOUNT", `VALUE: expected a whole number, true or false, received ${text}`, {
    path: "VALUE",
  });
}

export function readKey(cwd: string, directory: string, name: string, option: string): Uint8Array {
  const path = join(resolve(cwd, directory), name);
  try {
    return new Uint8Array(readFileSync(path));
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new EngineError("VALIDATION_ERROR", `${option}: cannot read ${path}: ${why}`, { path: option });
  }
}

function* partsOf(file: Uint8Array): Generator<UploadParams> {
  const sha256 = toHex(createHash("sha256").update(file).digest());
  for (let offset = 0; offset < file.length; offset += PART_BYTES)
    yield { offset, total: file.length, sha256, data: toHex(file.slice(offset, offset + PART_BYTES)) };
}
