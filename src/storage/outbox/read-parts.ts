/** Reads a file in parts of one length; the last may be shorter. Each is the caller's. */
import { open } from "node:fs/promises";

export async function* readParts(path: string, partBytes: number): AsyncGenerator<Buffer<ArrayBuffer>> {
  const file = await open(path, "r");
  try {
    for (let position = 0; ; position += partBytes) {
      const part = Buffer.alloc(partBytes);
      let done = 0;
      while (done < partBytes) {
        const { bytesRead } = await file.read(part, done, partBytes - done, position + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      if (done > 0) yield part.subarray(0, done);
      if (done < partBytes) return;
    }
  } finally {
    await file.close();
  }
}
