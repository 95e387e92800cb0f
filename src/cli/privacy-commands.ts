/** The commands of privacy contracts: keys and values on this machine, evaluations in the daemon. */
import type { Command } from "commander";
import { type CommandShapes, wholeNumber } from "./command-shapes.ts";

/** @param deploy the command that contracts are deployed with. */
export function addPrivacyCommands(program: Command, deploy: Command, shapes: CommandShapes): void {
  addDeployments(deploy, shapes);
  const privacy = program.command("privacy").description("keys, encrypted values and evaluations of privacy contracts");
  addKeyCommands(privacy, shapes);
  addJobCommands(privacy, shapes);
}

function addDeployments(deploy: Command, shapes: CommandShapes): void {
  const module = () => import("./commands/deploy-circuit.ts");
  shapes
    .sender(
      deploy,
      "circuit <manifest>",
      "deploy a contract whose state stays encrypted",
      async () => (await module()).deployCircuit,
    )
    .requiredOption("--key <keyid>", "evaluation key, as `privacy upload-key` answered it")
    .option("--owner <address>", "whom the manifest calls owner (default: the sender)")
    .option("--salt <hex>", "32 bytes: derive the address as CREATE2 does")
    .option("--nonce <n>", "the sender's nonce (default: the next)")
    .addHelpText("after", "\nExample\n  $ polytorus deploy circuit collection.json --key 0x…");
  shapes
    .sender(
      deploy,
      "confidential-erc20",
      "deploy a token whose balances and amounts stay encrypted",
      async () => (await module()).deployConfidentialErc20,
    )
    .requiredOption("--name <name>", "the token's name")
    .requiredOption("--symbol <symbol>", "its symbol")
    .requiredOption("--key <keyid>", "evaluation key, as `privacy upload-key` answered it")
    .option("--decimals <n>", "digits after the point", "6")
    .option("--owner <address>", "who may mint, and decrypt the total (default: the sender)")
    .option("--salt <hex>", "32 bytes: derive the address as CREATE2 does")
    .option("--nonce <n>", "the sender's nonce (default: the next)")
    .addHelpText("after", "\nExample\n  $ polytorus deploy confidential-erc20 --name Sealed --symbol SLD --key 0x…");
}

function addKeyCommands(privacy: Command, shapes: CommandShapes): void {
  const module = () => import("./commands/privacy-keys.ts");
  shapes
    .leaf(privacy, "keygen", "make a secret key and its evaluation key", async () => (await module()).keygen)
    .requiredOption("--out <dir>", "where secret.key (0600, never sent) and evaluation.key are written")
    .option("--params <id>", "parameter set, or plain (hides nothing); default: the first that `privacy schemes` lists")
    .addHelpText("after", "\nExample\n  $ polytorus privacy keygen --out ./keys");
  shapes.client(
    privacy,
    "upload-key <dir>",
    "give the daemon an evaluation key",
    async () => (await module()).uploadKey,
  );
  shapes
    .client(privacy, "keys", "list the evaluation keys that the daemon has", async () => (await module()).keys)
    .option("--limit <n>", "print at most this many", wholeNumber, 100);
  shapes
    .client(
      privacy,
      "withdraw-key <keyid>",
      "take an evaluation key that no contract has out of use",
      async () => (await module()).withdrawKey,
    )
    .addHelpText("after", "\nIt goes after an hour. `privacy upload-key` brings it back.");
  shapes.client(
    privacy,
    "collect",
    "let go, now, of keys, values and uploads that nothing refers to",
    async () => (await module()).collect,
  );
  shapes
    .client(
      privacy,
      "encrypt <value>",
      "encrypt a value for a contract, and send it",
      async () => (await module()).encrypt,
    )
    .requiredOption("--key <dir>", "directory of the secret key")
    .requiredOption("--type <type>", "ebool, euint8, euint16, euint32, euint64 or euint128")
    .requiredOption("--contract <address>", "the contract that it is for")
    .option("--from <address>", "who may use it (POLYTORUS_FROM; default: the first development account)")
    .addHelpText(
      "after",
      "\nThe value itself is never sent. The answer is a handle: an argument for `polytorus call`.",
    );
  shapes
    .client(privacy, "decrypt <handle>", "fetch a value and decrypt it", async () => (await module()).decrypt)
    .requiredOption("--key <dir>", "directory of the secret key")
    .option(
      "--from <address>",
      "whom the access list must name (POLYTORUS_FROM; default: the first development account)",
    );
  shapes
    .client(
      privacy,
      "decryptor",
      "decrypt for others what access lists allow, on signed requests",
      async () => (await import("./commands/privacy-decryptor.ts")).decryptor,
    )
    .requiredOption("--key <dir>", "directory of the secret key; audit.ndjson is kept there")
    .option(
      "--listen <host:port>",
      "where it answers; behind a proxy with TLS if not on this machine",
      "127.0.0.1:8646",
    );
}

function addJobCommands(privacy: Command, shapes: CommandShapes): void {
  const module = () => import("./commands/privacy-jobs.ts");
  shapes.client(
    privacy,
    "schemes",
    "list what there is, what it claims and what it does not hide",
    async () => (await module()).schemes,
  );
  shapes
    .client(privacy, "jobs", "list evaluations", async () => (await module()).jobs)
    .option("--status <status>", "waiting, ready, running, done, failed or cancelled")
    .option("--contract <address>", "of this contract")
    .option("--limit <n>", "print at most this many", wholeNumber, 100);
  shapes.client(
    privacy,
    "watch",
    "show evaluations as they go on, until none is left",
    async () => (await module()).watch,
  );
  shapes
    .client(privacy, "wait <handle>", "wait until a value is evaluated", async () => (await module()).wait)
    .option("--timeout <seconds>", "give up after so long", wholeNumber, 3600);
  shapes.client(
    privacy,
    "cancel <job>",
    "end an evaluation for good, by its id or a handle",
    async () => (await module()).cancel,
  );
  shapes.client(
    privacy,
    "explain <handle> <account>",
    "say whether an account may be given a value, and why",
    async () => (await module()).explainAccess,
  );
}
