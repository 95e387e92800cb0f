/**
 * Drives one wire over one Unix socket with a fixed number of requests outstanding, and measures.
 *   warm-up ── measured window ── no more requests ── what is in flight is answered ── done
 * Always
 *  - A request is replaced in the turn that reads its answer; all that one turn sends leaves in one write.
 *  - Requests are made in a ring of bytes that is reused: the server has read whatever was answered since, and at most
 *    `outstanding` requests were not.
 *  - Figures are of answers inside the window; a latency runs from before the request is made to its answer being read.
 */
import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { LatencyHistogram } from "./latency-histogram.ts";
import { AnswerError, type Wire } from "./wire.ts";

export interface LoadOptions {
  path: string;
  outstanding: number;
  warmupMs: number;
  /** Infinity: until the wire has nothing more to ask. */
  measureMs: number;
  /** How often `onTick` hears how many operations were answered since it last did, warm-up aside. */
  tickMs?: number;
  onTick?: (operations: number, seconds: number, p99Ms: number) => void;
}

export interface LoadResult {
  /** Answered inside the window. */
  operations: number;
  seconds: number;
  perSecond: number;
  /** Of a request, which may be a batch. */
  p50Ms: number;
  p99Ms: number;
  /** Answered in all, warm-up and end included. */
  answered: number;
  /** Processor time of this process for each operation in the window. */
  generatorUs: number;
}

const READ_BYTES = 256 * 1024;
/** An answer larger than the buffer doubles it. */
const INPUT_BYTES = 1024 * 1024;
/** Nothing answered for this long ends the run: a bench must end by itself. */
const STALL_MS = 30_000;

export async function runLoad(wire: Wire, options: LoadOptions): Promise<LoadResult> {
  const driver = new LoadDriver(wire, options);
  return await driver.run();
}

class LoadDriver {
  readonly #wire: Wire;
  readonly #options: LoadOptions;
  readonly #ring: Buffer;
  #ringAt = 0;
  #input: Buffer = Buffer.allocUnsafeSlow(INPUT_BYTES);
  #inputLength = 0;
  #socket!: Socket;
  readonly #startedAt: Float64Array;
  readonly #free: number[] = [];
  readonly #latencies = new LatencyHistogram();
  readonly #tickLatencies = new LatencyHistogram();
  #state: "warmup" | "measuring" | "draining" = "warmup";
  #answered = 0;
  #measured = 0;
  #ticked = 0;
  #beginMs = 0;
  #windowStartMs = 0;
  #windowEndMs = 0;
  #tickStartMs = 0;
  #lastAnswerMs = 0;
  #cpuAtStart = process.cpuUsage();
  #cpuMs = 0;
  #settle!: { resolve: (result: LoadResult) => void; reject: (problem: Error) => void };

  constructor(wire: Wire, options: LoadOptions) {
    this.#wire = wire;
    this.#options = options;
    this.#ring = Buffer.allocUnsafeSlow((2 * options.outstanding + 2) * wire.requestBytesMax);
    this.#startedAt = new Float64Array(options.outstanding + 1);
    // Slot 0 is no request id of the binary protocol.
    for (let slot = options.outstanding; slot > 0; slot--) this.#free.push(slot);
  }

