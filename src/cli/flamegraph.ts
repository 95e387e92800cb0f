/**
 * A trace as a profile that speedscope opens (https://www.speedscope.app/file-format-schema.json): where gas stands for time.
 * Sampled, since a trace knows how much gas each frame spent on what, not when: one sample for each item of each frame, in the
 * order in which the frames began, weighted by its gas. The weights add up to the transaction's gas used.
 */
import type { TraceFrameJson, TraceJson } from "../client/methods.ts";
import { VERSION } from "../version.ts";

export interface SpeedscopeFile {
  readonly $schema: "https://www.speedscope.app/file-format-schema.json";
  readonly exporter: string;
  readonly name: string;
  readonly activeProfileIndex: number;
  readonly shared: { readonly frames: readonly { readonly name: string }[] };
  readonly profiles: readonly {
    readonly type: "sampled";
    readonly name: string;
    readonly unit: "none";
    readonly startValue: number;
    readonly endValue: number;
    /** Each a stack, outermost first, of indices into the frames. */
    readonly samples: readonly (readonly number[])[];
    readonly weights: readonly number[];
  }[];
}

const LEFT_OUT = "left out of the trace";

export function speedscopeOf(trace: TraceJson): SpeedscopeFile {
  const names = new Map<string, number>();
  const samples: number[][] = [];
  const weights: number[] = [];
  const indexOf = (name: string): number => {
    const known = names.get(name);
    if (known !== undefined) return known;
    names.set(name, names.size);
    return names.size - 1;
  };
  const sample = (stack: readonly number[], item: string, gas: string): void => {
    if (gas === "0") return;
    samples.push([...stack, indexOf(item)]);
    weights.push(Number(gas));
  };

  const transaction = [indexOf(`transaction ${trace.transactionHash}`)];
  for (const [item, gas] of Object.entries(trace.intrinsicGas)) sample(transaction, item, gas);
  const stacks: number[][] = [];
  for (const frame of trace.frames) {
    const below = frame.parent === null ? transaction : stacks[frame.parent]!;
    const stack = [...below, indexOf(frameTitle(frame))];
    stacks.push(stack);
    for (const [item, gas] of Object.entries(frame.gas)) sample(stack, item, gas);
    if (frame.omitted !== undefined) sample(stack, LEFT_OUT, frame.omitted.gas);
  }
  if (trace.frames.length === 0 && trace.omitted !== null) sample(transaction, LEFT_OUT, trace.omitted.gas);
  const name = `gas of ${trace.transactionHash}`;
  return {
    $schema: "https://www.speedscope.app/file-format-schema.json",
    exporter: `polytorus ${VERSION}`,
    name,
    activeProfileIndex: 0,
    shared: { frames: [...names.keys()].map((title) => ({ name: title })) },
    profiles: [
      { type: "sampled", name, unit: "none", startValue: 0, endValue: Number(trace.gasUsed), samples, weights },
    ],
  };
}

/** `transfer erc20 0x5fbd…`: what ran, and where. */
export function frameTitle({ kind, entrypoint, contract, address }: TraceFrameJson): string {
  const what = entrypoint ?? (contract === null ? "value" : kind);
  return [what, contract?.type, address].filter((part) => part !== undefined).join(" ");
}
