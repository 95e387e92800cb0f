/** The form of one entrypoint: a field for each argument, what may be done with it, and what came of it. */
import { useId, useState } from "preact/hooks";
import { type TokenUnit, withDecimals } from "../../client/amounts.ts";
import { argumentOf, type Entrypoint, type Input, signatureOf } from "../model/abi.ts";
import { type Outcome, query, send, simulate, type Target } from "../model/outcome.ts";
import { OutcomeView } from "./outcome-view.tsx";

interface EntrypointFormProps {
  readonly contract: string;
  readonly entrypoint: Entrypoint;
  readonly unit: TokenUnit | undefined;
  readonly sender: string;
  readonly canSend: boolean;
}

export function EntrypointForm({ contract, entrypoint, unit, sender, canSend }: EntrypointFormProps) {
  const { name, inputs, isView, isPayable } = entrypoint;
  const [typed, setTyped] = useState<readonly string[]>(inputs.map(({ type }) => (type === "bool" ? "false" : "")));
  const [value, setValue] = useState("");
  const [problems, setProblems] = useState<readonly (string | undefined)[]>([]);
  const [outcome, setOutcome] = useState<Outcome | undefined>(undefined);
  const [isBusy, setBusy] = useState(false);

  const run = async (act: (target: Target, body: { entrypoint: string; args: unknown[] }) => Promise<Outcome>) => {
    const parsed = inputs.map((input, index) => tried(() => argumentOf(input, typed[index]!)));
    setProblems(parsed.map(({ problem }) => problem));
    if (parsed.some(({ problem }) => problem !== undefined)) return;
    setBusy(true);
    const target = { contract, sender, value: value.trim() === "" ? undefined : value.trim() };
    setOutcome(await act(target, { entrypoint: name, args: parsed.map(({ result }) => result) }));
    setBusy(false);
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    void run(isView ? query : simulate);
  };

  return (
    <details class="entrypoint">
      <summary>
        <strong>{name}</strong>
        <span class="mono quiet">{signatureOf(entrypoint)}</span>
      </summary>
      <form onSubmit={submit} aria-label={name}>
        {(inputs.length > 0 || isPayable) && (
          <div class="inputs">
            {inputs.map((input, index) => (
              <Field
                key={index}
                input={input}
                place={index}
                value={typed[index]!}
                problem={problems[index]}
                unit={unit}
                onChange={(text) => {
                  setTyped(typed.with(index, text));
                  setOutcome(undefined);
                }}
              />
            ))}
            {isPayable && (
              <label class="field">
                <span>native value to send along</span>
                <input value={value} inputMode="numeric" onInput={(event) => setValue(event.currentTarget.value)} />
              </label>
            )}
          </div>
        )}
        <div class="row">
          <button type="submit" disabled={isBusy} class={isView || !canSend ? "primary" : ""}>
            {isView ? "query" : "simulate"}
          </button>
          {!isView && canSend && (
            <button type="button" class="primary" disabled={isBusy} onClick={() => void run(send)}>
              send
            </button>
          )}
        </div>
        <div aria-live="polite">
          {outcome !== undefined && <OutcomeView outcome={outcome} entrypoint={name} unit={unit} />}
        </div>
      </form>
    </details>
  );
}

function tried<T>(run: () => T): { result?: T; problem?: string } {
  try {
    return { result: run() };
  } catch (problem) {
    return { problem: (problem as Error).message };
  }
}

interface FieldProps {
  readonly input: Input;
  readonly place: number;
  readonly value: string;
  readonly problem: string | undefined;
  readonly unit: TokenUnit | undefined;
  readonly onChange: (text: string) => void;
}

function Field({ input: { name, type }, place, value, problem, unit, onChange }: FieldProps) {
  const id = useId();
  const isInvalid = problem !== undefined;
  return (
    <label class="field" for={id}>
      <span>
        {name === "" ? `argument ${place + 1}` : name} <span class="type">{type}</span>
      </span>
      {type === "bool" ? (
        <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
          <option>false</option>
          <option>true</option>
        </select>
      ) : (
        <input
          id={id}
          value={value}
          spellcheck={false}
          autoComplete="off"
          aria-invalid={isInvalid}
          placeholder={placeholderOf(type)}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      )}
      {isInvalid ? <em class="bad">{problem}</em> : <AmountHint name={name} type={type} value={value} unit={unit} />}
    </label>
  );
}

function AmountHint({ name, type, value, unit }: Input & { value: string; unit: TokenUnit | undefined }) {
  const isAmount = unit !== undefined && type === "uint256" && name !== "deadline" && /^\d+$/.test(value);
  if (!isAmount) return null;
  return (
    <em class="quiet">
      {withDecimals(value, unit.decimals)} {unit.symbol}
    </em>
  );
}

function placeholderOf(type: string): string {
  if (type === "address") return "0x…";
  if (type.endsWith("]")) return "[…]";
  if (type.startsWith("bytes")) return "0x…";
  return /^u?int/.test(type) ? "whole number, base units" : "";
}
