/**
 * The command tree. Every command's code is loaded when it runs, so that help, completion and errors are quick.
 *   command ── action ──▶ run(load, command) ── import ──▶ handler(context, args, options)
 */
import { Argument, Command, Option } from "commander";
import { VERSION } from "../version.ts";
import { CommandShapes, putSharedOptionsLast, type RunHandler, wholeNumber } from "./command-shapes.ts";
import { COMPLETION_SHELLS } from "./completion-script.ts";
import { addDatabaseCommands } from "./database-commands.ts";
import { addDevCommands } from "./dev-commands.ts";
import { addKeepingCommands } from "./keeping-commands.ts";
import { addPrivacyCommands } from "./privacy-commands.ts";
import { addStateCommands } from "./state-commands.ts";

export function createProgram(run: RunHandler): Command {
  const program = new Command("polytorus")
    .description(
      "A smart-contract execution engine: deploy a contract, execute transactions in blocks, keep what came of it.",
    )
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print help for a command")
    .addHelpText(
      "after",
      `\nExample\n  $ polytorus serve\n  $ polytorus deploy erc20 --name MyToken --symbol MTK --supply 1000000\n\nExit codes: polytorus describe --json | jq .result.exitCodes`,
    );
  new Builder(program, run).all();
  putSharedOptionsLast(program);
  return program;
}

class Builder extends CommandShapes {
  readonly #program: Command;

  constructor(program: Command, run: RunHandler) {
    super(run);
    this.#program = program;
  }

