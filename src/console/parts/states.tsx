/** What stands where data would: it is on its way, there is none, or it could not be had. */
import type { ComponentChildren } from "preact";
import type { EngineError } from "../../errors.ts";
import type { Answer } from "../use-rpc.ts";

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="state">
      <strong>{title}</strong>
      {children}
    </div>
  );
}

export function Loading() {
  return (
    <div class="loading" role="status">
      loading…
    </div>
  );
}

/** Code, message and what to do about it, as the daemon says. */
export function Problem({ error, retry }: { error: EngineError; retry?: (() => void) | undefined }) {
  return (
    <div class="problem" role="alert">
      <div>
        <code>{error.code}</code> {error.message}
      </div>
      <div class="quiet">{error.hint}</div>
      {retry !== undefined && (
        <div>
          <button type="button" onClick={retry}>
            try again
          </button>
        </div>
      )}
    </div>
  );
}

/** The answer when it is here; before that, or without one, what stands for it. An old answer stays under an error. */
export function Shown<T>({ answer, children }: { answer: Answer<T>; children: (data: T) => ComponentChildren }) {
  const { data, error, reload } = answer;
  return (
    <>
      {error !== undefined && <Problem error={error} retry={reload} />}
      {data !== undefined ? children(data) : error === undefined && <Loading />}
    </>
  );
}
