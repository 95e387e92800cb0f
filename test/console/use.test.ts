/** Using the console: forms, keys, theme, a phone, a daemon that goes away, and lists that are long. */
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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
const WAIT_MS = 15_000;
const TRANSFERS = 20_000;
const BATCH = 1_000;

describeInBrowser("using the console", () => {
  let browser: Browser;
  let daemon: ConsoleDaemon;
  let token: string;

  beforeAll(async () => {
    browser = await openBrowser();
    daemon = await openConsoleDaemon({ flags: ["--dev"] });
    token = await deployToken(daemon.client, "MyToken", "MTK", 2);
    await transfer(daemon.client, token, "250");
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

  async function openForm(page: Page, name: string) {
    await page
      .locator("summary")
      .filter({ has: page.getByText(name, { exact: true }) })
      .click();
    return page.getByRole("form", { name, exact: true });
  }

  describe("the form of an entrypoint", () => {
    it("queries a view, and shows an amount in base units and with its decimals", async () => {
      const { page, complaints } = await open(`/contracts/${token}/call`);
      const form = await openForm(page, "balanceOf");
      await form.getByLabel("account").fill(BOB);
      await form.getByLabel("account").press("Enter");
      await form.getByText("250 (2.5 MTK)").waitFor();
      expect(complaints).toEqual([]);
    });

    it("says at the field what is wrong with it, and sends nothing", async () => {
      const { page } = await open(`/contracts/${token}/call`);
      const form = await openForm(page, "transfer");
      const height = (await daemon.client.call("engine_info", {})).height;
      await form.getByLabel("to").fill("0x12");
      await form.getByLabel("value").fill("1.5");
      await form.getByRole("button", { name: "send" }).click();
      await form.getByText("an address is expected").waitFor();
      await form.getByText("a whole number in base units is expected").waitFor();
      expect(await form.getByLabel("value").getAttribute("aria-invalid")).toBe("true");
      expect((await daemon.client.call("engine_info", {})).height).toBe(height);
    });

    it("simulates a call with what it would change, and keeps nothing", async () => {
      const { page } = await open(`/contracts/${token}/call`);
      const form = await openForm(page, "transfer");
      await form.getByLabel("to").fill(BOB);
      await form.getByLabel("value").fill("100");
      await form.getByText("1 MTK", { exact: true }).waitFor();
      await form.getByRole("button", { name: "simulate" }).click();
      await form.getByText("simulated, nothing was kept").waitFor();
      await form.getByText(`bal:${BOB}`).waitFor();
      await form.getByText("100 (1 MTK)").waitFor();
      const { result } = await daemon.client.call("contract_query", {
        address: token,
        entrypoint: "balanceOf",
        args: [BOB],
      });
      expect(result).toBe("250");
    });

    it("sends in --dev, and names the error of what reverts", async () => {
      const { page, complaints } = await open(`/contracts/${token}/call`);
      const form = await openForm(page, "transfer");
      await form.getByLabel("to").fill(BOB);
      await form.getByLabel("value").fill("50");
      await form.getByRole("button", { name: "send" }).click();
      await form.getByText("success").waitFor();
      const { result } = await daemon.client.call("contract_query", {
        address: token,
        entrypoint: "balanceOf",
        args: [BOB],
      });
      expect(result).toBe("300");
      await form.getByLabel("value").fill("999999999");
      await form.getByRole("button", { name: "send" }).click();
      await form.getByText("ERC20InsufficientBalance").waitFor();
      await form.getByLabel("value").fill("50");
      await form.getByRole("button", { name: "send" }).click();
      await form.locator(".outcome a").first().click();
      await page.getByText("State diff").waitFor();
      expect(new URL(page.url()).pathname).toMatch(/^\/console\/transactions\/0x[0-9a-f]{64}$/);
      expect(complaints).toEqual([]);
    });

    it("sends as any account: one of the named ones, or a contract", async () => {
      const balanceOf = async (holder: string) =>
        (await daemon.client.call("contract_query", { address: token, entrypoint: "balanceOf", args: [holder] }))
          .result;
      const { page, complaints } = await open(`/contracts/${token}/call`);
      await page.locator("datalist option").getByText("bob").waitFor({ state: "attached" });
      const form = await openForm(page, "transfer");
      for (const sender of [BOB, token]) {
        await transfer(daemon.client, token, "3", { args: [sender, "3"] });
        const before = [await balanceOf(sender), await balanceOf(ALICE)].map(Number) as [number, number];
        await page.getByLabel("act as").fill(sender);
        await form.getByLabel("to").fill(ALICE);
        await form.getByLabel("value").fill("3");
        await form.getByRole("button", { name: "send" }).click();
        await expect.poll(async () => Number(await balanceOf(sender)), { timeout: WAIT_MS }).toBe(before[0] - 3);
        expect(Number(await balanceOf(ALICE))).toBe(before[1] + 3);
      }
      expect(complaints).toEqual([]);
    });

    it("offers no sending to who may only read", async () => {
      const reader = await openConsoleDaemon({ flags: ["--storage", "memory"] });
      try {
        const address = await deployToken(reader.client, "Read", "RD");
        const { page } = await openPage(browser);
        await page.goto(`${reader.url}/console/contracts/${address}/call`);
        await page.getByText("start the daemon with --dev").waitFor({ timeout: WAIT_MS });
        await (await openForm(page, "transfer")).getByRole("button", { name: "simulate" }).waitFor();
        expect(await page.getByRole("button", { name: "send" }).count()).toBe(0);
      } finally {
        await reader.close();
      }
    });
  });

  it("shows new events and transactions by itself", async () => {
    const events = await open(`/contracts/${token}/events`);
    const transactions = await open("/transactions");
    await events.page.getByText("Transfer").first().waitFor();
    await transactions.page.getByText("transfer").first().waitFor();
    const { transactionHash } = await transfer(daemon.client, token, "777");
    await events.page.getByText("777 (7.77 MTK)").waitFor();
    await expect.poll(() => transactions.page.locator(`a[href$="${transactionHash}"]`).count()).toBe(1);
  });

  it("is used by keys alone", async () => {
    const { page, complaints } = await open("");
    await page.getByText("Newest transactions").waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await expect.poll(() => page.evaluate("document.activeElement.id")).toBe("main");
    for (const [keys, path] of [
      ["gc", "/console/contracts"],
      ["gt", "/console/transactions"],
      ["ge", "/console/events"],
      ["gb", "/console/blocks"],
      ["gp", "/console/privacy"],
      ["gs", "/console/storage"],
      ["gf", "/console/config"],
      ["go", "/console"],
    ] as const) {
      for (const key of keys) await page.keyboard.press(key);
      await page.waitForURL((url) => url.pathname === path);
    }
    await page.keyboard.press("?");
    await page.getByRole("dialog").getByText("leave a field").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await page.keyboard.press("/");
    await page.keyboard.type(token);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "MyToken" }).waitFor();
    // Letters in a field are letters.
    await page.keyboard.press("/");
    await page.keyboard.type("gb?");
    await expect.poll(() => page.locator("#search").inputValue()).toBe("gb?");
    expect(complaints).toEqual([]);
  });

  it.each([
    ["a height", () => "1", /\/blocks\/1$/],
    ["an account", () => ALICE, new RegExp(`/accounts/${ALICE}$`)],
    ["a name", () => "mytok", /\/contracts\?query=mytok$/],
  ])("finds %s", async (_what, text, expected) => {
    const { page } = await open("");
    await page.locator("#search").fill(text());
    await page.keyboard.press("Enter");
    await expect.poll(() => page.url()).toMatch(expected);
  });

  it("has a name for everything that can be clicked or typed into, and reaches it by Tab", async () => {
    const { page } = await open(`/contracts/${token}`);
    await page.getByText("gas efficiency").waitFor();
    for (const path of ["", "/contracts", `/contracts/${token}/call`, "/events", "/storage"]) {
      await page.goto(`${daemon.url}/console${path}`);
      await page.locator("main h1").waitFor();
      const nameless = await page.evaluate(`[...document.querySelectorAll("a, button, input, select, textarea")]
        .filter((node) => node.tabIndex < 0 || !(node.getAttribute("aria-label") || node.textContent.trim() ||
          (node.labels && [...node.labels].some((label) => label.textContent.trim()))))
        .map((node) => node.outerHTML)`);
      expect(nameless, path).toEqual([]);
    }
  });

  it("is light or dark as the system is, or as it is told, and remembers", async () => {
    const ground = "getComputedStyle(document.body).backgroundColor";
    const dark = await open("/contracts", { colorScheme: "dark" });
    const light = await open("/contracts", { colorScheme: "light" });
    await light.page.getByText("MyToken").first().waitFor();
    const [darkGround, lightGround] = [await dark.page.evaluate(ground), await light.page.evaluate(ground)];
    expect(darkGround).not.toBe(lightGround);
    // From auto to light to dark.
    await light.page.keyboard.press("t");
    await light.page.keyboard.press("t");
    await expect.poll(() => light.page.evaluate(ground)).toBe(darkGround);
    await light.page.reload();
    await light.page.getByText("MyToken").first().waitFor();
    await expect.poll(() => light.page.evaluate(ground)).toBe(darkGround);
  });

  it.each(["light", "dark"] as const)("has contrast in its text: %s", async (colorScheme) => {
    const { page } = await open("/contracts", { colorScheme });
    await page.getByText("MyToken").first().waitFor();
    const ratios = (await page.evaluate(CONTRASTS)) as Record<string, number>;
    expect(Object.keys(ratios)).toHaveLength(19);
    expect(Object.entries(ratios).filter(([, ratio]) => ratio < 4.5)).toEqual([]);
  });

  it("fits a phone", async () => {
    const { page, complaints } = await open("", { viewport: { width: 360, height: 740 }, hasTouch: true });
    for (const path of [
      "",
      "/contracts",
      `/contracts/${token}`,
      `/contracts/${token}/call`,
      "/transactions",
      "/events",
      "/blocks/1",
      "/storage",
      "/config",
    ]) {
      await page.goto(`${daemon.url}/console${path}`);
      await page.locator("main h1").waitFor();
      await page.waitForTimeout(300);
      expect(await page.evaluate("document.documentElement.scrollWidth"), path).toBeLessThanOrEqual(360);
    }
    expect(complaints).toEqual([]);
  });

  it("says that there is nothing yet on an empty daemon", async () => {
    const empty = await openConsoleDaemon({ flags: ["--storage", "memory"] });
    try {
      const { page, complaints } = await openPage(browser);
      for (const [path, text] of [
        ["", "Nothing has run yet"],
        ["/contracts", "No contract yet"],
        ["/transactions", "No transaction yet"],
        ["/events", "No event yet"],
        ["/blocks/0", "This block has no transactions"],
      ] as const) {
        await page.goto(`${empty.url}/console${path}`);
        await page.getByText(text).waitFor({ timeout: WAIT_MS });
      }
      expect(complaints).toEqual([]);
    } finally {
      await empty.close();
    }
  });

  it("says when the daemon goes away, keeps what it showed, and goes on when it is back", async () => {
    const dataDir = join(temporaryDirectory(), "data");
    const http = `127.0.0.1:${await freePort()}`;
    const first = await openConsoleDaemon({ dataDir, http });
    await deployToken(first.client, "Lasting", "LST");
    const { page } = await openPage(browser);
    page.setDefaultTimeout(WAIT_MS);
    await page.goto(`${first.url}/console/contracts`);
    await page.getByText("Lasting").waitFor();
    await first.close();
    await page.getByText("The daemon does not answer").waitFor();
    expect(await page.getByText("Lasting").count()).toBe(1);
    const second = await openConsoleDaemon({ dataDir, http });
    try {
      await page.getByText("The daemon does not answer").waitFor({ state: "hidden" });
      await deployToken(second.client, "Later", "LTR");
      await page.getByText("Later").waitFor();
    } finally {
      await second.close();
    }
  });

  it("asks for a token where the daemon wants one", async () => {
    const tokens = join(temporaryDirectory(), "tokens");
    const { writeFileSync } = await import("node:fs");
    writeFileSync(tokens, "reader let-me-look-at-it-please\n", { mode: 0o600 });
    const guarded = await openConsoleDaemon({
      http: `0.0.0.0:${await freePort()}`,
      flags: ["--storage", "memory"],
      environment: { POLYTORUS_HTTP__TOKENS_FILE: tokens },
    });
    try {
      const { page } = await openPage(browser);
      page.setDefaultTimeout(WAIT_MS);
      await page.goto(`${guarded.url.replace("0.0.0.0", "127.0.0.1")}/console`);
      await page.getByLabel("bearer token").fill("let-me-look-at-it-please");
      await page.keyboard.press("Enter");
      await page.getByText("Nothing has run yet").waitFor();
      expect(await page.getByLabel("bearer token").isVisible()).toBe(false);
    } finally {
      await guarded.close();
    }
  });

  it(`pages through ${TRANSFERS} executions as fast at the end as at the beginning`, async () => {
    for (let sent = 0; sent < TRANSFERS; sent += BATCH) {
      const transactions = Array.from({ length: BATCH }, () => ({
        kind: "call" as const,
        sender: ALICE,
        gasLimit: "100000",
        to: token,
        entrypoint: "transfer",
        args: [BOB, "1"],
      }));
      await daemon.client.call("tx_submitBatch", { transactions, receipts: "summary" });
    }
    await submit(daemon.client, { kind: "call", to: token, entrypoint: "mint", args: [BOB, "5"] });
    const { page, complaints } = await open(`/contracts/${token}/transactions`);
    await page.getByText("mint").first().waitFor();
    const newest = await page.locator("tbody tr a").first().getAttribute("href");
    const seen = new Set<string | null>();
    for (let n = 1; n <= 6; n++) {
      await page.getByText(`page ${n}`, { exact: true }).waitFor();
      await page.locator(".pager button:last-child:not([disabled])").waitFor();
      const links = await page
        .locator("tbody tr td:first-child a")
        .evaluateAll((nodes) => nodes.map((node) => node.getAttribute("href")));
      expect(links).toHaveLength(50);
      for (const link of links) seen.add(link);
      await page.getByRole("button", { name: "older" }).click();
    }
    expect(seen.size).toBe(300);
    for (let n = 6; n >= 1; n--) await page.getByRole("button", { name: "newer" }).click();
    await page.getByText("page 1", { exact: true }).waitFor();
    await page.locator(`tbody a[href="${newest}"]`).waitFor();
    expect(complaints).toEqual([]);
  });
});