  all(): void {
    this.#program.commandsGroup("Run the daemon:");
    this.#daemon();
    this.#program.commandsGroup("Deploy and call:");
    this.#transactions();
    this.#program.commandsGroup("Look at the chain:");
    this.#contracts();
    this.#chain();
    addDevCommands(this.#program, this);
    this.#program.commandsGroup("Copies of everything:");
    addStateCommands(this.#program, this);
    this.#program.commandsGroup("PostgreSQL:");
    addDatabaseCommands(this.#program, this);
    this.#program.commandsGroup("What a daemon keeps:");
    addKeepingCommands(this.#program, this);
    this.#program.commandsGroup("This machine and this program:");
    this.#machine();
  }

  #daemon(): void {
    this.leaf(this.#program, "serve", "run the daemon", async () => (await import("./commands/serve.ts")).serve)
      .option("--config <file>", "configuration (POLYTORUS_CONFIG; default ./polytorus.toml where it exists)")
      .option("--data-dir <dir>", "where everything is kept (default ./data)")
      .option("--storage <kind>", "embedded, memory, or a postgres:// URL")
      .option("--durability <what>", "what acknowledged means: journal (this disk) or strict (Postgres)")
      .option("--mode <mode>", "auto makes blocks itself, driven takes them from a node")
      .option("--chain-id <id>", "chain id of a chain that is created")
      .option("--genesis <file>", "chain parameters and balances of a chain that is created")
      .option("--http <host:port>", 'where HTTP listens, or "off"')
      .option("--ipc <path>", "the socket")
      .option("--ipc-group <group>", "group that the socket is given to")
      .option("--dev", "for development: funded accounts, sample contracts, dev_* methods, HTTP without signatures")
      .addHelpText(
        "after",
        "\nExample\n  $ polytorus serve --data-dir ./data --http 127.0.0.1:8645\n  $ polytorus serve --storage memory --dev",
      );
  }

  #transactions(): void {
    const deploy = this.#program.command("deploy").description("deploy a contract");
    this.sender(
      deploy,
      "erc20",
      "deploy an ERC-20 token",
      async () => (await import("./commands/deploy.ts")).deployErc20,
    )
      .requiredOption("--name <name>", "the token's name")
      .requiredOption("--symbol <symbol>", "its symbol")
      .option("--decimals <n>", "digits after the point", "18")
      .requiredOption("--supply <amount>", "initial supply in base units")
      .option("--owner <address>", "who receives it and owns the contract (default: the sender)")
      .option("--mintable", "the owner may mint")
      .option("--burnable", "holders may burn")
      .option("--pausable", "the owner may pause transfers")
      .option("--cap <amount>", "largest supply that minting may reach, in base units")
      .option("--salt <hex>", "32 bytes: derive the address as CREATE2 does")
      .option("--nonce <n>", "the sender's nonce (default: the next)")
      .addHelpText(
        "after",
        "\nExample\n  $ polytorus deploy erc20 --name MyToken --symbol MTK --decimals 18 --supply 1000000 --mintable",
      );

    this.sender(
      deploy,
      "wasm <file>",
      "deploy a compiled WebAssembly contract",
      async () => (await import("./commands/deploy-wasm.ts")).deployWasm,
    )
      .option(
        "--abi <file|name>",
        "the contract's interface as JSON (default: what the module carries), or polytorus, cosmwasm or wasi",
      )
      .option("--init <json>", "arguments of the constructor as a JSON array, or the instantiate message")
      .option("--salt <hex>", "32 bytes: derive the address as CREATE2 does")
      .option("--nonce <n>", "the sender's nonce (default: the next)")
      .addHelpText(
        "after",
        "\nFILE may be the hash of code that the chain has: 0x and 64 digits.\n\nExample\n  $ node contracts/build.mjs counter\n  $ polytorus deploy wasm contracts/counter/build/counter.wasm",
      );

    addPrivacyCommands(this.#program, deploy, this);

    const calls = () => import("./commands/call.ts");
    const invocation = "<address> <entrypoint> [args...]";
    const abiHint = (verb: string, example: string) =>
      `\nEntrypoints and their arguments: polytorus contract abi ADDRESS\n\nExample\n  $ polytorus ${verb} 0x5fbd… ${example}`;
    this.sender(
      this.#program,
      `call ${invocation}`,
      "send a transaction and wait for its receipt",
      async () => (await calls()).call,
    )
      .option("--nonce <n>", "the sender's nonce (default: the next)")
      .option("--value <amount>", "native value to send along")
      .addHelpText("after", abiHint("call", "transfer 0x7099… 25"));
    this.sender(
      this.#program,
      `query ${invocation}`,
      "ask a contract, changing nothing",
      async () => (await calls()).query,
    )
      .option("--at <height>", "on the state after this block", wholeNumber)
      .addHelpText("after", abiHint("query", "balanceOf 0xf39f…"));
    this.sender(
      this.#program,
      `simulate ${invocation}`,
      "run a transaction and keep nothing of it",
      async () => (await calls()).simulate,
    )
      .option("--value <amount>", "native value to send along")
      .option("--at <height>", "on the state after this block", wholeNumber)
      .addHelpText("after", abiHint("simulate", "transfer 0x7099… 25"));
    this.sender(
      this.#program,
      `estimate ${invocation}`,
      "find the gas limit that is enough",
      async () => (await calls()).estimate,
    )
      .option("--value <amount>", "native value to send along")
      .addHelpText("after", abiHint("estimate", "transfer 0x7099… 25"));
  }

  #contracts(): void {
    const contract = this.#program.command("contract").description("look at contracts and manage them");
    const module = () => import("./commands/contract.ts");
    this.pages(this.client(contract, "ls", "list contracts", async () => (await module()).list))
      .option("--kind <kind>", "only contracts of this kind")
      .option("--creator <address>", "only contracts that this account deployed")
      .addOption(new Option("--status <status>", "only contracts of this status").choices(["active", "paused"]))
      .option("--query <text>", "only contracts whose name, symbol or address contains this");
    this.client(contract, "show <address>", "show a contract's record", async () => (await module()).show);
    this.client(contract, "abi <address>", "list entrypoints with their arguments", async () => (await module()).abi);
    this.client(
      contract,
      "gen-client <address>",
      "print a typed TypeScript client of a contract",
      async () => (await import("./commands/gen-client.ts")).genClient,
    ).option("--name <name>", "what the class is called (default: the contract's name or type)");
    this.pages(
      this.client(contract, "state <address>", "list what a contract has stored", async () => (await module()).state),
    ).option("--prefix <hex>", "only keys that begin with these bytes");
    this.#logFilters(
      this.client(
        contract,
        "logs <address>",
        "list what a contract emitted",
        async () => (await import("./commands/logs.ts")).logs,
      ),
    );
    this.pages(
      this.client(
        contract,
        "history <address>",
        "list transactions that called a contract, or in which it logged",
        async () => (await module()).history,
      ),
    );
    this.client(
      contract,
      "health <address>",
      "score a contract, with each part of the score, and say what would make it better",
      async () => (await import("./commands/contract-health.ts")).health,
    );
    this.sender(
      contract,
      "pause <address>",
      "stop a contract: calls revert with ContractPaused (its admin only)",
      async () => (await module()).pause,
    );
    this.sender(
      contract,
      "resume <address>",
      "let a paused contract run again (its admin only)",
      async () => (await module()).resume,
    );
    const changes = () => import("./commands/upgrade.ts");
    this.sender(
      contract,
      "upgrade <address> <file>",
      "run other code over a contract's state (its admin only)",
      async () => (await changes()).upgrade,
    )
      .option("--message <json>", "what the new code is told: a CosmWasm contract's migrate message")
      .option("--abi <file>", "the new code's interface as JSON (default: what the module carries)")
      .option("--simulate", "run it and keep nothing of it")
      .option("--estimate", "find the gas limit that is enough")
      .option("--nonce <n>", "the sender's nonce (default: the next)")
      .addHelpText("after", "\nFILE may be the hash of code that the chain has: 0x and 64 digits.");
    this.sender(
      contract,
      "set-admin <address> <admin>",
      'hand a contract on, or to "nobody": then nobody can change it any more (its admin only)',
      async () => (await changes()).setAdmin,
    );
  }

  #chain(): void {
    const module = () => import("./commands/chain.ts");
    const tx = this.#program.command("tx").description("look at transactions");
    this.client(tx, "receipt <hash>", "show what a transaction did", async () => (await module()).receipt);
    this.client(tx, "get <hash>", "show a transaction", async () => (await module()).transaction);
    this.client(
      tx,
      "trace <hash>",
      "show its calls, with gas, state and logs of each",
      async () => (await import("./commands/trace.ts")).trace,
    ).option("--flamegraph <file>", "write its gas as a profile for https://www.speedscope.app");
    const block = this.#program.command("block").description("look at blocks");
    this.client(
      block,
      "show [block]",
      "show a block, by height or hash (default: latest)",
      async () => (await module()).block,
    );
    this.leaf(
      block,
      "verify",
      "execute a data directory's blocks again and compare",
      async () => (await import("./commands/verify.ts")).verify,
    )
      .option("--config <file>", "configuration (POLYTORUS_CONFIG)")
      .option("--data-dir <dir>", "the data directory (default ./data); a daemon may be running on it")
      .option("--from <height>", "first block", wholeNumber)
      .option("--to <height>", "last block", wholeNumber);
    this.#logFilters(
      this.client(
        this.#program,
        "logs",
        "list what contracts emitted",
        async () => (await import("./commands/logs.ts")).logs,
      ),
    ).option("--address <address>", "only logs of this contract");
    this.client(
      this.#program,
      "events [address]",
      "follow durable blocks, logs, receipts and jobs as they come",
      async () => (await import("./commands/events.ts")).events,
    )
      .option("--types <types>", "newBlocks,logs,receipts,jobs", (text: string) => text.split(","), ["newBlocks"])
      .option("--since <cursor>", "go on behind this event")
      .option("--from-block <height>", "begin with the block at this height", wholeNumber);
    const account = this.#program.command("account").description("look at accounts");
    this.client(
      account,
      "show [address]",
      "show an account (default: the first development account)",
      async () => (await module()).account,
    );
  }

