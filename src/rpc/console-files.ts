/**
 * GET /console: the files of the web page, from memory, as the build left them compressed.
 *   /console, /console/contracts/0x…  ──▶ index.html (the page reads its own path)
 *   /console/assets/main-3f9c.js      ──▶ that file, kept for ever by the browser: its name changes with its content
 * Always
 *  - The page may load and ask its own origin, and nothing else: no inline script, no inline style, no frame around it.
 *  - Only names that the directory had at the first request are served; a path is never taken apart.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join } from "node:path";

export const CONSOLE_PATH = "/console";
const ASSETS = `${CONSOLE_PATH}/assets/`;

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const COMMON_HEADERS = [
  ...["Content-Security-Policy", CONTENT_SECURITY_POLICY],
  ...["X-Content-Type-Options", "nosniff"],
  ...["Referrer-Policy", "no-referrer"],
  ...["Cross-Origin-Opener-Policy", "same-origin"],
  ...["Cross-Origin-Resource-Policy", "same-origin"],
  ...["Vary", "Accept-Encoding"],
];

const CONTENT_TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Best first; the build writes them beside the file. */
const ENCODINGS = [
  { name: "br", ending: ".br" },
  { name: "gzip", ending: ".gz" },
] as const;

interface ConsoleFile {
  readonly contentType: string;
  readonly plain: Buffer;
  readonly encoded: ReadonlyMap<string, Buffer>;
}

export class ConsoleFiles {
  readonly #directory: string;
  /** By path below the directory; read when the first request comes, so that a daemon without visitors holds none of it. */
  #files: ReadonlyMap<string, ConsoleFile> | undefined;

  /** @param directory where the build put the page. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  has(path: string): boolean {
    return path === CONSOLE_PATH || path.startsWith(`${CONSOLE_PATH}/`);
  }

  send(path: string, request: IncomingMessage, response: ServerResponse): void {
    this.#files ??= readFiles(this.#directory);
    const isAsset = path.startsWith(ASSETS);
    const file = this.#files.get(isAsset ? path.slice(CONSOLE_PATH.length + 1) : "index.html");
    if (file === undefined) {
      const text = isAsset ? "there is no such file; load the page again\n" : "this build has no console\n";
      response.writeHead(404, ["Content-Type", "text/plain; charset=utf-8", ...COMMON_HEADERS]).end(text);
      return;
    }
    const accepted = String(request.headers["accept-encoding"] ?? "");
    const encoding = ENCODINGS.find(({ name }) => accepts(accepted, name) && file.encoded.has(name));
    const body = encoding === undefined ? file.plain : file.encoded.get(encoding.name)!;
    response.writeHead(200, [
      ...["Content-Type", file.contentType, "Content-Length", String(body.length)],
      ...["Cache-Control", isAsset ? "public, max-age=31536000, immutable" : "no-cache"],
      ...(encoding === undefined ? [] : ["Content-Encoding", encoding.name]),
      ...COMMON_HEADERS,
    ]);
    response.end(request.method === "HEAD" ? undefined : body);
  }
}

/** Whether an Accept-Encoding names it without refusing it by q=0. */
function accepts(header: string, name: string): boolean {
  return header.split(",").some((part) => {
    const [coding, ...parameters] = part.trim().split(/\s*;\s*/);
    return coding === name && !parameters.some((parameter) => /^q=0(\.0+)?$/i.test(parameter));
  });
}

/** Empty where there is no such directory. */
function readFiles(directory: string): Map<string, ConsoleFile> {
  const files = new Map<string, ConsoleFile>();
  for (const name of namesBelow(directory)) {
    const contentType = CONTENT_TYPES[extname(name)];
    if (contentType === undefined) continue;
    const encoded = new Map<string, Buffer>();
    for (const encoding of ENCODINGS) {
      const bytes = readIfThere(join(directory, name + encoding.ending));
      if (bytes !== undefined) encoded.set(encoding.name, bytes);
    }
    files.set(name, { contentType, plain: readFileSync(join(directory, name)), encoded });
  }
  return files;
}

function namesBelow(directory: string): string[] {
  try {
    return readdirSync(directory, { recursive: true }).map(String);
  } catch {
    return [];
  }
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