/** The ratio of each text colour to each ground that it stands on, as WCAG 2 has it. */
const CONTRASTS = `(() => {
  const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  const probe = document.createElement("i");
  document.body.append(probe);
  const resolved = (name) => {
    probe.style.color = "var(--" + name + ")";
    return getComputedStyle(probe).color;
  };
  const luminance = (...names) => {
    context.clearRect(0, 0, 1, 1);
    for (const name of names) {
      context.fillStyle = resolved(name);
      context.fillRect(0, 0, 1, 1);
    }
    const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (text, ...grounds) => {
    const [low, high] = [luminance(text), luminance(...grounds)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const pairs = ["ink", "quiet"].flatMap((text) => ["paper", "panel", "raised"].map((ground) => [text, ground]))
    .concat(["accent", "good", "bad", "warn"].flatMap((text) => ["paper", "panel"].map((ground) => [text, ground])))
    .concat([["on-accent", "accent"], ["accent", "paper", "accent-soft"], ["bad", "panel", "bad-soft"], ["warn", "panel", "warn-soft"], ["ink", "paper", "bad-soft"]]);
  const found = Object.fromEntries(pairs.map(([text, ...grounds]) => [text + " on " + grounds.join(" "), ratio(text, ...grounds)]));
  probe.remove();
  return found;
})()`;