  async run(): Promise<LoadResult> {
    const { path, tickMs } = this.#options;
    const result = new Promise<LoadResult>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    const timers = [setInterval(() => this.#failIfStalled(), 1000)];
    if (tickMs !== undefined) timers.push(setInterval(() => this.#tick(), tickMs));
    try {
      this.#socket = await this.#connect(path);
      this.#beginMs = performance.now();
      this.#lastAnswerMs = this.#beginMs;
      if (this.#options.warmupMs === 0) this.#startWindow(this.#beginMs);
      this.#send(this.#beginMs);
      return await result;
    } finally {
      for (const timer of timers) clearInterval(timer);
      this.#socket?.destroy();
    }
  }

  #connect(path: string): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
      const socket = connect({
        path,
        onread: {
          buffer,
          callback: (count) => {
            this.#receive(buffer, count);
            return true;
          },
        },
      });
      socket.once("connect", () => resolve(socket));
      socket.once("error", (problem) => {
        reject(problem);
        this.#fail(problem);
      });
      socket.once("close", () => this.#fail(new Error(`the connection to ${path} closed during a run`)));
    });
  }

  #receive(bytes: Buffer, count: number): void {
    if (this.#inputLength + count > this.#input.length) {
      const grown = Buffer.allocUnsafeSlow(2 * (this.#inputLength + count));
      grown.set(this.#input.subarray(0, this.#inputLength));
      this.#input = grown;
    }
    this.#input.set(bytes.subarray(0, count), this.#inputLength);
    this.#inputLength += count;
    const nowMs = performance.now();
    try {
      this.#readAnswers(nowMs);
      this.#advance(nowMs);
    } catch (problem) {
      this.#fail(problem as Error);
    }
  }

  #readAnswers(nowMs: number): void {
    const input = this.#input;
    const end = this.#inputLength;
    let from = 0;
    for (;;) {
      const next = this.#wire.endOf(input, from, end);
      if (next === -1) break;
      this.#answer(this.#wire.read(input, from, next), nowMs);
      from = next;
    }
    if (from === 0) return;
    input.copyWithin(0, from, end);
    this.#inputLength = end - from;
    this.#lastAnswerMs = nowMs;
  }

  #answer(slot: number, nowMs: number): void {
    const startedAt = this.#startedAt[slot];
    if (startedAt === undefined || startedAt === 0)
      throw new AnswerError("an answer to nothing that was asked", `id ${slot}`);
    this.#startedAt[slot] = 0;
    this.#free.push(slot);
    const operations = this.#wire.operations(slot);
    this.#answered += operations;
    if (this.#state !== "measuring") return;
    this.#measured += operations;
    this.#latencies.record(nowMs - startedAt);
    if (this.#options.tickMs !== undefined) this.#tickLatencies.record(nowMs - startedAt);
  }

  #advance(nowMs: number): void {
    const { warmupMs, measureMs } = this.#options;
    if (this.#state === "warmup" && nowMs - this.#beginMs >= warmupMs) this.#startWindow(nowMs);
    else if (this.#state === "measuring" && nowMs - this.#windowStartMs >= measureMs) this.#endWindow(nowMs);
    if (this.#state !== "draining") this.#send(nowMs);
    if (this.#free.length === this.#options.outstanding) {
      if (this.#state !== "draining") this.#endWindow(nowMs);
      this.#finish();
    }
  }

  #startWindow(nowMs: number): void {
    this.#state = "measuring";
    this.#windowStartMs = nowMs;
    this.#tickStartMs = nowMs;
    this.#cpuAtStart = process.cpuUsage();
  }

  #endWindow(nowMs: number): void {
    this.#state = "draining";
    this.#windowEndMs = nowMs;
    const { user, system } = process.cpuUsage(this.#cpuAtStart);
    this.#cpuMs = (user + system) / 1000;
  }

  /** Fills every free slot, as far as the wire has requests. */
  #send(nowMs: number): void {
    const ring = this.#ring;
    let from = this.#ringAt;
    let at = from;
    while (this.#free.length > 0) {
      if (at + this.#wire.requestBytesMax > ring.length) {
        if (at > from) this.#socket.write(ring.subarray(from, at));
        from = 0;
        at = 0;
      }
      const slot = this.#free[this.#free.length - 1]!;
      const end = this.#wire.write(ring, at, slot);
      if (end === at) break;
      this.#free.pop();
      this.#startedAt[slot] = nowMs;
      at = end;
    }
    if (at > from) this.#socket.write(ring.subarray(from, at));
    this.#ringAt = at;
  }

  #tick(): void {
    if (this.#state !== "measuring" || this.#tickLatencies.count === 0) return;
    const nowMs = performance.now();
    this.#options.onTick?.(
      this.#measured - this.#ticked,
      (nowMs - this.#tickStartMs) / 1000,
      this.#tickLatencies.percentile(0.99),
    );
    this.#ticked = this.#measured;
    this.#tickStartMs = nowMs;
    this.#tickLatencies.clear();
  }

  #finish(): void {
    const ms = this.#windowEndMs - this.#windowStartMs;
    this.#settle.resolve({
      operations: this.#measured,
      seconds: ms / 1000,
      perSecond: (this.#measured / ms) * 1000,
      p50Ms: this.#latencies.percentile(0.5),
      p99Ms: this.#latencies.percentile(0.99),
      answered: this.#answered,
      generatorUs: (this.#cpuMs * 1000) / this.#measured,
    });
  }

  #failIfStalled(): void {
    if (performance.now() - this.#lastAnswerMs < STALL_MS) return;
    this.#fail(new Error(`nothing was answered for ${STALL_MS / 1000} s`));
  }

  #fail(problem: Error): void {
    this.#settle.reject(problem);
    this.#socket?.destroy();
  }
}
