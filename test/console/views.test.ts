/** Every view in a real browser, on a real daemon. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeInBrowser, openPage } from "../support/browser.ts";
import { openBrowser } from "../support/chromium.ts";
import {
  ALICE,
  BOB,
  type ConsoleDaemon,
  deployToken,
  MARKUP,
  openConsoleDaemon,
  transfer,
} from "../support/console-daemon.ts";

/** A busy machine is slow, not wrong. */
const WAIT_MS = 15_000;

describeInBrowser("the console", () => {
  let browser: Browser;
  let daemon: ConsoleDaemon;
  let token: string;
  let markup: string;
  let moved: string;
  let reverted: string;

  beforeAll(async () => {
    browser = await openBrowser();
    daemon = await openConsoleDaemon({ flags: ["--dev"], environment: { POLYTORUS_DEV_SAMPLES: "false" } });
    token = await deployToken(daemon.client, "MyToken", "MTK");
    markup = await deployToken(daemon.client, MARKUP, `"><script>alert(2)</script>`, 2);
    moved = (await transfer(daemon.client, token, "250")).transactionHash;
    reverted = (await transfer(daemon.client, token, "5000000")).transactionHash;
    await transfer(daemon.client, markup, "1234");
  });
  afterAll(async () => {
    await browser.close();
    await daemon.close();
  });

  /** What a view shows once `text` is there. */
  async function shown(path: string, ...texts: string[]): Promise<void> {
    const { page, complaints } = await openPage(browser);
    await page.goto(`${daemon.url}/console${path}`);
    for (const text of texts) await page.getByText(text, { exact: false }).first().waitFor({ timeout: WAIT_MS });
    expect(await page.title()).toMatch(/ · Polytorus$/);
    expect(complaints).toEqual([]);
  }

  it.each([
    ["", ["Transactions a second", "Latency", "Cached queries", "Busiest contracts", "MTK"]],
    ["/contracts", ["MyToken", MARKUP]],
    ["/contracts?query=mytok", ["MyToken"]],
    ["/transactions", ["transfer", "reverted"]],
    ["/events", ["Transfer", "250 (0.00000000000000025 MTK)"]],
    ["/blocks", ["state root"]],
    ["/blocks/3", ["receipts root", "transfer"]],
    [`/accounts/${ALICE}`, ["poly1", "MyToken"]],
    ["/privacy", ["No job is here", "does not hide"]],
    ["/storage", ["durable up to seq", "lmdb", "executor"]],
    ["/config", ["retention.undo_blocks", "--dev"]],
    ["/nowhere", ["There is nothing here"]],
  ])("shows %s", async (path, texts) => {
    if (path === "/nowhere") {
      const { page } = await openPage(browser);
      await page.goto(`${daemon.url}/console${path}`);
      await expect.poll(() => page.getByText(texts[0]!).count()).toBe(1);
    } else await shown(path, ...texts);
  });

  it("shows a contract's health, state, events, transactions, gas and record", async () => {
    await shown(`/contracts/${token}`, "ERC20InsufficientBalance", "1 of 2 executions failed", "gas efficiency");
    await shown(`/contracts/${token}/state`, `bal:${BOB}`, "totalSupply", "250");
    await shown(`/contracts/${token}/events`, "Transfer", "OwnershipTransferred");
    await shown(`/contracts/${token}/transactions`, "transfer", "reverted", "deploy");
    await shown(`/contracts/${token}/gas`, "Gas an execution", "(deploy)", "transfer");
    await shown(`/contracts/${token}/about`, "code hash", '"symbol": "MTK"');
  });

  it("shows a transaction with its gas, its calls and what it changed", async () => {
    await shown(`/transactions/${moved}`, "success", "transfer erc20", `bal:${BOB}`, "Transfer");
    await shown(`/transactions/${reverted}`, "ERC20InsufficientBalance", "It changed nothing");
  });

  it("runs an old transaction again only when it is asked to", async () => {
    for (let n = 0; n < 25; n++) await transfer(daemon.client, token, "1");
    const { page, complaints } = await openPage(browser);
    await page.goto(`${daemon.url}/console/transactions/${moved}`);
    await page.getByText("no block is made while it runs").waitFor({ timeout: WAIT_MS });
    expect(await page.getByText("State diff").count()).toBe(0);
    await page.getByRole("button", { name: "run it again" }).click();
    await page.getByText("transfer erc20").first().waitFor({ timeout: WAIT_MS });
    await page.getByRole("button", { name: /^stateWrite/ }).click();
    await page.getByRole("button", { name: "show all" }).click();
    await page.getByText("State diff").waitFor({ timeout: WAIT_MS });
    expect(complaints).toEqual([]);
  });

  it("says what is wrong with what is not there", async () => {
    const { page } = await openPage(browser);
    for (const [path, text] of [
      [`/contracts/0x${"00".repeat(20)}`, "CONTRACT_NOT_FOUND"],
      ["/contracts/0x12", "INVALID_ADDRESS"],
      [`/transactions/0x${"00".repeat(32)}`, "TRANSACTION_NOT_FOUND"],
      ["/blocks/99999", "BLOCK_NOT_FOUND"],
    ] as const) {
      await page.goto(`${daemon.url}/console${path}`);
      await expect.poll(() => page.getByText(text).count()).toBeGreaterThan(0);
    }
  });

  it("shows markup in names as text, everywhere", async () => {
    const { page, complaints } = await openPage(browser);
    const paths = ["", "/contracts", "/transactions", "/events", `/accounts/${ALICE}`];
    const tabs = ["", "/call", "/events", "/transactions", "/about"].map((tab) => `/contracts/${markup}${tab}`);
    for (const path of [...paths, ...tabs]) {
      await page.goto(`${daemon.url}/console${path}`);
      await page.getByText("<script>alert(2)</script>").first().waitFor({ timeout: WAIT_MS });
      expect(await page.locator("main img, main script").count(), path).toBe(0);
    }
    expect(complaints).toEqual([]);
  });
});
