/**
 * What a command says: data on stdout in the form that was asked for, talk on stderr.
 *   table   for people
 *   json    one envelope { status, result, error }
 *   ndjson  one line an item, as it comes; an error is a last line of the envelope's form
 */
import type { EngineError } from "../errors.ts";
import { type Styles, stylesFor } from "./styles.ts";

export const OUTPUT_FORMATS = ["table", "json", "ndjson"] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export interface OutputStreams {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly environment: NodeJS.ProcessEnv;
}

export interface ErrorJson {
  code: string;
  message: string;
  hint: string;
  details: unknown;
}

export class Output {
  readonly format: OutputFormat;
  readonly styles: Styles;
  readonly talkStyles: Styles;
  readonly isTerminal: boolean;
  readonly #streams: OutputStreams;
  #hasResult = false;

  constructor(format: OutputFormat, streams: OutputStreams) {
    this.format = format;
    this.#streams = streams;
    this.isTerminal = streams.stdout.isTTY === true;
    this.styles = stylesFor(streams.stdout, streams.environment);
    this.talkStyles = stylesFor(streams.stderr, streams.environment);
  }

  get isForPeople(): boolean {
    return this.format === "table";
  }

  /** A person is reading what is said on stderr as it happens. */
  get isTalkLive(): boolean {
    return this.isForPeople && this.#streams.stderr.isTTY === true;
  }

  /** The command's result. `render` makes the text for people; called only when it is wanted. */
  result(result: unknown, render: () => string): void {
    this.#finish(result, render, undefined);
  }

  /** A page: for ndjson, one line an item. */
  page(page: { items: readonly unknown[] }, render: () => string): void {
    if (this.format === "ndjson") {
      for (const item of page.items) this.#data(JSON.stringify(item));
      this.#hasResult = true;
    } else {
      this.result(page, render);
    }
  }

  /** A result that is also a failure: a receipt that says reverted. The caller sets the exit code. */
  failedResult(result: unknown, render: () => string, error: EngineError): void {
    this.#finish(result, render, error);
  }

  /** One item of a stream without end; never an envelope. */
  item(item: unknown, render: () => string): void {
    this.#data(this.isForPeople ? render() : JSON.stringify(item));
  }

  /** Asks a person; false when there is none, or the answer is anything but yes. */
  async confirm(question: string): Promise<boolean> {
    if (!this.isTalkLive || process.stdin.isTTY !== true) return false;
    const { createInterface } = await import("node:readline/promises");
    const terminal = createInterface({ input: process.stdin, output: this.#streams.stderr });
    try {
      return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
    } finally {
      terminal.close();
    }
  }

  error(error: EngineError): void {
    if (this.isForPeople) this.talk(describeError(error, this.talkStyles));
    else if (!this.#hasResult) this.#data(JSON.stringify({ status: "error", result: null, error: errorJson(error) }));
  }

  /** For people, on stderr. */
  talk(text: string): void {
    this.#streams.stderr.write(`${harmless(text)}\n`);
  }

  #finish(result: unknown, render: () => string, error: EngineError | undefined): void {
    this.#hasResult = true;
    if (this.isForPeople) {
      this.#data(render());
    } else if (this.format === "ndjson" && error === undefined) {
      this.#data(JSON.stringify(result));
    } else {
      const status = error === undefined ? "ok" : "error";
      this.#data(JSON.stringify({ status, result, error: error === undefined ? null : errorJson(error) }));
    }
  }

  #data(line: string): void {
    if (line !== "") this.#streams.stdout.write(`${this.isForPeople ? harmless(line) : line}\n`);
  }
}

/** Colours of styles.ts, behind the escape character. */
const OWN_COLOUR = /^\[(?:1|2|22|31|32|33|39)m/;

/** Without what a terminal would obey: names, events and errors of contracts are whatever their makers wrote. */
function harmless(text: string): string {
  return text.replace(/\p{Cc}/gu, (control, at: number) => {
    const isOurs = control === "\u001b" && OWN_COLOUR.test(text.slice(at + 1, at + 5));
    return control === "\n" || control === "\t" || isOurs ? control : "\ufffd";
  });
}

export function errorJson(error: EngineError): ErrorJson {
  return { code: error.code, message: error.message, hint: error.hint, details: plain(error.facts) };
}

/** What went wrong, why, and what to do: the last line is what a reader sees first. */
export function describeError(error: EngineError, styles: Styles): string {
  const isListed = error.message.includes("\n");
  const message = isListed ? `\n${error.message.replace(/^/gm, "  ")}` : ` ${error.message}`;
  return [
    `${styles.bad(`error ${error.code}:`)}${message}`,
    `${styles.dim("hint:")} ${error.hint} ${styles.dim(`(polytorus explain ${error.code})`)}`,
  ].join("\n");
}

/** Facts as JSON can carry them. */
function plain(facts: Record<string, unknown>): unknown {
  return JSON.parse(JSON.stringify(facts, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)));
}
