/** HTTP over TLS: with a certificate and its key the listener speaks nothing else. */
import { writeFileSync } from "node:fs";
import { request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { call } from "../support/http-suite.ts";
import { type FakeDaemon, openFakeDaemon } from "../support/rpc-target.ts";
import { selfSignedCertificate } from "../support/self-signed-certificate.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const { certificate, key } = selfSignedCertificate();

/** Files of a certificate and a key, with what they hold. */
function files(cert: string, privateKey: string): { tlsCertFile: string; tlsKeyFile: string } {
  const directory = temporaryDirectory();
  const paths = { tlsCertFile: join(directory, "cert.pem"), tlsKeyFile: join(directory, "key.pem") };
  writeFileSync(paths.tlsCertFile, cert);
  writeFileSync(paths.tlsKeyFile, privateKey);
  return paths;
}

describe("HTTP over TLS", () => {
  async function open(): Promise<FakeDaemon> {
    const daemon = await openFakeDaemon({ http: files(certificate, key) });
    onTestFinished(() => daemon.close());
    return daemon;
  }

  /** Asks over TLS as somebody who trusts `ca`, or over plain TCP. */
  function ask({ url }: FakeDaemon, ca: string | undefined): Promise<string> {
    const { port } = new URL(url);
    const headers = { "content-type": "application/json", host: "localhost" };
    const options = { host: "127.0.0.1", port, method: "POST", path: "/", headers };
    return new Promise((resolve, reject) => {
      const request =
        ca === undefined ? plainRequest(options) : tlsRequest({ ...options, ca, servername: "localhost" });
      request.on("response", (response) => {
        let text = "";
        response.on("data", (part: Buffer) => {
          text += part.toString();
        });
        response.on("end", () => resolve(text));
      });
      request.on("error", reject);
      request.end(call("engine_info"));
    });
  }

  it("answers whoever trusts the certificate, and says https where it listens", async () => {
    const daemon = await open();
    expect(daemon.url).toMatch(/^https:/);
    expect(JSON.parse(await ask(daemon, certificate)).result).toMatchObject({ chainId: 1337 });
  });

  it("shows the certificate it was given: to whoever trusts another one it is a stranger", async () => {
    await expect(ask(await open(), selfSignedCertificate().certificate)).rejects.toThrow(/certificate|signature/i);
  });

  it("answers nothing to plain HTTP", async () => {
    await expect(ask(await open(), undefined)).rejects.toThrow();
  });

  it.each([
    ["a certificate that is none", () => files("not a certificate", key)],
    ["the key of another certificate", () => files(certificate, selfSignedCertificate().key)],
    ["a file that is not there", () => ({ ...files(certificate, key), tlsKeyFile: "/missing/key.pem" })],
  ])("does not start with %s", async (_, paths) => {
    await expect(openFakeDaemon({ http: paths() })).rejects.toMatchObject({ code: "CONFIGURATION_ERROR" });
  });
});
