/**
 * Reads the WebAssembly specification's test scripts (.wast): S-expressions whose ranges are kept, so that the text of a
 * module can be handed to wabt as it stands.
 */

/** An atom, a string's bytes, or a list; `start` and `end` are places in the script. */
export type Node = Atom | Text | List;
export interface Atom {
  readonly kind: "atom";
  readonly text: string;
  readonly start: number;
}
export interface Text {
  readonly kind: "text";
  readonly bytes: Uint8Array;
  readonly start: number;
}
export interface List {
  readonly kind: "list";
  readonly items: readonly Node[];
  readonly start: number;
  readonly end: number;
}

const TOKEN = /\s+|;;[^\n]*|[()]|"(?:[^"\\]|\\.)*"|[^\s()";]+/y;
const ESCAPES: Record<string, number> = { t: 9, n: 10, r: 13, '"': 34, "'": 39, "\\": 92 };

/** The top-level lists of a script. */
export function parseScript(source: string): List[] {
  const stack: { items: Node[]; start: number }[] = [{ items: [], start: 0 }];
  for (let at = 0; at < source.length; ) {
    if (source.startsWith("(;", at)) {
      at = endOfComment(source, at);
      continue;
    }
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(source)?.[0];
    if (token === undefined) throw new Error(`cannot read the script at ${at}: ${source.slice(at, at + 20)}`);
    const top = stack.at(-1)!;
    if (token === "(") stack.push({ items: [], start: at });
    else if (token === ")") {
      stack.pop();
      stack.at(-1)!.items.push({ kind: "list", items: top.items, start: top.start, end: at + 1 });
    } else if (token[0] === '"') top.items.push({ kind: "text", bytes: bytesOfString(token), start: at });
    else if (!/^\s|^;;/.test(token)) top.items.push({ kind: "atom", text: token, start: at });
    at += token.length;
  }
  return stack[0]!.items.filter((node) => node.kind === "list");
}

function endOfComment(source: string, start: number): number {
  let depth = 0;
  for (let at = start; at < source.length; at++) {
    if (source.startsWith("(;", at)) depth++;
    else if (source.startsWith(";)", at) && --depth === 0) return at + 2;
    else continue;
    at++;
  }
  return source.length;
}

function bytesOfString(token: string): Uint8Array {
  const parts: number[] = [];
  const inner = token.slice(1, -1);
  for (let i = 0; i < inner.length; ) {
    if (inner[i] !== "\\") {
      const character = String.fromCodePoint(inner.codePointAt(i)!);
      parts.push(...new TextEncoder().encode(character));
      i += character.length;
      continue;
    }
    const unicode = /^\\u\{([0-9a-fA-F_]+)\}/.exec(inner.slice(i, i + 16));
    const escaped = ESCAPES[inner[i + 1]!];
    if (unicode !== null) {
      parts.push(
        ...new TextEncoder().encode(String.fromCodePoint(Number.parseInt(unicode[1]!.replaceAll("_", ""), 16))),
      );
      i += unicode[0].length;
    } else if (escaped !== undefined) {
      parts.push(escaped);
      i += 2;
    } else {
      parts.push(Number.parseInt(inner.slice(i + 1, i + 3), 16));
      i += 3;
    }
  }
  return Uint8Array.from(parts);
}

export function headOf(node: Node | undefined): string | undefined {
  const head = node?.kind === "list" ? node.items[0] : undefined;
  return head?.kind === "atom" ? head.text : undefined;
}

export function textOf(node: Node | undefined): string {
  if (node?.kind !== "text") throw new Error(`expected a string at ${node?.start}`);
  return new TextDecoder().decode(node.bytes);
}
