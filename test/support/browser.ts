/** A real browser on the console: what the page complains about is gathered, and every test ends with none of it. */
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { describe, onTestFinished } from "vitest";
import { CHROMIUM, WITHOUT_CHROMIUM } from "./chromium.ts";

/** Tests that need the browser; where there is none they are left out, under a title that says what would bring it. */
export function describeInBrowser(title: string, tests: () => void): void {
  if (CHROMIUM !== undefined) describe(title, tests);
  else describe.skip(`${title} (${WITHOUT_CHROMIUM})`, tests);
}

export interface WatchedPage {
  readonly page: Page;
  /** Errors of scripts, messages of the console, breaches of the page's policy, dialogs. */
  readonly complaints: string[];
}

/** A page of its own, closed when the test is over. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(`console: ${message.text()}`);
  });
  await page.exposeFunction("reportViolation", (text: string) => complaints.push(`policy: ${text}`));
  await page.addInitScript(`addEventListener("securitypolicyviolation", (event) =>
    reportViolation(event.violatedDirective + " " + event.blockedURI));`);
  return { page, complaints };
}
