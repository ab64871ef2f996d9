import type { CatalogueTool } from '@onbehalf/contracts'
import { type ErrorDetail, ReportedError } from '@onbehalf/errors'
import { LRUCache } from 'lru-cache'
import { createAllowance } from './allowance.ts'
import type { Check, compileCheck } from './compile.ts'
import { surelyFits } from './fits.ts'

/**
 * Throws `invalid_arguments`, naming the first fault, where a tool of the tenant surely does not take the arguments; a promise
 * only where its schema is compiled for it.
 */
export type CheckArguments = (of: CheckedCall, given: Record<string, unknown>) => Promise<void> | undefined

export type CheckedCall = { tenant_id: string; tool: CheckedTool }

export type CheckedTool = Pick<CatalogueTool, 'hash' | 'input_schema'> & { [called]?: number }

/** How often, since it is held: kept with the tool itself, which takes no look-up. */
const called = Symbol('called')
/** By what they cost, in all some 60 MB: a thousand usual tools. */
const checksMax = 40_000
/** In the 20 s that a tool is held. To compile a schema takes half a millisecond and 44 KB: as much as to go through one so many times. */
const seldom = 200
/** Half a second of a processor, and then 2 % of it: whose tools are more is not checked for that. The server checks. */
const allowed = { atOnce: 30_000, perSecond: 1_500 }

/**
 * Checks arguments by the schemas of their tools, each compiled once for as long as the tool is what it is: as soon as
 * it is called often, or with what does not surely fit.
 */
export const createArgumentChecks = (now: () => number = Date.now): CheckArguments => {
  // By size and not by number, for which room for all of them would be made at the start.
  const checks = new LRUCache<string, Check>({ maxSize: checksMax })
  const allowance = createAllowance({ ...allowed, now })
  let compile: typeof compileCheck | undefined

  const make = async ({ tenant_id, tool }: CheckedCall): Promise<Check> => {
    // What it takes to compile is a tenth of a second of every start, and not every process is asked for it.
    compile ??= (await import('./compile.ts')).compileCheck
    const { check, cost } = compile(tool.input_schema)
    allowance.spend(tenant_id, cost)
    checks.set(tool.hash, check, { size: Math.ceil(cost) })
    // Where it makes room for others, it is not compiled again before it was called as often once more.
    tool[called] = 0
    return check
  }

  return (of, given) => {
    const check = checks.get(of.tool.hash)
    if (check) return refuseFault(check(given))
    if (isSeldomCalled(of.tool) && surelyFits(of.tool.input_schema, given)) return undefined
    if (!allowance.hasLeft(of.tenant_id)) return undefined
    return make(of).then((made) => refuseFault(made(given)))
  }
}

const isSeldomCalled = (tool: CheckedTool): boolean => {
  const before = tool[called] ?? 0
  tool[called] = before + 1
  return before < seldom
}

const refuseFault = (fault: ErrorDetail | undefined): undefined => {
  if (fault) throw new ReportedError('invalid_arguments', `${fault.path} ${fault.message}.`, { details: [fault] })
}

/** The arguments without those that are null or blank. */
export const withoutEmpty = (given: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => !isEmpty(value)))

const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || (typeof value === 'string' && value.trim() === '')
