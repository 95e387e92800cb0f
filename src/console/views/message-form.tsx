/** A contract that is called by JSON messages: one field, a query or a call. */
import { useState } from "preact/hooks";
import { EngineError } from "../../errors.ts";
import { type Body, type Outcome, query, send, simulate, type Target } from "../model/outcome.ts";
import { Panel } from "../parts/panel.tsx";
import { OutcomeView } from "./outcome-view.tsx";

interface MessageFormProps {
  readonly contract: string;
  readonly sender: string;
  readonly canSend: boolean;
}

export function MessageForm({ contract, sender, canSend }: MessageFormProps) {
  const [text, setText] = useState("");
  const [value, setValue] = useState("");
  const [outcome, setOutcome] = useState<Outcome | undefined>(undefined);
  const [isBusy, setBusy] = useState(false);
  const run = async (act: (target: Target, body: Body) => Promise<Outcome>): Promise<void> => {
    setBusy(true);
    const target = { contract, sender, value: value.trim() === "" ? undefined : value.trim() };
    const msg = messageOf(text);
    setOutcome(msg instanceof EngineError ? { kind: "problem", error: msg } : await act(target, { msg }));
    setBusy(false);
  };
  return (
    <Panel title="Message" isPadded={false}>
      <div class="entrypoint">
        <form
          aria-label="message"
          onSubmit={(event) => {
            event.preventDefault();
            void run(query);
          }}
        >
          <label class="field">
            <span>a JSON object with one key, the name of the message</span>
            <textarea
              class="mono"
              rows={5}
              value={text}
              spellcheck={false}
              placeholder='{"balance": {"address": "poly1…"}}'
              onInput={(event) => setText(event.currentTarget.value)}
            />
          </label>
          <label class="field">
            <span>native value to send along</span>
            <input value={value} inputMode="numeric" onInput={(event) => setValue(event.currentTarget.value)} />
          </label>
          <div class="row">
            <button type="submit" class="primary" disabled={isBusy}>
              query
            </button>
            <button type="button" disabled={isBusy} onClick={() => void run(simulate)}>
              simulate
            </button>
            {canSend && (
              <button type="button" disabled={isBusy} onClick={() => void run(send)}>
                send
              </button>
            )}
          </div>
          <div aria-live="polite">{outcome !== undefined && <OutcomeView outcome={outcome} />}</div>
        </form>
      </div>
    </Panel>
  );
}

function messageOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (problem) {
    return new EngineError("VALIDATION_ERROR", `the message is no JSON: ${(problem as Error).message}`);
  }
}
