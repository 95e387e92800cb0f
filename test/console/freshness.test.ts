/** What the console shows keeps up with the daemon, and asks it for no more than that takes. */
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
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
import { freePort } from "../support/free-port.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

/** A busy machine is slow, not wrong. */
const WAIT_MS = 20_000;
const MINUTE_MS = 60_000;

describeInBrowser("what the console shows", () => {
  let browser: Browser;
  let daemon: ConsoleDaemon;

  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    daemon = await openConsoleDaemon({ flags: ["--dev", "--storage", "memory"] });
  });
  afterEach(() => daemon.close());

  /** A page, and the methods and paths that it asked for since it was opened. */
  async function open(path: string) {
    const { page, complaints } = await openPage(browser);
    page.setDefaultTimeout(WAIT_MS);
    const asked: string[] = [];
    page.on("request", (request) => {
      const { pathname } = new URL(request.url());
      const body = request.postData();
      asked.push(body === null ? pathname : String((JSON.parse(body) as { method: string }).method));
    });
    await page.goto(`${daemon.url}/console${path}`);
    return { page, complaints, asked };
  }

  it("names a page of contracts by one answer, not by one for each", async () => {
    for (let n = 0; n < 12; n++) await deployToken(daemon.client, `Token ${n}`, `TK${n}`);
    const { page, asked } = await open("/contracts");
    for (const symbol of ["TK0", "TK11"]) await page.locator(".label", { hasText: symbol }).first().waitFor();
    expect(asked.filter((what) => what === "contract_get")).toEqual([]);
  });

  it("calls a contract by its own name when a revert put it in another's place", async () => {
    const { snapshotId } = await daemon.client.call("dev_snapshot", {});
    const first = await deployToken(daemon.client, "First", "FST", 2);
    await transfer(daemon.client, first, "250");
    const { page } = await open("/events");
    await page.getByText("250 (2.5 FST)").waitFor();
    await daemon.client.call("dev_revert", { snapshotId });
    const second = await deployToken(daemon.client, "Second", "SND", 0);
    expect(second).toBe(first);
    await transfer(daemon.client, second, "250");
    await page.getByText("250 (250 SND)").waitFor();
    expect(await page.getByText("FST").count()).toBe(0);
  });

  it("says that a contract was paused, without being loaded again", async () => {
    const token = await deployToken(daemon.client, "MyToken", "MTK");
    const { page } = await open(`/contracts/${token}`);
    await page.locator(".chip", { hasText: "active" }).waitFor();
    await submit(daemon.client, { kind: "setStatus", to: token, status: "paused" });
    await expect.poll(() => page.locator(".chip", { hasText: "paused" }).count()).toBe(1);
  });

  it("shows a transaction as soon as it has run", async () => {
    const token = await deployToken(daemon.client, "MyToken", "MTK");
    const { snapshotId } = await daemon.client.call("dev_snapshot", {});
    const { nonce } = await daemon.client.call("account_get", { address: ALICE });
    const { transactionHash } = await transfer(daemon.client, token, "5", { nonce });
    await daemon.client.call("dev_revert", { snapshotId });
    const { page } = await open(`/transactions/${transactionHash}`);
    await page.getByText("TRANSACTION_NOT_FOUND").waitFor();
    expect((await transfer(daemon.client, token, "5", { nonce })).transactionHash).toBe(transactionHash);
    await page.getByText("State diff").waitFor();
    expect(await page.getByText("TRANSACTION_NOT_FOUND").count()).toBe(0);
  });

  it("tells an age from now, however long none was shown", async () => {
    await deployToken(daemon.client, "MyToken", "MTK");
    const { page } = await openPage(browser);
    page.setDefaultTimeout(WAIT_MS);
    await page.clock.install();
    await page.goto(`${daemon.url}/console/config`);
    await page.getByText("retention.undo_blocks").first().waitFor();
    await page.clock.pauseAt(Date.now() + 10 * MINUTE_MS);
    await page.getByRole("link", { name: "Transactions" }).click();
    // Frames, and what is asked for, need time to go on; the clock of ages beats every five seconds only.
    await expect
      .poll(
        async () => {
          await page.clock.runFor(20);
          return await page
            .locator("tbody time")
            .first()
            .textContent({ timeout: 100 })
            .catch(() => undefined);
        },
        { timeout: WAIT_MS, interval: 100 },
      )
      .toMatch(/\d+ (s|min) ago|just now/);
    await page.clock.runFor(200);
    expect(await page.locator("tbody time").first().textContent()).toMatch(/^(9|10|11) min ago$/);
  });

  it("measures once in two seconds, however often one looks", async () => {
    const { page, asked } = await open("");
    const startedAtMs = performance.now();
    await page.getByText("Newest transactions").waitFor();
    for (let n = 0; n < 8; n++) {
      await page.getByRole("link", { name: n % 2 === 0 ? "Storage" : "Overview" }).click();
      await page.getByRole("heading", { level: 1, name: n % 2 === 0 ? "Storage" : "Overview" }).waitFor();
    }
    const scrapes = asked.filter((what) => what === "/metrics").length;
    expect(scrapes).toBeLessThanOrEqual(1 + (performance.now() - startedAtMs) / 2_000);
  });

  it("is not told of each block of many, and goes on asking for the newest once in two seconds", async () => {
    const token = await deployToken(daemon.client, "MyToken", "MTK");
    const { page, asked } = await open("/transactions");
    const count = (what: string) => asked.filter((each) => each === what).length;
    await page.locator("tbody tr").first().waitFor();
    await expect.poll(() => count("tx_list"), { timeout: WAIT_MS }).toBe(2);
    let last = "";
    const startedAtMs = performance.now();
    while (performance.now() - startedAtMs < 8_000) {
      last = (await transfer(daemon.client, token, "1")).transactionHash;
      await page.waitForTimeout(20);
    }
    await page.locator(`a[href$="${last}"]`).waitFor();
    expect(count("/v1/events")).toBe(1);
    expect(count("tx_list") - 2).toBeGreaterThanOrEqual(2);
    expect(count("tx_list") - 2).toBeLessThanOrEqual(1 + (performance.now() - startedAtMs) / 2_000);
    // The stream is there again some time after, and tells of what comes then.
    await expect.poll(() => count("/v1/events"), { timeout: WAIT_MS }).toBe(2);
    const { transactionHash } = await transfer(daemon.client, token, "2");
    await page.locator(`a[href$="${transactionHash}"]`).waitFor();
  });

  it("asks a daemon that does nothing less than once a second", async () => {
    const { page, asked } = await open("");
    await page.getByText("Nothing out of the ordinary").or(page.getByText("applied")).first().waitFor();
    await page.waitForTimeout(2_000);
    const before = asked.length;
    await page.waitForTimeout(12_000);
    expect(asked.slice(before).length).toBeLessThan(12);
  });

  it("shows the rest when one view fails, and goes on elsewhere", async () => {
    const { page } = await openPage(browser);
    page.setDefaultTimeout(WAIT_MS);
    await page.route(`${daemon.url}/`, async (route) => {
      const isAsked = route.request().postData()?.includes("privacy_schemes") === true;
      if (!isAsked) return await route.continue();
      await route.fulfill({ json: { jsonrpc: "2.0", id: 1, result: [{ id: "not what a scheme is" }] } });
    });
    await page.goto(`${daemon.url}/console/privacy`);
    await page.getByRole("alert").getByText("This view failed").waitFor();
    await page.getByRole("link", { name: "Storage" }).click();
    await page.getByText("durable up to seq").waitFor();
    expect(await page.getByText("This view failed").count()).toBe(0);
  });
});

