/** What stands around every view: navigation, search, how the daemon is, and what the keys do. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { EngineError } from "../errors.ts";
import { duration } from "./format.ts";
import { DESTINATIONS, isHelpOpen } from "./keyboard.ts";
import { toneOf } from "./parts/status.tsx";
import { useCurrentInView } from "./parts/tabs.tsx";
import { go, href, usePlace } from "./router.ts";
import { connection, engine, hasToken, setToken } from "./rpc.ts";
import { placeOf } from "./search.ts";
import { createStore, useStore } from "./store.ts";
import { nextTheme, theme } from "./theme.ts";
import { useRpc } from "./use-rpc.ts";

/** Blocks and a stream that breaks are heard of; this is for what else there may be, such as a state that changed. */
const HEAD_MS = 10_000;

/** Somebody wants to be another: the form is there though the daemon asks for no token. */
const isTokenOffered = createStore(false);

export function Shell({ children }: { children: ComponentChildren }) {
  const { parts } = usePlace();
  const main = useRef<HTMLElement>(null);
  const path = parts.join("/");
  useEffect(() => {
    // The link that was followed is gone with its view: whoever uses the keyboard goes on at the new one.
    if (document.activeElement === document.body) main.current?.focus({ preventScroll: true });
  }, [path]);
  return (
    <div class="shell">
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        to the content
      </button>
      <Rail section={parts[0] ?? ""} />
      <div>
        <TopBar />
        <ConnectionNotice />
        <main id="main" ref={main} tabIndex={-1}>
          {children}
        </main>
      </div>
      <Help />
    </div>
  );
}

function Rail({ section }: { section: string }) {
  const info = useStore(engine);
  const list = useCurrentInView<HTMLUListElement>(section);
  return (
    <nav class="rail" aria-label="sections">
      <a class="brand" href={href()}>
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="7" fill="#0f7b6c" />
          <g fill="none" stroke="#fff" stroke-width="2.4">
            <ellipse cx="16" cy="16" rx="10" ry="6.4" />
            <path d="M11.6 15.4c1.2 2.1 7.600 2.1 8.800 0" />
            <path d="M13 16.600c1-1.500 5-1.500 6 0" />
          </g>
        </svg>
        Polytorus
      </a>
      <ul ref={list}>
        {DESTINATIONS.map(({ key, name, parts }) => (
          <li key={key}>
            <a href={href(...parts)} aria-current={(parts[0] ?? "") === section ? "page" : undefined}>
              {name}
              <kbd>g {key}</kbd>
            </a>
          </li>
        ))}
      </ul>
      {info !== undefined && (
        <div class="foot">
          <div>version {info.version}</div>
          <div>
            chain {info.chainId}, mode {info.blockMode}
          </div>
          <div>
            {info.storage.kind}, {String(info.storage["durability"])}
          </div>
        </div>
      )}
    </nav>
  );
}

function TopBar() {
  const info = useStore(engine);
  const { state } = useStore(connection);
  const chosenTheme = useStore(theme);
  const { data: answer } = useRpc("engine_info", {}, { isLive: true, everyMs: HEAD_MS });
  useEffect(() => {
    if (answer !== undefined) engine.set(answer);
  }, [answer]);
  const status = state === "here" ? String(info?.storage["state"] ?? "…") : state;
  return (
    <div class="bar">
      <Search />
      <div class="end">
        {info !== undefined && (
          <span class="pulse">
            <span class={`dot ${toneOf(status)}`} />
            <span>
              <span class="unseen">the daemon is </span>
              {status}
            </span>
            <a href={href("blocks", info.height)} title="the newest block">
              #{info.height}
            </a>
          </span>
        )}
        {info !== undefined && (
          <button
            type="button"
            class="chip"
            title="what this connection may do; to do more, give it a token"
            onClick={() => isTokenOffered.set(!isTokenOffered.get())}
          >
            <span class="unseen">role: </span>
            {info.role}
          </button>
        )}
        <button type="button" class="bare" title="light, dark or as the system has it (t)" onClick={nextTheme}>
          <span class="unseen">theme: </span>
          <svg class="half" viewBox="0 0 16 16" aria-hidden="true">
            <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.5" />
            <path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor" />
          </svg>{" "}
          {chosenTheme}
        </button>
        <button type="button" class="bare" title="what the keys do" onClick={() => isHelpOpen.set(true)}>
          <kbd>?</kbd>
          <span class="unseen">help</span>
        </button>
      </div>
    </div>
  );
}

