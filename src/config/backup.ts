/** Where scheduled backups go, and as whom. */
import type { BackupConfig } from "./config.ts";
import { maskSecrets } from "./secrets.ts";
import { readSecret } from "./server-url.ts";
import type { SettingKey, SettingValue } from "./settings.ts";

const EMPTY_URL = { protocol: "", username: "", password: "" };

type Get = <K extends SettingKey>(key: K) => SettingValue<K>;
type Report = (key: SettingKey, message: string) => void;

/** Undefined: none are taken. */
export function backupConfig(get: Get, report: Report): BackupConfig | undefined {
  const everySecs = get("backup.every_secs");
  if (everySecs === 0) return undefined;
  if (get("storage.kind") === "memory")
    report("backup.every_secs", "with storage memory there is nothing on a disk to back up; 0 turns it off");
  const [directory, url] = [get("backup.directory"), get("backup.s3_url")];
  if ((directory === undefined) === (url === undefined))
    report("backup.every_secs", "needs to know where to: backup.directory or backup.s3_url, one of them");
  const to = directory === undefined ? { s3: bucketOf(url ?? "", get, report) } : { directory };
  return { everySecs, keep: get("backup.keep"), to };
}

function bucketOf(url: string, get: Get, report: Report): Extract<BackupConfig["to"], { s3: unknown }>["s3"] {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*?))?\/*$/.exec(url);
  if (match === null && url !== "")
    report("backup.s3_url", `expected s3://bucket or s3://bucket/prefix, received ${JSON.stringify(url)}`);
  const region = get("backup.s3_region");
  const endpoint = get("backup.s3_endpoint") ?? `https://s3.${region}.amazonaws.com`;
  const { protocol, username, password } = URL.canParse(endpoint) ? new URL(endpoint) : EMPTY_URL;
  // Requests are signed with the access key: what a URL says beside it would only be shown where the endpoint is.
  if (!/^https?:$/.test(protocol) || username !== "" || password !== "")
    report(
      "backup.s3_endpoint",
      `expected an http or https URL without user and password, received ${JSON.stringify(maskSecrets(endpoint))}`,
    );
  const accessKeyId = get("backup.s3_access_key_id");
  const key = "backup.s3_secret_access_key";
  const secretAccessKey = get(key) ?? readSecret(get(`${key}_file`), `${key}_file`, report);
  if (url !== "" && (accessKeyId === undefined || secretAccessKey === undefined))
    report("backup.s3_access_key_id", `a bucket needs this and ${key}, or ${key}_file`);
  return {
    endpoint,
    region,
    bucket: match?.[1] ?? "",
    prefix: match?.[2] ?? "",
    accessKeyId: accessKeyId ?? "",
    secretAccessKey: secretAccessKey ?? "",
  };
}
