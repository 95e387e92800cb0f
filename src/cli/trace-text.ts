/** A trace for people: the tree of calls, each with its gas, what it read, wrote and logged, and how it ended. */

import { formatValue, grouped } from "../client/amounts.ts";
import type { TraceFrameJson, TraceJson, TraceOmittedJson, TraceStepJson } from "../client/methods.ts";
import { readableKey } from "../client/readable-key.ts";
import type { Styles } from "./styles.ts";

const INDENT = "  ";
const SHOWN_BYTES_MAX = 32;
const REFUSALS = {
  noContract: "no contract stands there",
  valueNotCovered: "the caller's balance does not cover the value",
  callDepth: "the chain allows no deeper calls",
} as const;

export function traceText(trace: TraceJson, styles: Styles): string {
  const { status, gasUsed, gasLimit, blockHeight, transactionIndex, intrinsicGas, omitted } = trace;
  const mark = status === "success" ? styles.good(status) : styles.bad(status);
  const place = styles.dim(`block ${blockHeight}, transaction ${transactionIndex}`);
  const lines = [
    `${mark}  ${grouped(gasUsed)} gas of ${grouped(gasLimit)}  ${place}`,
    `${styles.dim("before it runs")}  ${gasText(intrinsicGas)}`,
  ];
  if (trace.frames.length > 0) new TreeText(trace, styles, lines).frame(0, "");
  if (omitted !== null) lines.push(styles.warn(`the trace is cut: ${omittedText(omitted)}`));
  return lines.join("\n");
}

class TreeText {
  readonly #trace: TraceJson;
  readonly #styles: Styles;
  readonly #lines: string[];

  constructor(trace: TraceJson, styles: Styles, lines: string[]) {
    this.#trace = trace;
    this.#styles = styles;
    this.#lines = lines;
  }

  frame(index: number, indent: string): void {
    const frame = this.#trace.frames[index]!;
    const { dim, bad, bold } = this.#styles;
    const own = frame.ownGas === frame.gasUsed ? "" : `, ${grouped(frame.ownGas)} its own`;
    this.#lines.push(`${indent}${bold(headline(frame))}  ${dim(`${grouped(frame.gasUsed)} gas${own}`)}`);
    const inner = indent + INDENT;
    const put = (name: string, text: string): void => {
      this.#lines.push(`${inner}${dim(name.padEnd(10))}${text}`.trimEnd());
    };
    if (Object.keys(frame.gas).length > 0) put("gas", gasText(frame.gas));
    for (const step of frame.steps) {
      if (step.op === "call") this.frame(step.frame, inner);
      else put(step.op, stepText(step));
    }
    if (frame.omitted !== undefined) put("…", omittedText(frame.omitted));
    const end = endText(frame);
    if (end !== undefined)
      put(frame.status === "success" ? "returns" : frame.status, frame.status === "success" ? end : bad(end));
  }
}

/** `call erc20 0x5fbd… transfer(to 0x…, value 25)`. */
function headline(frame: TraceFrameJson): string {
  const { kind, contract, address, entrypoint, args, value, calldata, msg } = frame;
  const input =
    entrypoint !== undefined
      ? `${entrypoint}(${args === undefined ? (msg === undefined ? "…" : JSON.stringify(msg)) : argumentsText(args)})`
      : calldata !== undefined
        ? `calldata ${shortened(calldata)}`
        : undefined;
  const paid = value === "0" ? undefined : `with ${grouped(value)}`;
  return [kind, contract?.type, address, input, paid].filter((part) => part !== undefined).join(" ");
}

function argumentsText(args: Record<string, unknown> | unknown[]): string {
  if (Array.isArray(args)) return args.map(formatValue).join(", ");
  return Object.entries(args)
    .map(([name, value]) => `${name} ${formatValue(value)}`)
    .join(", ");
}

function stepText(step: Exclude<TraceStepJson, { op: "call" }>): string {
  switch (step.op) {
    case "read": {
      const of = step.address === undefined ? "" : `${step.address} `;
      return `${of}${readableKey(step.key)} = ${valueText(step.value)}`;
    }
    case "write":
      return `${readableKey(step.key)}  ${valueText(step.before)} → ${valueText(step.after)}`;
    case "balance":
      return `${step.address} = ${grouped(step.balance)}`;
    case "log":
      if (step.event !== undefined) return `${step.event}(${argumentsText(step.args ?? {})})`;
      return `topics ${step.topics.join(" ")}  data ${shortened(step.data)}`;
  }
}

/** How the frame ended; undefined for a success without a result. */
function endText({ status, refusal, haltReason, revert, result, returnData }: TraceFrameJson): string | undefined {
  if (refusal !== undefined) return REFUSALS[refusal];
  if (status === "halted") return haltReason ?? "the gas is spent";
  if (status === "success") return result === undefined || result === null ? undefined : formatValue(result);
  if (revert === undefined || revert.name === null) return `with ${shortened(returnData ?? "0x")}`;
  const text = `${revert.name}(${argumentsText(revert.args)})`;
  return revert.message === "" || revert.message.startsWith(revert.name) ? text : `${text}: ${revert.message}`;
}

function gasText(items: Record<string, string>): string {
  return Object.entries(items)
    .map(([item, gas]) => `${item} ${grouped(gas)}`)
    .join(", ");
}

function omittedText({ steps, frames, gas, data }: TraceOmittedJson): string {
  const parts = [
    frames === 0 ? undefined : `${counted(frames, "call")} of ${grouped(gas)} gas`,
    steps === 0 ? undefined : counted(steps, "step"),
    data === 0 ? undefined : counted(data, "long value"),
  ];
  return `${parts.filter((part) => part !== undefined).join(", ")} left out`;
}

function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}

function valueText(value: string | null): string {
  return value === null ? "absent" : shortened(value);
}

function shortened(hex: string): string {
  const bytes = (hex.length - 2) / 2;
  return bytes <= SHOWN_BYTES_MAX ? hex : `${hex.slice(0, 2 + 2 * SHOWN_BYTES_MAX)}… (${bytes} bytes)`;
}
