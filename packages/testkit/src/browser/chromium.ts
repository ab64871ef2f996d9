import { type Browser, chromium } from 'playwright-core'
import type { TestContext } from '../backends.ts'
import { findProgram } from '../servers/find-program.ts'

export type { BrowserContext, Page } from 'playwright-core'

// A container has no sandbox of its own to give, no graphics card and little shared memory; nothing is asked of the world.
const args = [
  ...['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync']
]

/** A real browser without a window: each of its contexts is somebody else. What is missing is installed where it can be. */
export const startChromium = async (t: TestContext): Promise<Browser> => {
  const executablePath = await findProgram('chromium-headless-shell')
  const browser = await chromium.launch({ executablePath, args, timeout: 120_000 })
  t.teardown(() => browser.close())
  return browser
}
