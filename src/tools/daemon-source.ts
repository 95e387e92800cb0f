/**
 * DaemonSource: the log of a running daemon, over its socket, whatever it keeps it in: how a chain in memory gets to a disk. A
 * log from genesis has the state in it; keys and ciphertexts of privacy contracts do not come this way.
 */
import type { Client } from "../client/client.ts";
import { BlockEntry } from "../encoding/block-entry.ts";
import { EngineError } from "../errors.ts";
import type { StoreHead, StorePart, StoreSource } from "../storage/copies/store-source.ts";

export class DaemonSource implements StoreSource {
  readonly name: string;
  readonly head: StoreHead;
  readonly firstSeq = 0;
  readonly chain = undefined;
  readonly rowCount = 0;
  readonly #client: Client;

  /** @param name of the client's daemon. @throws EngineError PRUNED when its log does not begin at genesis. */
  static async open(name: string, client: Client): Promise<DaemonSource> {
    const { firstSeq, lastSeq } = await client.call("log_entries", { fromSeq: 0, bytesMax: 0 });
    if (firstSeq > 0)
      throw new EngineError("PRUNED", `the log of ${name} begins with entry ${firstSeq}: copy its data directory`, {
        firstSeq,
      });
    const { entries } = await client.call("log_entries", { fromSeq: lastSeq, bytesMax: 1 });
    return new DaemonSource(name, client, BlockEntry.parse(fromBase64(entries[0]!)));
  }

  private constructor(name: string, client: Client, { chainId, seq, height, blockHash, stateRoot }: BlockEntry) {
    this.name = name;
    this.#client = client;
    this.head = { chainId, seq, height, blockHash, stateRoot };
  }

  async *parts(): AsyncGenerator<StorePart> {
    const { seq: lastSeq } = this.head;
    for (let seq = 0; seq <= lastSeq; ) {
      const answer = await this.#client.call("log_entries", { fromSeq: seq });
      const entries = answer.entries.slice(0, lastSeq - seq + 1).map(fromBase64);
      yield { kind: "entries", entries };
      seq += entries.length;
    }
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}
