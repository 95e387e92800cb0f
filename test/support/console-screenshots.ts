/**
 * Takes the README's pictures of the console, of a daemon with something to do, into ops/console/:
 *   node scripts/run.mjs test/support/console-screenshots.ts
 * They take two and a half minutes, since charts show two.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { Daemon, Workspace } from "../../bench/support/daemon.ts";
import { ROOT } from "../../bench/support/program.ts";
import type { Client } from "../../src/client/client.ts";
import { openBrowser } from "./chromium.ts";
import { ALICE, BOB, submit } from "./console-daemon.ts";
import { encodePalettePng } from "./palette-png.ts";

const FOLDER = join(ROOT, "ops/console");
/** As much as the charts of the overview show, and a little. */
const LOAD_MS = 130_000;
const STEP_MS = 100;
const DEPOSIT = "12500000";
const GAS = "100000000";

/** What a PNG shows, a character a byte: the browser can read it already. */
const PIXELS = `(async () => {
  const image = new Image();
  image.src = "data:image/png;base64,SHOT";
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  return Array.from({ length: Math.ceil(data.length / 8192) }, (_, n) => String.fromCharCode(...data.subarray(8192 * n, 8192 * (n + 1)))).join("");
})()`;

const workspace = new Workspace();
const daemon = await Daemon.start(workspace.directory("data"), ["--dev"]);
const browser = await openBrowser();
try {
  const { client, url } = daemon;
  const token = await deploy(client, {
    ...{ type: "erc20", name: "Harbour Dollar", symbol: "HBD", decimals: 6 },
    initialSupply: "1000000000000000",
  });
  execFileSync(process.execPath, ["contracts/build.mjs", "vault"], { cwd: ROOT });
  const code = `0x${readFileSync(join(ROOT, "contracts/vault/build/vault.wasm")).toString("hex")}`;
  const vault = await deploy(client, { type: "wasm", code, init: [token] });
  await submit(client, { kind: "call", to: token, entrypoint: "approve", args: [vault, "1000000000000"] });
  await submit(client, { kind: "call", to: vault, entrypoint: "deposit", args: ["5000000", ALICE] });
  const deposit = { kind: "call" as const, to: vault, entrypoint: "deposit", args: [DEPOSIT, ALICE] };
  const { transactionHash } = await submit(client, deposit);

  const transaction = await open(browser, `${url}/console/transactions/${transactionHash}`, "light", 900);
  await transaction.getByText("State diff").waitFor();
  // A line that is new is marked for a moment.
  await sleep(2_000);
  await take(transaction, "transaction");
  const overview = await open(browser, `${url}/console`, "dark", 1_000);
  const loaded = load(client, token, vault);
  await sleep(LOAD_MS - 5_000);
  await take(overview, "overview");
  await loaded;
} finally {
  await browser.close();
  await daemon.stop();
  workspace.remove();
}

async function deploy(client: Client, contract: Record<string, unknown>): Promise<string> {
  const receipt = await submit(client, { kind: "deploy", gasLimit: GAS, contract });
  if (receipt.contractAddress === null) throw new Error(`not deployed: ${JSON.stringify(receipt)}`);
  return receipt.contractAddress;
}

async function open(of: Browser, url: string, colorScheme: "light" | "dark", height: number): Promise<Page> {
  const page = await of.newPage({ colorScheme, viewport: { width: 1_400, height } });
  await page.goto(url);
  return page;
}

async function take(page: Page, name: string): Promise<void> {
  const { width, height } = page.viewportSize()!;
  const shot = (await page.screenshot()).toString("base64");
  const reader = await browser.newPage();
  const pixels = (await reader.evaluate(PIXELS.replace("SHOT", shot))) as string;
  await reader.close();
  const picture = encodePalettePng(Buffer.from(pixels, "latin1"), width, height);
  writeFileSync(join(FOLDER, `${name}.png`), picture);
  process.stdout.write(`ops/console/${name}.png: ${(picture.length / 1024).toFixed(0)} KiB\n`);
}

/** Transfers in waves, one in sixty not covered, now and then a deposit, and reads of forty balances, most of them again. */
async function load(client: Client, token: string, vault: string): Promise<void> {
  const holder = (n: number) => `0x${String(1 + (n % 40)).padStart(40, "7c")}`;
  for (let step = 0; step * STEP_MS < LOAD_MS; step++) {
    const count = Math.round(16 + 9 * Math.sin(step / 90) + 5 * Math.sin(step / 17));
    const transactions = Array.from({ length: count }, (_, n) => {
      const at = step * 31 + n * 7;
      const isCovered = at % 60 !== 0;
      const sender = isCovered ? ALICE : BOB;
      const args = [holder(at), isCovered ? String(250_000 + at) : "1000000000"];
      return { kind: "call" as const, sender, gasLimit: "100000", to: token, entrypoint: "transfer", args };
    });
    const deposits =
      step % 40 === 0 ? [{ ...{ kind: "call" as const, sender: ALICE, gasLimit: "200000" }, to: vault }] : [];
    const all = [
      ...transactions,
      ...deposits.map((call) => ({ ...call, entrypoint: "deposit", args: ["1000", ALICE] })),
    ];
    await client.call("tx_submitBatch", { transactions: all, receipts: "summary" });
    const reads = Array.from({ length: 12 }, (_, n) => holder((step * n) % 40));
    await Promise.all(
      reads.map((account) =>
        client.call("contract_query", { address: token, entrypoint: "balanceOf", args: [account] }),
      ),
    );
    await sleep(STEP_MS);
  }
}
