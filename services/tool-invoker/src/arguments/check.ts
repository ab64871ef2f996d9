import type { CatalogueTool } from '@onbehalf/contracts'
import { type ErrorDetail, ReportedError } from '@onbehalf/errors'
import { LRUCache } from 'lru-cache'
import type { Check, compileCheck } from './compile.ts'
import { surelyFits } from './fits.ts'

/**
 * Throws `invalid_arguments`, naming the first fault, where a tool surely does not take the arguments; a promise only where its
 * schema is compiled for it.
 */
export type CheckArguments = (tool: CheckedTool, given: Record<string, unknown>) => Promise<void> | undefined

export type CheckedTool = Pick<CatalogueTool, 'hash' | 'input_schema'> & { [called]?: number }

/** How often, since it is held: kept with the tool itself, which takes no look-up. */
const called = Symbol('called')
const checksMax = 1_000
/** In the 20 s that a tool is held. To compile a schema takes half a millisecond and 44 KB: as much as to go through one so many times. */
const seldom = 200

/**
 * Checks arguments by the schemas of their tools, each compiled once for as long as the tool is what it is: as soon as
 * it is called often, or with what does not surely fit.
 */
export const createArgumentChecks = (): CheckArguments => {
  // By size and not by number, for which room for all of them would be made at the start.
  const checks = new LRUCache<string, Check>({ maxSize: checksMax, sizeCalculation: () => 1 })
  let compile: typeof compileCheck | undefined

  const make = async (tool: CheckedTool): Promise<Check> => {
    // What it takes to compile is a tenth of a second of every start, and not every process is asked for it.
    compile ??= (await import('./compile.ts')).compileCheck
    const check = compile(tool.input_schema)
    checks.set(tool.hash, check)
    // Where it makes room for others, it is not compiled again before it was called as often once more.
    tool[called] = 0
    return check
  }

  return (tool, given) => {
    const check = checks.get(tool.hash)
    if (check) return refuseFault(check(given))
    if (isSeldomCalled(tool) && surelyFits(tool.input_schema, given)) return undefined
    return make(tool).then((made) => refuseFault(made(given)))
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
