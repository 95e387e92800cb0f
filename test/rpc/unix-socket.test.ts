import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listenOnUnixSocket } from "../../src/rpc/unix-socket.ts";

describe("listening on a Unix socket", () => {
  let directory: string;
  const servers: ReturnType<typeof createServer>[] = [];
  const listen = async (options: Omit<Parameters<typeof listenOnUnixSocket>[1], "path"> & { path: string }) => {
    const server = createServer();
    await listenOnUnixSocket(server, options);
    servers.push(server);
    return server;
  };
  const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "uds-"));
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
    rmSync(directory, { recursive: true, force: true });
  });

  it("makes a 0600 socket in a 0700 directory, whatever the umask", async () => {
    const umask = process.umask(0);
    const path = join(directory, "new", "deep", "engine.ipc");
    await listen({ path });
    expect([modeOf(path), modeOf(join(directory, "new", "deep")), modeOf(join(directory, "new"))]).toEqual([
      "600",
      "700",
      "700",
    ]);
    expect(process.umask(umask)).toBe(0);
  });

  it("gives the socket the mode and the group that were asked for", async () => {
    const path = join(directory, "engine.ipc");
    const group = process.getgid!();
    await listen({ path, mode: 0o660, group });
    expect(modeOf(path)).toBe("660");
    expect(statSync(path).gid).toBe(group);
  });

  it("leaves the mode of a directory that was there", async () => {
    const shared = join(directory, "shared");
    mkdirSync(shared);
    chmodSync(shared, 0o755);
    await listen({ path: join(shared, "engine.ipc") });
    expect(modeOf(shared)).toBe("755");
  });

  it("replaces a socket on which nobody listens", async () => {
    const path = join(directory, "engine.ipc");
    // A process that dies leaves its socket behind; renaming keeps close() from removing it.
    const dead = await listen({ path: join(directory, "other.ipc") });
    const { renameSync } = await import("node:fs");
    renameSync(join(directory, "other.ipc"), path);
    servers.splice(servers.indexOf(dead), 1);
    await new Promise((resolve) => dead.close(resolve));
    expect(existsSync(path)).toBe(true);
    await listen({ path });
  });

  it("refuses a socket on which someone listens, by name, and leaves it", async () => {
    const path = join(directory, "engine.ipc");
    await listen({ path });
    await expect(listen({ path })).rejects.toMatchObject({
      code: "CONFIGURATION_ERROR",
      message: expect.stringContaining(path),
    });
    expect(existsSync(path)).toBe(true);
  });

  it("refuses a file that is no socket, and leaves it", async () => {
    const path = join(directory, "notes.txt");
    writeFileSync(path, "keep me");
    await expect(listen({ path })).rejects.toMatchObject({ code: "CONFIGURATION_ERROR", facts: { path } });
    expect(existsSync(path)).toBe(true);
  });

  it("takes a path of 107 bytes, refuses one of 108 and proposes one that fits", async () => {
    const path = (bytes: number) => join(directory, "x".repeat(bytes - directory.length - 1));
    await listen({ path: path(107) });
    const problem = await listen({ path: path(108) }).catch((error: unknown) => error);
    expect(problem).toMatchObject({ code: "CONFIGURATION_ERROR", facts: { bytes: 108, max: 107 } });
    const { suggestion } = (problem as { facts: { suggestion: string } }).facts;
    expect(Buffer.byteLength(suggestion)).toBeLessThanOrEqual(107);
  });

  it("counts bytes, not characters", async () => {
    const path = join(directory, "é".repeat(60));
    await expect(listen({ path })).rejects.toMatchObject({ code: "CONFIGURATION_ERROR", facts: { max: 107 } });
  });

  it("refuses a group that is not there", async () => {
    const refused = listen({ path: join(directory, "engine.ipc"), group: "no-such-group" });
    await expect(refused).rejects.toMatchObject({ code: "CONFIGURATION_ERROR", facts: { group: "no-such-group" } });
  });
});
