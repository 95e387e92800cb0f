/** What a transaction did, frame by frame: each call with its gas, what it read, wrote and logged, and how it ended. */

import { useState } from "preact/hooks";
import type { TraceFrameJson, TraceJson, TraceOmittedJson, TraceStepJson } from "../../client/methods.ts";
import { readableKey } from "../../client/readable-key.ts";
import { shortHex, whole } from "../format.ts";
import { useKnown } from "../model/names.ts";
import { AccountReference, ContractReference } from "../parts/reference.tsx";
import { ArgumentList, ResultValue } from "../parts/value.tsx";

/** A trace may have thousands of frames: more are drawn when they are asked for. */
const FRAMES_SHOWN = 200;
const OPEN_DEPTH = 2;
const VALUE_CHARS = 66;
const REFUSALS = {
  noContract: "no contract stands there",
  valueNotCovered: "the caller's balance does not cover the value",
  callDepth: "the chain allows no deeper calls",
} as const;

export function CallTree({ trace }: { trace: TraceJson }) {
  const [shown, setShown] = useState(FRAMES_SHOWN);
  const { frames, omitted } = trace;
  return (
    <>
      {frames.length === 0 ? <p class="quiet">It runs nothing.</p> : <Frame trace={trace} index={0} shown={shown} />}
      {frames.length > shown && (
        <p class="row">
          <button type="button" onClick={() => setShown(shown + FRAMES_SHOWN)}>
            show more of the {whole(frames.length)} frames
          </button>
        </p>
      )}
      {omitted !== null && <p class="warn">The trace is cut: {omittedText(omitted)}.</p>}
    </>
  );
}

function Frame({ trace, index, shown }: { trace: TraceJson; index: number; shown: number }) {
  const frame = trace.frames[index]!;
  const unit = useKnown(frame.contract === null ? undefined : frame.address)?.unit;
  if (index >= shown) return null;
  const hasFailed = frame.status !== "success";
  return (
    <details class="frame" open={frame.depth < OPEN_DEPTH || hasFailed}>
      <summary>
        <span>
          {frame.kind !== "call" && <span class="quiet">{frame.kind} </span>}
          {frame.contract === null ? (
            <AccountReference address={frame.address} />
          ) : (
            <ContractReference address={frame.address} />
          )}{" "}
          {frame.entrypoint !== undefined && <strong>{frame.entrypoint}</strong>}
          {frame.args !== undefined ? (
            <>
              (<ArgumentList args={frame.args} unit={unit} />)
            </>
          ) : (
            <span class="mono quiet"> {inputText(frame)}</span>
          )}
          {hasFailed && <span class="chip bad">{frame.status}</span>}
        </span>
        <span class="number quiet">{whole(frame.gasUsed)} gas</span>
      </summary>
      <dl class="steps">
        <dt>gas</dt>
        <dd>
          {Object.entries(frame.gas)
            .map(([item, gas]) => `${item} ${whole(gas)}`)
            .join(", ")}
        </dd>
      </dl>
      {frame.steps.map((step, place) =>
        step.op === "call" ? (
          <Frame key={`frame ${step.frame}`} trace={trace} index={step.frame} shown={shown} />
        ) : (
          <Step key={place} step={step} frame={frame} />
        ),
      )}
      <End frame={frame} />
    </details>
  );
}

function inputText({ calldata, msg }: TraceFrameJson): string {
  if (msg !== undefined) return JSON.stringify(msg);
  return calldata === undefined ? "" : shortened(calldata);
}

function Step({ step, frame }: { step: Exclude<TraceStepJson, { op: "call" }>; frame: TraceFrameJson }) {
  const unit = useKnown(frame.contract === null ? undefined : frame.address)?.unit;
  return (
    <dl class="steps">
      <dt>{step.op}</dt>
      <dd>
        {step.op === "read" && `${step.address ?? ""} ${readableKey(step.key)} = ${valueText(step.value)}`.trim()}
        {step.op === "write" && (
          <>
            {readableKey(step.key)} <span class="bad">{valueText(step.before)}</span> →{" "}
            <span class="good">{valueText(step.after)}</span>
          </>
        )}
        {step.op === "balance" && `${step.address} = ${whole(step.balance)}`}
        {step.op === "log" &&
          (step.event === undefined ? (
            `topics ${step.topics.join(" ")} data ${shortened(step.data)}`
          ) : (
            <>
              {step.event}(<ArgumentList args={step.args ?? {}} unit={unit} />)
            </>
          ))}
      </dd>
    </dl>
  );
}

function End({ frame }: { frame: TraceFrameJson }) {
  const { status, refusal, haltReason, revert, result, returnData, omitted } = frame;
  const unit = useKnown(frame.contract === null ? undefined : frame.address)?.unit;
  return (
    <dl class="steps">
      {omitted !== undefined && [<dt key="o">…</dt>, <dd key="ot">{omittedText(omitted)}</dd>]}
      {status === "success" &&
        result !== undefined &&
        result !== null && [
          <dt key="r">returns</dt>,
          <dd key="rv">
            <ResultValue
              {...(frame.entrypoint === undefined ? {} : { entrypoint: frame.entrypoint })}
              value={result}
              unit={unit}
            />
          </dd>,
        ]}
      {status !== "success" && [
        <dt key="f">{status}</dt>,
        <dd key="fv" class="bad">
          {refusal !== undefined
            ? REFUSALS[refusal]
            : status === "halted"
              ? (haltReason ?? "the gas is spent")
              : revert?.name != null
                ? [`${revert.name}(`, <ArgumentList key="a" args={revert.args} unit={unit} />, ")"]
                : `with ${shortened(returnData ?? "0x")}`}
        </dd>,
      ]}
    </dl>
  );
}

function valueText(value: string | null): string {
  return value === null ? "absent" : shortened(value);
}

function shortened(hex: string): string {
  return hex.length <= VALUE_CHARS ? hex : `${shortHex(hex, 34, 16)} (${(hex.length - 2) / 2} bytes)`;
}

function omittedText({ steps, frames, gas, data }: TraceOmittedJson): string {
  return [
    frames > 0 && `${whole(frames)} calls of ${whole(gas)} gas`,
    steps > 0 && `${whole(steps)} steps`,
    data > 0 && `${whole(data)} long values`,
  ]
    .filter((part) => part !== false)
    .join(", ");
}
