/** What changed in the state: before, after, and where. */

import type { TraceFrameJson, TraceJson } from "../../client/methods.ts";
import { readableKey } from "../../client/readable-key.ts";
import { shortHex } from "../format.ts";
import { PlaceReference } from "../parts/reference.tsx";
import { Empty } from "../parts/states.tsx";
import { Table } from "../parts/table.tsx";

export interface Change {
  readonly address: string | undefined;
  /** Hex, as the contract has it. */
  readonly key?: string;
  /** What stands for the key, where it is none of a contract's own. */
  readonly name?: string;
  readonly before: string | null;
  readonly after: string | null;
}

export function DiffTable({ changes }: { changes: readonly Change[] }) {
  if (changes.length === 0) return <Empty title="It changed nothing" />;
  return (
    <Table
      class="diff"
      items={changes}
      keyOf={({ address, key, name }) => `${address} ${key ?? name}`}
      columns={[
        {
          head: "of",
          cell: ({ address }) => (address === undefined ? "the chain" : <PlaceReference address={address} />),
        },
        { head: "key", title: ({ key }) => key, cell: ({ key, name }) => name ?? readableKey(key!) },
        { head: "before", cellClass: "before", cell: ({ before }) => <Bytes value={before} /> },
        { head: "after", cellClass: "after", cell: ({ after }) => <Bytes value={after} /> },
      ]}
    />
  );
}

const SHOWN_CHARS = 66;

function Bytes({ value }: { value: string | null }) {
  if (value === null) return <span class="quiet">absent</span>;
  return <span title={numberIn(value)}>{value.length > SHOWN_CHARS ? shortHex(value, 34, 16) : value}</span>;
}

function numberIn(value: string): string {
  return value.length > 2 && value.length <= 66 && value.length !== 42 ? BigInt(value).toString() : value;
}

/** The net change of each key by what the frames of a trace wrote; what was written in a frame that failed is no change. */
export function changesOf({ frames }: TraceJson): Change[] {
  const changes = new Map<string, Change>();
  const visit = (frame: TraceFrameJson): void => {
    if (frame.status !== "success") return;
    for (const step of frame.steps) {
      if (step.op === "call") visit(frames[step.frame]!);
      if (step.op !== "write") continue;
      const id = `${frame.address} ${step.key}`;
      const before = changes.get(id)?.before;
      changes.set(id, {
        address: frame.address,
        key: step.key,
        before: before === undefined ? step.before : before,
        after: step.after,
      });
    }
  };
  if (frames[0] !== undefined) visit(frames[0]);
  return [...changes.values()].filter(({ before, after }) => before !== after);
}