describeInBrowser("a console that nobody looks at", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  const hide = (page: Page, isHidden: boolean) =>
    page.evaluate(`Object.defineProperty(document, "hidden", { configurable: true, get: () => ${isHidden} });
      document.dispatchEvent(new Event("visibilitychange"))`);

  it("does not ask whether the daemon is back, and asks at once when somebody looks", async () => {
    const dataDir = join(temporaryDirectory(), "data");
    const http = `127.0.0.1:${await freePort()}`;
    const first = await openConsoleDaemon({ dataDir, http });
    await transfer(first.client, await deployToken(first.client, "Lasting", "LST"), "1", { sender: BOB }).catch(
      () => {},
    );
    const { page } = await openPage(browser);
    page.setDefaultTimeout(WAIT_MS);
    await page.goto(`${first.url}/console/contracts`);
    await page.getByText("Lasting").waitFor();
    await first.close();
    await page.getByText("The daemon does not answer").waitFor();
    await hide(page, true);
    // What was on its way when it was hidden.
    await page.waitForTimeout(2_000);
    let asked = 0;
    page.on("request", () => asked++);
    await page.waitForTimeout(5_000);
    expect(asked).toBe(0);
    const second = await openConsoleDaemon({ dataDir, http });
    try {
      await hide(page, false);
      await page.getByText("The daemon does not answer").waitFor({ state: "hidden" });
    } finally {
      await second.close();
    }
  });
});
