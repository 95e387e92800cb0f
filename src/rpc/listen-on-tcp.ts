/** Listening on a TCP address. */
import type { Server } from "node:net";
import { EngineError } from "../errors.ts";

/** Resolves when `server` listens. @throws EngineError CONFIGURATION_ERROR naming the address, the reason and `facts`. */
export async function listenOnTcp(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
  facts: Record<string, unknown> = {},
): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("listening", resolve);
      server.once("error", reject);
      server.listen(port, host);
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `cannot listen on ${host}:${port}: ${reason}; choose another address, or stop what has this one`;
    throw new EngineError("CONFIGURATION_ERROR", message, { ...facts, host, port }, { cause });
  }
}
