/** Every name that the README and the runbooks use stands for something: methods, paths, commands, settings, errors, files. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { EXIT_CODES } from "../../src/cli/exit-codes.ts";
import { createProgram } from "../../src/cli/program.ts";
import { type CommandNode, treeOf } from "../../src/cli/tree.ts";
import { SETTING_KEYS } from "../../src/config/settings.ts";
import { ERROR_KINDS } from "../../src/errors.ts";
import { METHODS } from "../../src/rpc/methods.ts";
import { ROUTES } from "../../src/rpc/rest/routes.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const README = readFileSync(join(ROOT, "README.md"), "utf8");
/** With how many names the tests find at least, so that they can't find none. */
const PAGES = [
  { path: "README.md", found: { methods: 10, errors: 10, commands: 60, settings: 30 } },
  { path: "ops/README.md", found: { methods: 5, errors: 5, commands: 10, settings: 5 } },
  { path: "ops/storage.md", found: { methods: 3, errors: 5, commands: 10, settings: 5 } },
].map((page) => ({ ...page, text: readFileSync(join(ROOT, page.path), "utf8") }));

/** What stands in code, inline and in blocks. */
function code(text: string): string[] {
  const blocks = [...text.matchAll(/^( {4}|\t).*$|^```[\s\S]*?^```/gm)].flatMap(([block]) => block.split("\n"));
  return [...blocks, ...[...text.matchAll(/`([^`\n]+)`/g)].map(([, inline]) => inline!)];
}

describe.each(PAGES)("$path", ({ path, text, found }) => {
  it("names methods that there are", () => {
    const prefixes = new Set(Object.keys(METHODS).flatMap((name) => /^[a-z]+(?=_)/.exec(name) ?? []));
    const named = code(text).flatMap((each) => [...each.matchAll(/(?<![\w./-])([a-z]+)_[A-Za-z]+(?![\w."])/g)]);
    // A table of PostgreSQL's, and settings without a section.
    const others: readonly string[] = ["block_log", ...SETTING_KEYS];
    const unknown = named.filter(
      ([name, prefix]) => prefixes.has(prefix!) && !Object.hasOwn(METHODS, name) && !others.includes(name),
    );
    expect(unknown.map(([name]) => name)).toEqual([]);
    expect(named.length).toBeGreaterThan(found.methods);
  });

  it("names errors that there are", () => {
    const others = /^(POLYTORUS|POSTGRES|REDIS|DATABASE|OTEL|AWS|NO|PG|DOMAIN|NODE|DATA)_/;
    const named = code(text).flatMap((each) => each.match(/(?<![\w$./-])[A-Z]+(?:_[A-Z]+)+\b(?![=\w])/g) ?? []);
    expect(named.filter((name) => !others.test(name) && !Object.hasOwn(ERROR_KINDS, name))).toEqual([]);
    expect(named.length).toBeGreaterThan(found.errors);
  });

  it("names commands and options that there are", () => {
    const tree = treeOf(createProgram(async () => undefined));
    const named = code(text).flatMap((line) => [...line.matchAll(/(?:^|npx |[(|$] )polytorus ([a-z][^·|#→;)]*)/g)]);
    expect(named.flatMap(([, words]) => unknownIn(tree, words!))).toEqual([]);
    expect(named.length).toBeGreaterThan(found.commands);
  });

  it("names settings that there are", () => {
    const keys: readonly string[] = SETTING_KEYS;
    const sections = new Set(keys.filter((key) => key.includes(".")).map((key) => key.split(".")[0]!));
    const named = code(text)
      .flatMap((each) => each.match(/(?<![\w./-])[a-z]+(?:\.[a-z_]+)+(?![\w(./-])/g) ?? [])
      .filter((name) => sections.has(name.split(".")[0]!) && !/(json|md)$/.test(name));
    const isKnown = (name: string) =>
      keys.some((key) => key === name || key.startsWith(name.endsWith("_") ? name : `${name}.`));
    expect(named.filter((name) => !isKnown(name))).toEqual([]);
    expect(named.length).toBeGreaterThan(found.settings);
  });

  it("leads to files that there are", () => {
    const targets = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, target]) => target!);
    expect(targets.filter((target) => !existsSync(join(ROOT, dirname(path), target)))).toEqual([]);
  });
});

/** What of a command line its command does not have. */
function unknownIn(tree: CommandNode, text: string): string[] {
  let node = tree;
  const words = text.trim().split(/\s+/);
  while (words.length > 0) {
    const child = node.commands.find(({ path }) => path.at(-1) === words[0]);
    if (child === undefined) break;
    node = child;
    words.shift();
  }
  if (node === tree) return [`polytorus ${text}`];
  const options = new Set(node.options.map(({ long }) => long));
  return words
    .flatMap((word) => /^\[?(--[a-z-]+)/.exec(word)?.[1] ?? [])
    .filter((word) => node.commands.length === 0 && word !== "--help" && !options.has(word))
    .map((word) => `${node.path.join(" ")} ${word}`);
}

it("the README lists every path of REST, and no other", () => {
  const [, list] = /`GET \/v1\/…`[\s\S]*?\n\n([\s\S]*?)\n\n/.exec(README)!;
  const listed = list!.split(/[·\n]/).flatMap((entry) => alternatives(entry.trim()));
  const paths = ROUTES.map(({ path }) => path.replace("/v1/", "").replaceAll(/\{\w+\}/g, "{}"));
  expect(listed.toSorted()).toEqual(paths.toSorted());
});

/** `contracts/ADDRESS/state|logs` is two paths. */
function alternatives(entry: string): string[] {
  const at = entry.lastIndexOf("/") + 1;
  return entry
    .slice(at)
    .split("|")
    .map((last) => (entry.slice(0, at) + last).replaceAll(/[A-Z]+/g, "{}"));
}

it("the README lists every exit code", () => {
  const [, list] = /Exit codes: ([\s\S]*?)\.\n/.exec(README)!;
  const listed = Object.fromEntries(
    list!
      .replaceAll("\n", " ")
      .split(" · ")
      .map((entry) => [entry.slice(0, entry.indexOf(" ")), entry.slice(entry.indexOf(" ") + 1)]),
  );
  expect(listed).toEqual(Object.fromEntries(Object.entries(EXIT_CODES)));
});
