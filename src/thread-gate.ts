/**
 * Thread gates: how a thread is ended that calls lmdb or secp256k1.
 * Node ends a thread wherever it is. A native call goes on to its end, but whatever it asks of Node is refused from then on,
 * and these two are not made for that: they abort the process, or use what Node did not give them.
 *   thread   uninterrupted(call)      passes its gates ─▶ call ─▶ leaves them; waits on either side where one is shut
 *   parent   GatedWorker.terminate    shuts the gate ─▶ waits until nobody is inside ─▶ ends the thread
 * A thread passes the gates of those that started it too, for it ends with them.
 * Always
 *  - Where nobody is inside, the thread is ended at once; where somebody is, it runs nothing after the call that it is in.
 *  - Our own addon needs no gate: what Node refuses it ends the call, and nothing else.
 */
import { setTimeout as delay } from "node:timers/promises";
import { getEnvironmentData, setEnvironmentData, Worker, type WorkerOptions } from "node:worker_threads";

/** A gate is a word that threads share: how many are inside, and SHUT above that. */
type Word = Int32Array<SharedArrayBuffer>;

const SHUT = 0x4000_0000;
const LOOK_AGAIN_MS = 1;
/** A thread that ran out of memory in a native call never leaves it: its parent's end must not wait for that. */
const INSIDE_MAX_MS = 5_000;
const ENVIRONMENT_KEY = "polytorus thread gates";

/**
 * Arguments of Node's for the threads of a pool: piscina's would `require` their script before they `import` it, and Node (20.20)
 * aborts the process where a thread is ended while `require` links an ES module. While `import` does, it ends the thread.
 */
export const IMPORT_ONLY = ["--no-experimental-require-module"];

/** Of this thread, its own first. Nobody ends the main thread: it has none. */
const gates: Word[] = [...((getEnvironmentData(ENVIRONMENT_KEY) as Word[] | undefined) ?? [])];
let isInside = false;

/** Makes a native call during which nobody ends this thread. */
export function uninterrupted<T>(call: () => T): T {
  if (isInside || gates.length === 0) return call();
  for (const gate of gates) enter(gate);
  isInside = true;
  try {
    return call();
  } finally {
    isInside = false;
    for (let i = gates.length - 1; i >= 0; i--) leave(gates[i]!);
  }
}

function enter(gate: Word): void {
  while (Atomics.add(gate, 0, 1) >= SHUT) leave(gate);
}

/** Where the gate is shut, returns when it is opened again. */
function leave(gate: Word): void {
  if (Atomics.sub(gate, 0, 1) < SHUT) return;
  for (let word = Atomics.load(gate, 0); word >= SHUT; word = Atomics.load(gate, 0)) Atomics.wait(gate, 0, word);
}

/** For a thread that something else than GatedWorker starts: before its first native call. */
export function joinGate(word: Int32Array): void {
  gates.unshift(word as Word);
}

/** The parent's side. */
export class ThreadGate {
  readonly word: Word = new Int32Array(new SharedArrayBuffer(4));

  /** Shuts the gate and runs `act` as soon as nobody is inside: before this returns, where nobody is. */
  async shut<T>(act: () => T): Promise<Awaited<T>> {
    Atomics.or(this.word, 0, SHUT);
    const sinceMs = performance.now();
    while (Atomics.load(this.word, 0) !== SHUT && performance.now() - sinceMs < INSIDE_MAX_MS)
      await delay(LOOK_AGAIN_MS);
    return await act();
  }

  reopen(): void {
    Atomics.and(this.word, 0, ~SHUT);
    Atomics.notify(this.word, 0);
  }
}

/** A thread that is ended outside of its native calls. */
export class GatedWorker extends Worker {
  readonly #gate: ThreadGate;

  constructor(script: URL | string, options: WorkerOptions) {
    const gate = new ThreadGate();
    // A thread gets what the environment data are as it starts.
    setEnvironmentData(ENVIRONMENT_KEY, [gate.word, ...gates]);
    super(script, options);
    setEnvironmentData(ENVIRONMENT_KEY, gates);
    this.#gate = gate;
  }

  override terminate(): Promise<number> {
    return this.#gate.shut(() => super.terminate());
  }
}
