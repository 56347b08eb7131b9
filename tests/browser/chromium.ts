/** Starts a headless Chromium that is on this machine, for one test. It downloads none. */
import fs from "node:fs";
import type { Browser } from "playwright-core";

/** Where the packages of Linux distributions, macOS and Chrome's own installer put it. */
const places = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/opt/google/chrome/chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/** The path of a Chromium, or undefined where there is none. */
export function findChromium(): string | undefined {
  return places.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** A browser that asks nothing of the network by itself; its profile is in `.onceflow`, where tests may write. */
export async function startChromium(executablePath: string): Promise<Browser> {
  const directory = `${Deno.cwd()}/.onceflow/browser`;
  await Deno.mkdir(directory, { recursive: true });
  Deno.env.set("TMPDIR", directory);
  const { chromium } = await loadPlaywright();
  return await chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/**
 * While it loads, playwright looks for two files under /proc and /run to tell Windows' subsystem for Linux. Deno keeps
 * /proc/sys from all but programs with every permission, and tells so by an error that playwright does not expect.
 */
async function loadPlaywright(): Promise<typeof import("playwright-core")> {
  const { existsSync } = fs;
  fs.existsSync = (path) => {
    try {
      return existsSync(path);
    } catch {
      return false;
    }
  };
  try {
    return await import("playwright-core");
  } finally {
    fs.existsSync = existsSync;
  }
}
