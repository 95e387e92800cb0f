/** Finding one's way in the console: searching, filtering, following links, and reading what stands there. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeInBrowser, openPage } from "../support/browser.ts";
import { openBrowser } from "../support/chromium.ts";
import {
  ALICE,
  BOB,
  type ConsoleDaemon,
  deployToken,
  openConsoleDaemon,
  submit,
  transfer,
} from "../support/console-daemon.ts";

/** A busy machine is slow, not wrong. */
const WAIT_MS = 15_000;
/** Further down a transaction is traced only when somebody asks. */
const TRACED_BLOCKS = 20;

describeInBrowser("finding one's way in the console", () => {
  let browser: Browser;
  let daemon: ConsoleDaemon;
  let token: string;
  let moved: string;
  let paid: string;

  beforeAll(async () => {
    browser = await openBrowser();
    daemon = await openConsoleDaemon({ flags: ["--dev", "--storage", "memory"] });
    token = await deployToken(daemon.client, "MyToken", "MTK", 2);
    moved = (await transfer(daemon.client, token, "250")).transactionHash;
    paid = (await submit(daemon.client, { kind: "call", to: BOB, value: "1000" })).transactionHash;
    await submit(daemon.client, { kind: "call", to: token, entrypoint: "increaseAllowance", args: [BOB, "1"] });
  });
  afterAll(async () => {
    await browser.close();
    await daemon.close();
  });

  async function open(path: string, options: Parameters<typeof openPage>[1] = {}) {
    const { page, complaints } = await openPage(browser, options);
    page.setDefaultTimeout(WAIT_MS);
    await page.goto(`${daemon.url}/console${path}`);
    return { page, complaints };
  }

  it("finds an account by its Bech32 address, which its page shows", async () => {
    const { bech32 } = await daemon.client.call("account_get", { address: BOB });
    const { page } = await open("");
    await page.locator("#search").fill(bech32);
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.pathname === `/console/accounts/${BOB}`);
    await expect.poll(() => page.getByText(bech32).count()).toBe(1);
  });

  it("leads from a payment to the account that was paid", async () => {
    const { page } = await open(`/transactions/${paid}`);
    await page.getByText("native value, and no call").waitFor();
    await page.locator(`main a[href$="/accounts/${BOB}"]`).first().click();
    await page.getByRole("heading", { level: 1, name: "Account" }).waitFor();
    await expect.poll(() => page.getByText("1,000").count()).toBeGreaterThan(0);
  });

  it("leads from what a simulation would change to the account whose nonce and balance it is", async () => {
    const { page } = await open(`/contracts/${token}/call`);
    await page.locator("summary strong", { hasText: /^mint$/ }).click();
    const form = page.getByRole("form", { name: "mint" });
    await form.getByLabel("to").fill(BOB);
    await form.getByLabel("amount").fill("1");
    await form.getByRole("button", { name: "simulate" }).click();
    const link = form.locator(`tr:has-text("nonce and balance") a[href$="/accounts/${ALICE}"]`);
    await expect.poll(() => link.count()).toBe(1);
  });

  it("names arguments and counts in the token's unit, also where nothing is traced", async () => {
    await daemon.client.call("dev_mine", { blocks: TRACED_BLOCKS + 1 });
    const { page } = await open(`/transactions/${moved}`);
    await page.getByText("no block is made while it runs").waitFor();
    const receipt = page.getByRole("region", { name: "Receipt" });
    await receipt.getByText("250 (2.5 MTK)").waitFor();
    expect(await receipt.locator(".args", { hasText: "to" }).count()).toBe(1);
  });

  it("says that a filter is no address, rather than to leave it out", async () => {
    const { page } = await open("/events");
    await page.getByText("Transfer").first().waitFor();
    await page.getByLabel("of the contract").fill("0x12");
    await page.keyboard.press("Enter");
    await page.getByText("an address is expected").waitFor();
    expect(await page.getByText("Transfer").count()).toBe(0);
  });

  it.each([
    ["/events?address=", "of the contract", "Events"],
    ["/contracts?query=", "part of name or symbol", "Contracts"],
  ])("empties the field when the filter of %s goes", async (path, label, link) => {
    const { page } = await open(`${path}${token}`);
    expect(await page.getByLabel(label).inputValue()).toBe(token);
    await page.getByRole("link", { name: link, exact: false }).first().click();
    await expect.poll(() => page.getByLabel(label).inputValue(), { timeout: WAIT_MS }).toBe("");
  });

  it("has a title of its own for each place, also where there is nothing", async () => {
    const { page } = await open("/contracts");
    await page.getByText("MyToken").first().waitFor();
    for (const [path, title] of [
      ["/nowhere", "Nothing · Polytorus"],
      ["/blocks/newest", "Block · Polytorus"],
      [`/contracts/${token}`, "MyToken · Polytorus"],
    ] as const) {
      await page.goto(`${daemon.url}/console${path}`);
      await expect.poll(() => page.title(), { timeout: WAIT_MS }).toBe(title);
    }
    const [nameless] = (await daemon.client.call("contract_list", { kind: "wasm" })).items;
    const { address } = nameless!;
    await page.goto(`${daemon.url}/console/contracts/${address}`);
    await page.getByRole("heading", { name: `wasm ${address.slice(0, 6)}…${address.slice(-4)}` }).waitFor();
  });

  it("goes on at the new view when the link that was followed went with its own", async () => {
    const { page } = await open("/transactions");
    await page.locator("tbody a").first().focus();
    await page.keyboard.press("Enter");
    await page.getByText("Receipt").waitFor();
    await expect.poll(() => page.evaluate("document.activeElement.id"), { timeout: WAIT_MS }).toBe("main");
  });

  it("cuts off no column on a screen of 1280, and shows which section one is in on a phone", async () => {
    const { page } = await open("");
    for (const path of ["", `/contracts/${token}`, `/contracts/${token}/gas`, "/contracts", `/accounts/${ALICE}`]) {
      await page.goto(`${daemon.url}/console${path}`);
      await page.locator("main table").first().waitFor();
      await page.getByText("increaseAllowance").or(page.getByText("MTK")).first().waitFor();
      const cut = "[...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth).length";
      expect(await page.evaluate(cut), path).toBe(0);
    }
    const phone = await open("/config", { viewport: { width: 375, height: 740 } });
    await phone.page.getByText("retention.undo_blocks").first().waitFor();
    const isSeen = `(() => {
      const { left, right } = document.querySelector(".rail [aria-current]").getBoundingClientRect();
      return left >= 0 && right <= innerWidth;
    })()`;
    await expect.poll(() => phone.page.evaluate(isSeen), { timeout: WAIT_MS }).toBe(true);
  });
});