  #logFilters(command: Command): Command {
    return this.pages(command)
      .option("--topic <hash...>", 'topics in their places; "any" leaves one open')
      .option("--from-block <height>", "first block", wholeNumber)
      .option("--to-block <height>", "last block", wholeNumber)
      .option("--tx <hash>", "only logs of this transaction")
      .option("-f, --follow", "go on as blocks come; one line a log");
  }

  #machine(): void {
    this.client(
      this.#program,
      "doctor",
      "check what the daemon needs from this machine",
      async () => (await import("./commands/doctor.ts")).doctor,
    ).option("--config <file>", "configuration (POLYTORUS_CONFIG)");
    this.client(
      this.#program,
      "health",
      "the daemon's status and each part of its storage; exit code 69 unless all is well",
      async () => (await import("./commands/health.ts")).health,
    );
    const config = this.#program.command("config").description("write and check the configuration");
    const module = () => import("./commands/config.ts");
    this.leaf(
      config,
      "init [file]",
      "write a file with every setting in it (default ./polytorus.toml; - prints it)",
      async () => (await module()).init,
    ).option("--force", "overwrite a file");
    this.leaf(config, "check", "say what is wrong with the configuration", async () => (await module()).check).option(
      "--config <file>",
      "configuration (POLYTORUS_CONFIG)",
    );
    this.leaf(config, "show", "show every setting in effect", async () => (await module()).show)
      .option("--config <file>", "configuration (POLYTORUS_CONFIG)")
      .option("--origin", "and where each comes from");
    this.leaf(
      this.#program,
      "explain [code]",
      "explain an error code, or list them",
      async () => (await import("./commands/explain.ts")).explain,
    );
    this.leaf(
      this.#program,
      "describe",
      "print the command tree as JSON",
      async () => (await import("./commands/describe.ts")).describe,
    );
    this.leaf(
      this.#program,
      "completion",
      "print a completion script",
      async () => (await import("./commands/completion.ts")).completion,
    )
      .addArgument(new Argument("<shell>", "which shell").choices(COMPLETION_SHELLS))
      .addHelpText("after", "\nExample\n  $ source <(polytorus completion bash)");
  }
}
