/**
 * What a method answers, asked for when a part is drawn, again when its parameters change, as `Freshness` says while the page
 * can be seen, and when the daemon came back. An error leaves what was there before in its place.
 */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { MethodName, PageJson, ParamsOf, ResultOf } from "../client/methods.ts";
import type { EngineError } from "../errors.ts";
import { blocks, isStreaming } from "./live.ts";
import { asEngineError, call, connection } from "./rpc.ts";
import { useStore } from "./store.ts";

/** How an answer is kept up to date; neither: it is not. */
export interface Freshness {
  /** Asked for again so long after the last answer. */
  readonly everyMs?: number | undefined;
  /** Asked for again when there are new blocks. */
  readonly isLive?: boolean | undefined;
}

/** Where no stream says that there is something new. */
export const LIVE_POLL_MS = 2_000;

export interface Answer<T> {
  readonly data: T | undefined;
  readonly error: EngineError | undefined;
  readonly reload: () => void;
}

interface Held<T> {
  readonly key: string;
  readonly data?: T | undefined;
  readonly error?: EngineError | undefined;
}

/** @param params undefined: nothing is asked. */
export function useRpc<M extends MethodName>(
  method: M,
  params: ParamsOf<M> | undefined,
  freshness: Freshness = {},
): Answer<ResultOf<M>> {
  const key = `${method} ${JSON.stringify(params)}`;
  const ask = useCallback(() => call(method, params as ParamsOf<M>), [key]);
  return useAsked(params === undefined ? undefined : key, ask, freshness);
}

/** @param key undefined: nothing is asked; another one: something else is. */
export function useAsked<T>(
  key: string | undefined,
  ask: () => Promise<T>,
  { everyMs, isLive = false }: Freshness = {},
): Answer<T> {
  const { epoch } = useStore(connection);
  const hasStream = useStore(isStreaming);
  const againMs = isLive && !hasStream ? LIVE_POLL_MS : everyMs;
  const [held, setHeld] = useState<Held<T>>({ key: "" });
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((n) => n + 1), []);
  useEffect(() => {
    if (key === undefined) return undefined;
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isAsking = false;
    let isAskedAgain = false;
    const run = async (): Promise<void> => {
      clearTimeout(timer);
      if (isAsking) {
        isAskedAgain = true;
        return;
      }
      isAsking = true;
      isAskedAgain = false;
      try {
        const data = await ask();
        if (!isOver) setHeld({ key, data });
      } catch (problem) {
        const error = asEngineError(problem);
        if (!isOver) setHeld((before) => ({ key, data: before.key === key ? before.data : undefined, error }));
      }
      isAsking = false;
      if (isOver || document.hidden) return;
      if (isAskedAgain) void run();
      else if (againMs !== undefined) timer = setTimeout(run, againMs);
    };
    const onVisible = (): void => {
      if (!document.hidden && (againMs !== undefined || isLive)) void run();
    };
    document.addEventListener("visibilitychange", onVisible);
    const unsubscribe = isLive ? blocks.subscribe(() => void run()) : () => undefined;
    void run();
    return () => {
      isOver = true;
      unsubscribe();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onVisible);
    };
  }, [key, ask, againMs, isLive, epoch, round]);
  const isCurrent = held.key === key;
  return { data: isCurrent ? held.data : undefined, error: isCurrent ? held.error : undefined, reload };
}

type PagedMethod = {
  [M in MethodName]: ResultOf<M> extends PageJson<unknown> ? M : never;
}[MethodName];

export interface Paged<R> extends Answer<R> {
  /** 0 is the first. */
  readonly page: number;
  readonly next: (() => void) | undefined;
  readonly previous: (() => void) | undefined;
}

/** Pages of a method by its cursors; only the first one is kept up to date. */
export function usePages<M extends PagedMethod>(
  method: M,
  params: ParamsOf<M> | undefined,
  freshness: Freshness = {},
): Paged<ResultOf<M>> {
  const key = JSON.stringify(params) ?? "nothing";
  const [place, setPlace] = useState<{ key: string; cursors: string[] }>({ key, cursors: [] });
  const cursors = place.key === key ? place.cursors : [];
  const cursor = cursors.at(-1);
  const asked = params && (cursor === undefined ? params : { ...params, cursor });
  const answer = useRpc(method, asked as ParamsOf<M> | undefined, cursors.length === 0 ? freshness : {});
  // While the next page is on its way the last one stays: a table that collapses makes the page jump.
  const shown = useRef<{ key: string; data: ResultOf<M> } | undefined>(undefined);
  if (answer.data !== undefined) shown.current = { key, data: answer.data };
  const data = answer.data ?? (shown.current?.key === key ? shown.current.data : undefined);
  const nextCursor = answer.data?.nextCursor ?? undefined;
  return {
    ...answer,
    data,
    page: cursors.length,
    next: nextCursor === undefined ? undefined : () => setPlace({ key, cursors: [...cursors, nextCursor] }),
    previous: cursors.length === 0 ? undefined : () => setPlace({ key, cursors: cursors.slice(0, -1) }),
  };
}
