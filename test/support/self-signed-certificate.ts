/** A certificate for localhost that vouches for itself, made for one test run: X.509 v3 (RFC 5280), ECDSA P-256 (RFC 5480). */
import { generateKeyPairSync, sign } from "node:crypto";

const Tag = { integer: 0x02, bits: 0x03, octets: 0x04, oid: 0x06, utf8: 0x0c, time: 0x18, sequence: 0x30, set: 0x31 };
const COMMON_NAME = Buffer.from([0x55, 0x04, 0x03]);
const SUBJECT_ALT_NAME = Buffer.from([0x55, 0x1d, 0x11]);
const ECDSA_WITH_SHA256 = Buffer.from([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]);
/** Context-specific tags: version, extensions, DNS name. */
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const DNS_NAME = 0x82;

function der(tag: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const size = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}

function generalizedTime(year: number): Buffer {
  return der(Tag.time, Buffer.from(`${year}0101000000Z`));
}

/** Both as PEM. */
export function selfSignedCertificate(): { certificate: string; key: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = der(Tag.sequence, der(Tag.oid, ECDSA_WITH_SHA256));
  const commonName = der(Tag.sequence, der(Tag.oid, COMMON_NAME), der(Tag.utf8, Buffer.from("localhost")));
  const name = der(Tag.sequence, der(Tag.set, commonName));
  const year = new Date().getUTCFullYear();
  const alternatives = der(Tag.octets, der(Tag.sequence, der(DNS_NAME, Buffer.from("localhost"))));
  const toBeSigned = der(
    Tag.sequence,
    der(VERSION, der(Tag.integer, Buffer.from([2]))),
    der(Tag.integer, Buffer.from([1])),
    algorithm,
    name,
    der(Tag.sequence, generalizedTime(year - 1), generalizedTime(year + 2)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(EXTENSIONS, der(Tag.sequence, der(Tag.sequence, der(Tag.oid, SUBJECT_ALT_NAME), alternatives))),
  );
  const signature = der(Tag.bits, Buffer.from([0]), sign("sha256", toBeSigned, privateKey));
  const text = der(Tag.sequence, toBeSigned, algorithm, signature).toString("base64").replace(/.{64}/g, "$&\n");
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  };
}
