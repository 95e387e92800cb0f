/** Who somebody is to the daemon: a token that is refused, and one that may do more. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeInBrowser, openPage } from "../support/browser.ts";
import { openBrowser } from "../support/chromium.ts";
import { type ConsoleDaemon, deployToken, openConsoleDaemon } from "../support/console-daemon.ts";
import { freePort } from "../support/free-port.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

/** A busy machine is slow, not wrong. */
const WAIT_MS = 15_000;
const SUBMITTER = "may-send-what-it-likes-to";

describeInBrowser("a token", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  async function openGuarded(http: string): Promise<ConsoleDaemon> {
    const tokens = join(temporaryDirectory(), "tokens");
    writeFileSync(tokens, `submitter ${SUBMITTER}\n`, { mode: 0o600 });
    return await openConsoleDaemon({
      http,
      flags: ["--storage", "memory"],
      environment: { POLYTORUS_HTTP__TOKENS_FILE: tokens },
    });
  }

  it("that the daemon does not know is said to be refused, and another can be given", async () => {
    const daemon = await openGuarded(`0.0.0.0:${await freePort()}`);
    try {
      const { page } = await openPage(browser);
      page.setDefaultTimeout(WAIT_MS);
      await page.goto(`${daemon.url.replace("0.0.0.0", "127.0.0.1")}/console`);
      await page.getByLabel("bearer token").fill("not-the-right-one-at-all");
      await page.keyboard.press("Enter");
      await page.locator("form .bad").waitFor();
      await page.getByLabel("bearer token").fill(SUBMITTER);
      await page.keyboard.press("Enter");
      await page.getByText("Nothing has run yet").waitFor();
      expect(await page.getByLabel("bearer token").isVisible()).toBe(false);
    } finally {
      await daemon.close();
    }
  });

  it("lets a reader do more, where reading takes none, and can be put away again", async () => {
    const daemon = await openGuarded("127.0.0.1:0");
    try {
      const token = await deployToken(daemon.client, "MyToken", "MTK");
      const { page, complaints } = await openPage(browser);
      page.setDefaultTimeout(WAIT_MS);
      await page.goto(`${daemon.url}/console/contracts/${token}/call`);
      await page.getByText("give a token").waitFor();
      await page.locator("summary", { hasText: "transfer(" }).or(page.locator("summary").first()).first().waitFor();
      expect(await page.getByRole("button", { name: "send" }).count()).toBe(0);
      await page.getByRole("button", { name: "reader" }).click();
      await page.getByLabel("bearer token").fill(SUBMITTER);
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "submitter" }).waitFor();
      await page.getByText("and sent, as any account").waitFor();
      await page.getByRole("button", { name: "submitter" }).click();
      await page.getByRole("button", { name: "use none" }).click();
      await page.getByText("give a token").waitFor();
      expect(complaints).toEqual([]);
    } finally {
      await daemon.close();
    }
  });
});