function Search() {
  const [text, setText] = useState("");
  const search = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (text.trim() === "") return;
    go(await placeOf(text));
    setText("");
    document.querySelector<HTMLElement>("#search")?.blur();
  };
  return (
    <search class="search">
      <form onSubmit={search}>
        <label class="unseen" for="search">
          search: address, hash, block or name
        </label>
        <input
          id="search"
          type="text"
          autoComplete="off"
          spellcheck={false}
          placeholder="address, hash, block or name"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <kbd class="hint">/</kbd>
      </form>
    </search>
  );
}

function ConnectionNotice() {
  const { state, sinceMs } = useStore(connection);
  const isOffered = useStore(isTokenOffered);
  const [nowMs, setNowMs] = useState(Date.now());
  useEffect(() => {
    if (state !== "gone") return undefined;
    const timer = setInterval(() => setNowMs(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [state]);
  return (
    <div aria-live="polite">
      {state === "gone" && (
        <div class="notice">
          <strong>The daemon does not answer</strong> for {duration(Math.max(0, nowMs - sinceMs))}. What you see is what
          it said last; the page goes on by itself when it is back.
        </div>
      )}
      {(state === "unauthorized" || isOffered) && <TokenForm isWanted={state === "unauthorized"} />}
    </div>
  );
}

function TokenForm({ isWanted }: { isWanted: boolean }) {
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<EngineError | undefined>(undefined);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (!isWanted) field.current?.focus();
  }, []);
  const use = async (token: string): Promise<void> => {
    const refusal = await setToken(token);
    setProblem(refusal);
    if (refusal === undefined) isTokenOffered.set(false);
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    void use(text.trim());
  };
  return (
    <form class={`notice row ${isWanted ? "" : "offer"}`} onSubmit={submit}>
      <label for="token">
        <strong>{isWanted ? "This daemon wants a bearer token" : "Another bearer token"}</strong> (http.tokens_file). It
        is kept until this tab is closed.
      </label>
      <input
        id="token"
        ref={field}
        type="password"
        autoComplete="off"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="submit" class="primary">
        use it
      </button>
      {!isWanted && hasToken() && (
        <button type="button" onClick={() => void use("")}>
          use none
        </button>
      )}
      {!isWanted && (
        <button type="button" onClick={() => isTokenOffered.set(false)}>
          close
        </button>
      )}
      {problem !== undefined && <span class="bad">{problem.message}</span>}
    </form>
  );
}

const KEYS: readonly (readonly [string, string])[] = [
  ["/", "search"],
  ...DESTINATIONS.map(({ key, name }) => [`g ${key}`, name.toLowerCase()] as const),
  ["t", "theme: auto, light, dark"],
  ["esc", "leave a field, close this"],
  ["?", "this"],
];

function Help() {
  const isOpen = useStore(isHelpOpen);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  return (
    <dialog class="dialog" ref={dialog} aria-labelledby="help" onClose={() => isHelpOpen.set(false)}>
      <h1 id="help">Keys</h1>
      <dl>
        {KEYS.map(([key, what]) => [
          <dt key={key}>
            <kbd>{key}</kbd>
          </dt>,
          <dd key={what}>{what}</dd>,
        ])}
      </dl>
      <button type="button" class="primary" onClick={() => isHelpOpen.set(false)}>
        close
      </button>
    </dialog>
  );
}
