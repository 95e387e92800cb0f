/**
 * A trace as rectangles: a frame is as wide as its gas and stands under the frame that called it; what its own gas went to
 * stands under it too. A trace knows how much was spent on what, not when: calls come first, in their order, then items.
 */
import type { TraceFrameJson, TraceJson } from "../../client/methods.ts";

export interface Cell {
  readonly id: string;
  readonly title: string;
  readonly gas: number;
  /** In gas from the left edge. */
  readonly start: number;
  readonly depth: number;
  readonly kind: "frame" | "item" | "bad";
  /** Index of the frame, where it is one. */
  readonly frame: number | undefined;
}

export function cellsOf(trace: TraceJson): Cell[] {
  const { frames, intrinsicGas, omitted } = trace;
  const cells: Cell[] = [];
  const items = (gas: Readonly<Record<string, string>>, start: number, depth: number, of: string): number => {
    let at = start;
    for (const [item, amount] of Object.entries(gas)) {
      if (amount === "0") continue;
      cells.push({
        id: `${of} ${item}`,
        title: item,
        gas: Number(amount),
        start: at,
        depth,
        kind: "item",
        frame: undefined,
      });
      at += Number(amount);
    }
    return at;
  };
  const frame = (index: number, start: number, depth: number): number => {
    const traced = frames[index]!;
    const gas = Number(traced.gasUsed);
    const kind = traced.status === "success" ? "frame" : "bad";
    cells.push({ id: `frame ${index}`, title: frameTitle(traced), gas, start, depth, kind, frame: index });
    let at = start;
    for (const step of traced.steps) if (step.op === "call") at = frame(step.frame, at, depth + 1);
    items(traced.gas, at, depth + 1, `frame ${index}`);
    return start + gas;
  };
  const total = Number(trace.gasUsed);
  cells.push({ id: "all", title: "transaction", gas: total, start: 0, depth: 0, kind: "frame", frame: undefined });
  let at = items(intrinsicGas, 0, 1, "before");
  if (frames.length > 0) at = frame(0, at, 1);
  else if (omitted !== null)
    cells.push({
      id: "omitted",
      title: "left out",
      gas: Number(omitted.gas),
      start: at,
      depth: 1,
      kind: "item",
      frame: undefined,
    });
  return cells;
}

/** `transfer erc20`: what ran. */
export function frameTitle({ kind, entrypoint, contract }: TraceFrameJson): string {
  const what = entrypoint ?? (contract === null ? "value" : kind);
  return contract === null ? what : `${what} ${contract.type}`;
}
