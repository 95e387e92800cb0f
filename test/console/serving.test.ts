/** How the daemon serves the console: small, compressed, under a policy that lets it load nothing from elsewhere. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ConsoleDaemon, openConsoleDaemon } from "../support/console-daemon.ts";
import { BUILT } from "../support/engine.ts";

const BUILT_CONSOLE = fileURLToPath(new URL("console/", BUILT));
const GZIP_BYTES_MAX = 120 * 1024;

interface Got {
  status: number;
  headers: Record<string, string | undefined>;
  body: Buffer;
}

let daemon: ConsoleDaemon;
beforeAll(async () => {
  daemon = await openConsoleDaemon({ flags: ["--storage", "memory"] });
});
afterAll(() => daemon.close());

/** As it came over the wire: `fetch` would decompress it and tidy the path. */
function get(path: string, encoding = "", method = "GET"): Promise<Got> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(daemon.url);
    const sent = request({ hostname, port, path, method, headers: { "accept-encoding": encoding } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({
          status: response.statusCode!,
          headers: response.headers as Got["headers"],
          body: Buffer.concat(chunks),
        }),
      );
    });
    sent.on("error", reject).end();
  });
}

async function assetPaths(): Promise<string[]> {
  const { body } = await get("/console");
  return [...body.toString().matchAll(/(?:src|href)="(\/console\/assets\/[^"]+)"/g)].map(([, path]) => path!);
}

it("is at most 120 KiB of gzip in all", () => {
  const files = readdirSync(BUILT_CONSOLE, { recursive: true }).map(String);
  const plain = files.filter((name) => /\.(html|js|css|svg)$/.test(name));
  const sizes = plain.map(
    (name) => statSync(join(BUILT_CONSOLE, files.includes(`${name}.gz`) ? `${name}.gz` : name)).size,
  );
  const total = sizes.reduce((sum, size) => sum + size, 0);
  process.stdout.write(`console: ${(total / 1024).toFixed(1)} KiB of gzip in ${plain.length} files\n`);
  expect(plain).toContain("index.html");
  expect(total).toBeLessThanOrEqual(GZIP_BYTES_MAX);
});

it("answers the page for every path below /console, asked for again each time", async () => {
  const page = readFileSync(join(BUILT_CONSOLE, "index.html"), "utf8");
  for (const path of [
    "/console",
    "/console/",
    "/console/contracts/0x00?tab=1",
    "/console/../console",
    "/console/%2e%2e/x",
  ]) {
    const { status, headers, body } = await get(path);
    expect([path, status, body.toString()]).toEqual([path, 200, page]);
    expect(headers).toMatchObject({ "content-type": "text/html; charset=utf-8", "cache-control": "no-cache" });
  }
});

it("lets the page load and ask its own origin only, and nobody frame it", async () => {
  for (const path of ["/console", ...(await assetPaths()), "/console/assets/none.js"]) {
    const { headers } = await get(path);
    const policy = headers["content-security-policy"]!.split("; ");
    expect(policy).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
      ]),
    );
    expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" });
    expect(headers).not.toHaveProperty("access-control-allow-origin");
  }
});

it("has no script or style in the page itself, and no address of another host", async () => {
  const page = (await get("/console")).body.toString();
  expect(page.match(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/gi)).toBeNull();
  expect(page.match(/(?:src|href)="(?!\/console\/)/g)).toBeNull();
});

it("sends assets compressed as the browser can take them, to be kept for ever", async () => {
  const paths = await assetPaths();
  expect(paths.map((path) => path.split(".").at(-1)).sort()).toEqual(["css", "js", "svg"]);
  const script = paths.find((path) => path.endsWith(".js"))!;
  const plain = await get(script);
  expect(plain.headers).toMatchObject({
    "cache-control": "public, max-age=31536000, immutable",
    "content-type": "text/javascript; charset=utf-8",
    vary: "Accept-Encoding",
  });
  expect(plain.headers).not.toHaveProperty("content-encoding");
  const brotli = await get(script, "gzip, deflate, br");
  expect(brotli.headers["content-encoding"]).toBe("br");
  expect(brotliDecompressSync(brotli.body)).toEqual(plain.body);
  const gzip = await get(script, "gzip, br;q=0");
  expect(gzip.headers["content-encoding"]).toBe("gzip");
  expect(gunzipSync(gzip.body)).toEqual(plain.body);
  expect(Number(gzip.headers["content-length"])).toBe(gzip.body.length);
  const head = await get(script, "br", "HEAD");
  expect([head.body.length, Number(head.headers["content-length"])]).toEqual([0, brotli.body.length]);
});

it.each([
  "/console/assets/none.js",
  "/console/assets/../../main.js",
  "/console/assets/%2e%2e%2findex.html",
  "/console/assets/",
])("has nothing at %s", async (path) => {
  expect((await get(path)).status).toBe(404);
});

it("leaves /consoles and other methods alone", async () => {
  expect((await get("/consoles")).status).toBe(404);
  expect((await get("/console", "", "POST")).status).toBe(404);
});
