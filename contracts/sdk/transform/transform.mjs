/**
 * The asc transform behind the SDK's decorators: `asc … --transform contracts/sdk/transform/transform.mjs`.
 *   parsed sources ── read-classes ──▶ classes ── generate ──▶ members and exports, parsed into the same sources
 *                                              ── abi-json ──▶ custom section "polytorus.abi" of the module
 * Always
 *  - One @contract class, in one source; the other decorated classes may stand in any.
 *  - Generated names begin with two underscores.
 */
import { CommonFlags, NodeKind, Source, SourceKind, Token, Tokenizer } from "assemblyscript";
import { Transform } from "assemblyscript/transform";
import { abiJson } from "./abi-json.mjs";
import { dispatcher, MEMBERS, remoteClass, SDK_NAME } from "./generate.mjs";
import { ContractSourceError, readClasses } from "./read-classes.mjs";

export const ABI_SECTION = "polytorus.abi";
const SDK_ENTRY = /(^|\/)sdk\/assembly(\/index)?$/;

export default class ContractTransform extends Transform {
  #abi;

  afterParse(parser) {
    const bySource = parser.sources.map((source) => ({ source, classes: readClasses(source) }));
    const classes = bySource.flatMap((item) => item.classes);
    const contracts = classes.filter(({ kind }) => kind === "contract");
    if (contracts.length !== 1) {
      const found = contracts.map(({ name }) => name).join(", ") || "none";
      throw new Error(`expected one class with @contract, found ${found}`);
    }
    const records = new Map(classes.filter(({ kind }) => kind === "record").map((item) => [item.name, item]));
    for (const { source, classes: own } of bySource) {
      if (own.length > 0) extendSource(parser, source, own, records);
    }
    this.#abi = abiJson(contracts[0], classes, records);
  }

  afterCompile(module) {
    module.addCustomSection(ABI_SECTION, Buffer.from(JSON.stringify(this.#abi), "utf8"));
  }
}

function extendSource(parser, source, classes, records) {
  source.statements.push(...parseStatements(parser, source, `import * as ${SDK_NAME} from "${sdkPath(source)}";`));
  for (const item of classes) {
    if (item.kind === "remote") {
      const isExported = (item.node.flags & CommonFlags.Export) !== 0;
      const [replacement] = parseStatements(parser, source, remoteClass({ ...item, isExported }));
      source.statements[source.statements.indexOf(item.node)] = replacement;
    }
    for (const text of MEMBERS[item.kind]?.(item) ?? []) {
      item.node.members.push(parser.parseClassMember(tokenizerOf(source, text), item.node));
    }
    if (item.kind === "contract") {
      source.statements.push(...parseStatements(parser, source, dispatcher(item, records)));
    }
  }
}

/** How this source can import the SDK: as it already does. */
function sdkPath(source) {
  const entry = source.statements.find(
    ({ kind, internalPath }) => kind === NodeKind.Import && SDK_ENTRY.test(internalPath),
  );
  if (entry !== undefined) return entry.path.value;
  throw new ContractSourceError(source, 'expected an import from "…/sdk/assembly" in a source with decorated classes');
}

function tokenizerOf(source, text) {
  return new Tokenizer(new Source(SourceKind.User, source.normalizedPath, text));
}

function parseStatements(parser, source, text) {
  parser.currentSource = source;
  const tokenizer = tokenizerOf(source, text);
  const statements = [];
  while (!tokenizer.skip(Token.EndOfFile)) {
    const statement = parser.parseTopLevelStatement(tokenizer, null);
    if (statement === null) throw new ContractSourceError(source, `generated code does not parse: ${text}`);
    statements.push(statement);
  }
  return statements;
}
