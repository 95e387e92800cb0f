/** Secrets are hidden wherever configuration and the log are shown. */
import { expect, it } from "vitest";
import { maskSecrets } from "../../src/config/secrets.ts";
import { redactedLine } from "../../src/observability/log.ts";

it("hides passwords and tokens in URLs and headers, and nothing else", () => {
  const masked: [string, string][] = [
    ["postgres://polytorus:pw@db/x?sslmode=require", "postgres://polytorus:***@db/x?sslmode=require"],
    ["cannot reach redis://:p@ss@h:6379/0: refused", "cannot reach redis://:***@h:6379/0: refused"],
    ["http://h:4318/v1/traces?tenant=a&access_token=abc.d-e", "http://h:4318/v1/traces?tenant=a&access_token=***"],
    ["http://h/?X-Amz-Signature=0f&x=1", "http://h/?X-Amz-Signature=***&x=1"],
    ["authorization: Bearer 0f3c.d_e-a=", "authorization: Bearer ***"],
    ["Basic dXNlcjpwdw==", "Basic ***"],
  ];
  for (const [text, expected] of masked) expect(maskSecrets(text)).toBe(expected);
  for (const plain of [
    "http://127.0.0.1:8645/console",
    "/v1/contracts?cursor=a&limit=5",
    "postgres://polytorus@db/x",
    "a bearer token whose role allows it",
  ])
    expect(maskSecrets(plain)).toBe(plain);
});

it("hides secrets in a line of the log, in whatever member, message or stack they stand", () => {
  const line = {
    level: 40,
    msg: "failed at redis://:pw-1@h/0",
    err: {
      stack: "Error: redis://:pw-1@h/0\n    at f",
      facts: { a: { b: { password: "pw-2", s3SecretAccessKey: "pw-3" } } },
    },
    headers: [{ authorization: "pw-4", cookie: "pw-5" }],
    keys: [
      { mnemonic: "pw-6", api_key: "pw-7", apiKey: "pw-8", private_key: "pw-9", accessKey: "pw-0" },
      { token: "pw-1" },
    ],
    height: 7,
    address: "0x5fbdb2315678afecb367f032d93f642f64180aa3",
  };
  const written = redactedLine(`${JSON.stringify(line)}\n`, maskSecrets);
  expect(written).not.toMatch(/pw-\d/);
  expect(written.endsWith("}\n")).toBe(true);
  const { level, height, address, msg } = JSON.parse(written) as Record<string, unknown>;
  expect({ level, height, address }).toEqual({ level: 40, height: 7, address: line.address });
  expect(msg).toBe("failed at redis://:***@h/0");
});
