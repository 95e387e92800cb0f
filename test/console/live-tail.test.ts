/** The live tail of events, over the page's stream: what becomes durable, what is taken back, a daemon that goes away, a flood. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { describeInBrowser, openPage } from "../support/browser.ts";
import { openBrowser } from "../support/chromium.ts";
import { ALICE, BOB, type ConsoleDaemon, deployToken, openConsoleDaemon, transfer } from "../support/console-daemon.ts";
import { freePort } from "../support/free-port.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

/** A busy machine is slow, not wrong. */
const WAIT_MS = 20_000;
const TOKEN = "let-me-look-at-it-please";

describeInBrowser("the live tail of events", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  /** A page on the events of a contract, and how often it asked for logs. */
  async function openTail(url: string, path: string) {
    const { page, complaints } = await openPage(browser);
    page.setDefaultTimeout(WAIT_MS);
    let asked = 0;
    page.on("request", (request) => {
      if (request.postData()?.includes("contract_logs") === true) asked++;
    });
    await page.goto(`${url}/console${path}`);
    await page.getByText("Transfer").first().waitFor();
    await page.getByText("every 2.00 s").waitFor({ state: "hidden" });
    return { page, complaints, asked: () => asked };
  }

  /** Amounts of the rows, from above. */
  async function amounts(page: Page): Promise<number[]> {
    const rows = await page.locator("tbody tr").allInnerTexts();
    return rows.flatMap((row) =>
      [...row.matchAll(/value\s+([\d,]+)/g)].map(([, text]) => Number(text!.replaceAll(",", ""))),
    );
  }

  const shows = (page: Page, expected: readonly number[]) =>
    expect.poll(() => amounts(page), { timeout: WAIT_MS }).toEqual(expected);

  /** `count` transfers of `from`, `from` + 1, … in one block. */
  function payAll(daemon: ConsoleDaemon, token: string, from: number, count: number) {
    const transactions = Array.from({ length: count }, (_, n) => ({
      kind: "call" as const,
      sender: ALICE,
      gasLimit: "100000",
      to: token,
      entrypoint: "transfer",
      args: [BOB, String(from + n)],
    }));
    return daemon.client.call("tx_submitBatch", { transactions, receipts: "summary" });
  }

  const down = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, n) => from - n);

  describe("of one daemon", () => {
    let daemon: ConsoleDaemon;
    let token: string;
    /** The supply is a transfer too. */
    const SUPPLY = 1_000_000;
    beforeAll(async () => {
      daemon = await openConsoleDaemon({ flags: ["--dev", "--storage", "memory"] });
    });
    beforeEach(async () => {
      token = await deployToken(daemon.client, "Tailed", "TLD", 0);
    });
    afterAll(() => daemon.close());

    it("is told of each event as it comes, and asks for no list meanwhile", async () => {
      const { page, complaints, asked } = await openTail(daemon.url, `/contracts/${token}/events`);
      const before = asked();
      for (let amount = 1; amount <= 5; amount++) {
        await transfer(daemon.client, token, String(amount));
        await shows(page, [...down(amount, 1), SUPPLY]);
      }
      expect(asked()).toBe(before);
      expect(complaints).toEqual([]);
    });

    it("loses what a rollback takes back, and shows what comes in its place", async () => {
      const { page } = await openTail(daemon.url, `/contracts/${token}/events`);
      await transfer(daemon.client, token, "1");
      const { snapshotId } = await daemon.client.call("dev_snapshot", {});
      for (const amount of ["2", "3"]) await transfer(daemon.client, token, amount);
      await shows(page, [3, 2, 1, SUPPLY]);
      await daemon.client.call("dev_revert", { snapshotId });
      await shows(page, [1, SUPPLY]);
      await transfer(daemon.client, token, "7");
      await shows(page, [7, 1, SUPPLY]);
    });

    it("stays as it is when it is switched off, and has no hole when it is switched on again", async () => {
      const { page } = await openTail(daemon.url, `/contracts/${token}/events`);
      await transfer(daemon.client, token, "1");
      await shows(page, [1, SUPPLY]);
      await page.getByLabel("live tail").uncheck();
      for (const amount of ["2", "3"]) await transfer(daemon.client, token, amount);
      const other = await openTail(daemon.url, "/events");
      await expect.poll(() => amounts(other.page), { timeout: WAIT_MS }).toContain(3);
      expect(await amounts(page)).toEqual([1, SUPPLY]);
      await page.getByLabel("live tail").check();
      await shows(page, [3, 2, 1, SUPPLY]);
    });

    it("shows no more rows than it keeps, and the next page goes on where they end", async () => {
      const { page } = await openTail(daemon.url, `/contracts/${token}/events`);
      for (let from = 1; from <= 401; from += 40) {
        await payAll(daemon, token, from, 40);
        await expect.poll(async () => (await amounts(page))[0], { timeout: WAIT_MS }).toBe(from + 39);
        await page.waitForTimeout(500);
      }
      const shown = await amounts(page);
      expect(shown.length).toBeLessThanOrEqual(200);
      expect(shown).toEqual(down(440, 440 - shown.length + 1));
      await page.getByRole("button", { name: "older" }).click();
      await expect.poll(async () => (await amounts(page))[0], { timeout: WAIT_MS }).toBe(shown.at(-1)! - 1);
    });

    it("asks for the newest on a timer while more comes than can be followed, and says so", async () => {
      const { page, complaints } = await openTail(daemon.url, `/contracts/${token}/events`);
      await payAll(daemon, token, 1, 1_000);
      await page.getByText("every 2.00 s").waitFor();
      await shows(page, down(1_000, 951));
      await payAll(daemon, token, 2_001, 10);
      await shows(page, [...down(2_010, 2_001), ...down(1_000, 961)]);
      expect(complaints).toEqual([]);
    });
  });

  it("goes on behind the last event when the daemon was killed and is back: none is missing, none twice", async () => {
    const dataDir = join(temporaryDirectory(), "data");
    const http = `127.0.0.1:${await freePort()}`;
    const first = await openConsoleDaemon({ dataDir, http });
    const token = await deployToken(first.client, "Lasting", "LST", 0);
    await payAll(first, token, 1, 50);
    const { page } = await openTail(first.url, `/contracts/${token}/events`);
    await transfer(first.client, token, "51");
    await shows(page, down(51, 1));
    await first.process.kill("SIGKILL");
    const quiet = await openConsoleDaemon({ dataDir });
    await payAll(quiet, token, 52, 60);
    await quiet.close();
    const second = await openConsoleDaemon({ dataDir, http });
    try {
      await transfer(second.client, token, "112");
      await expect.poll(async () => (await amounts(page))[0], { timeout: WAIT_MS }).toBe(112);
      const shown = await amounts(page);
      expect(shown).toEqual(down(112, 112 - shown.length + 1));
      expect(shown.length).toBeGreaterThanOrEqual(50);
    } finally {
      await second.close();
    }
  });

  it("is there for the holder of a token too, and asks for another when it is taken back", async () => {
    const tokens = join(temporaryDirectory(), "tokens");
    writeFileSync(tokens, `reader ${TOKEN}\n`, { mode: 0o600 });
    const daemon = await openConsoleDaemon({
      http: `0.0.0.0:${await freePort()}`,
      flags: ["--storage", "memory"],
      environment: { POLYTORUS_HTTP__TOKENS_FILE: tokens },
    });
    try {
      const token = await deployToken(daemon.client, "Guarded", "GRD", 0);
      const { page } = await openPage(browser);
      page.setDefaultTimeout(WAIT_MS);
      await page.goto(`${daemon.url.replace("0.0.0.0", "127.0.0.1")}/console/contracts/${token}/events`);
      await page.getByLabel("bearer token").fill(TOKEN);
      await page.keyboard.press("Enter");
      await page.getByText("Transfer").first().waitFor();
      await page.getByText("every 2.00 s").waitFor({ state: "hidden" });
      await transfer(daemon.client, token, "5");
      await shows(page, [5, 1_000_000]);
      writeFileSync(tokens, "reader somebody-else-may-look-at-it\n");
      await daemon.client.call("admin_reload", {});
      await page.getByLabel("bearer token").waitFor();
    } finally {
      await daemon.close();
    }
  });
});
