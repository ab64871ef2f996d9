export { readFaults } from './accessibility.ts'
export { type BrowserContext, type Page, startChromium } from './chromium.ts'
