/** What holds of every trace, whatever ran: it says what the receipt and the block say. */
import { expect } from "vitest";
import type { BlockEntry } from "../../src/encoding/block-entry.ts";
import { readDelta } from "../../src/encoding/delta.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { decodeReceipt } from "../../src/encoding/receipt.ts";
import { StateTag } from "../../src/encoding/state-key.ts";
import type { Trace, TracedFrame } from "../../src/execution/call-tracer.ts";

function sum(items: Record<string, number>): number {
  return Object.values(items).reduce((total, gas) => total + gas, 0);
}

/** Frames whose writes and logs were kept, in the order in which they began. */
function isKept(trace: Trace, frame: TracedFrame): boolean {
  for (
    let at: TracedFrame | undefined = frame;
    at !== undefined;
    at = at.parent === undefined ? undefined : trace.frames[at.parent]
  )
    if (at.status !== "success") return false;
  return true;
}

/** Steps of the transaction in the order in which they happened, each with its frame. */
function* walk(trace: Trace, index = 0): Generator<{ frame: TracedFrame; step: TracedFrame["steps"][number] }> {
  const frame = trace.frames[index];
  for (const step of frame?.steps ?? []) {
    yield { frame: frame!, step };
    if (step.op === "call") yield* walk(trace, step.frame);
  }
}

export function expectGasToAddUp(trace: Trace, gasUsed: number): void {
  const frames = trace.frames.reduce((total, { ownGas }) => total + ownGas, 0);
  expect(sum(trace.intrinsic) + frames + (trace.omitted?.gas ?? 0)).toBe(gasUsed);
  for (const [index, frame] of trace.frames.entries()) {
    expect(sum(frame.items)).toBe(frame.ownGas);
    expect(frame.gasUsed).toBeLessThanOrEqual(frame.gasLimit);
    const callees = trace.frames.filter(({ parent }) => parent === index);
    expect(callees.reduce((total, callee) => total + callee.gasUsed, frame.ownGas)).toBe(
      frame.gasUsed - (frame.omitted?.gas ?? 0),
    );
    expect(callees.every(({ depth }) => depth === frame.depth + 1)).toBe(true);
  }
}

const hex = (value: Uint8Array | undefined) => (value === undefined ? undefined : toHex(value));

/** What kept writes leave, by whole state key; keys that ended as they began are left out. */
export function netWrites(trace: Trace): Map<string, [string | undefined, string | undefined]> {
  const net = new Map<string, [string | undefined, string | undefined]>();
  for (const { frame, step } of walk(trace)) {
    if (step.op !== "write" || !isKept(trace, frame)) continue;
    const key = `0x13${toHex(frame.address).slice(2)}${toHex(step.key).slice(2)}`;
    net.set(key, [net.has(key) ? net.get(key)![0] : hex(step.before), hex(step.after)]);
  }
  return new Map([...net].filter(([, [before, after]]) => before !== after));
}

export function stateChanges(block: BlockEntry): Map<string, [string | undefined, string | undefined]> {
  return new Map(
    [...readDelta(block.delta)]
      .filter(({ key }) => key[0] === StateTag.state)
      .map(({ key, oldValue, newValue }) => [toHex(key), [hex(oldValue), hex(newValue)]]),
  );
}

export function expectTraceOf(block: BlockEntry, index: number, trace: Trace): void {
  const receipt = decodeReceipt(block.bytes, block.receiptAt(index));
  expectGasToAddUp(trace, receipt.gasUsed);
  const [outermost] = trace.frames;
  expect(outermost).toMatchObject({ status: receipt.status, haltReason: receipt.haltReason, parent: undefined });
  expect(toHex(outermost!.returnData!)).toBe(toHex(receipt.returnData));
  const logs = [...walk(trace)].flatMap(({ frame, step }) =>
    step.op === "log" && isKept(trace, frame) ? [{ address: frame.address, topics: step.topics, data: step.data }] : [],
  );
  expect(logs).toEqual(receipt.logs);
}
