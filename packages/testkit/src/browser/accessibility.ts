import axe from 'axe-core'
import type { Page } from 'playwright-core'

/**
 * What axe finds serious or critical in a page as it is shown, each with its first element; none is what a test asks
 * for. `rules` names those that count, such as `color-contrast` where only the colours are others than before. It is put
 * in past the page's own policy for scripts, which stays in force.
 */
export const readFaults = async (page: Page, rules: string[] = []): Promise<string[]> => {
  if (!(await page.evaluate("'axe' in globalThis"))) await page.evaluate(axe.source)
  const found: unknown = await page.evaluate(run(rules))
  if (Array.isArray(found) && found.every((one) => typeof one === 'string')) return found
  throw new Error('axe said nothing')
}

const run = (
  rules: string[]
) => `axe.run(${JSON.stringify(rules.length > 0 ? { runOnly: rules } : {})}).then(({ passes, violations }) => {
  if (passes.length === 0) throw new Error('nothing was looked at')
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => id + ': ' + help + ': ' + nodes[0].html + ' ' + nodes[0].failureSummary)
})`
