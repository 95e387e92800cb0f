/** Where a browser is on this machine, and how it is started: for tests, and for the bench of the console. */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Where the browser is; undefined when there is none. */
export const CHROMIUM = [process.env["CHROMIUM"], ...PLACES].find((path) => path !== undefined && existsSync(path));

export const WITHOUT_CHROMIUM =
  "no Chromium: the console is not looked at; run apt-get install -y chromium (or set CHROMIUM to its path)";

export async function openBrowser(): Promise<Browser> {
  // The sandbox wants privileges that containers seldom have; nothing but our own page is loaded.
  return await chromium.launch({ executablePath: CHROMIUM!, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}
