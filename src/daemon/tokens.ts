/** The tokens file: one token a line, its role first (`submitter 0f3c…`); # begins a comment. Kept as SHA-256 only. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { EngineError } from "../errors.ts";
import { ROLES, type Role } from "../rpc/access.ts";

/** Shorter ones can be guessed. */
const TOKEN_CHARACTERS_MIN = 16;

/** Role by the SHA-256 of the token, hex. @throws EngineError CONFIGURATION_ERROR naming the line. */
export function loadTokens(path: string | undefined): Map<string, Role> {
  const tokens = new Map<string, Role>();
  if (path === undefined) return tokens;
  const problem = (message: string) =>
    new EngineError("CONFIGURATION_ERROR", `${path}: ${message}`, { key: "http.tokens_file", path });
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw problem((cause as Error).message);
  }
  text.split("\n").forEach((line, i) => {
    const [role, token, ...rest] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (role === undefined || role === "") return;
    if (!(ROLES as readonly string[]).includes(role))
      throw problem(`line ${i + 1}: the role is one of ${ROLES.join(", ")}`);
    if (token === undefined || rest.length > 0) throw problem(`line ${i + 1}: expected a role and a token`);
    if (token.length < TOKEN_CHARACTERS_MIN)
      throw problem(`line ${i + 1}: a token has at least ${TOKEN_CHARACTERS_MIN} characters`);
    tokens.set(createHash("sha256").update(token).digest("hex"), role as Role);
  });
  return tokens;
}
