import type { CatalogueTool } from '@onbehalf/contracts'
import { type ErrorDetail, ReportedError } from '@onbehalf/errors'
import { LRUCache } from 'lru-cache'
import type { Check, compileCheck } from './compile.ts'
import { surelyFits } from './fits.ts'

/**
 * Throws `invalid_arguments`, naming the first fault, where a tool surely does not take the arguments; a promise only where its
 * schema is compiled for it.
 */
export type CheckArguments = (
  tool: Pick<CatalogueTool, 'hash' | 'input_schema'>,
  given: Record<string, unknown>
) => Promise<void> | undefined

const checksMax = 1_000
/** To compile a schema takes half a millisecond and 44 KB: as much as it takes to go through one so many times. */
const seldom = 200
const countedMax = 10_000

/**
 * Checks arguments by the schemas of their tools, each compiled once for as long as the tool is what it is: as soon as
 * it is called often, or with what does not surely fit.
 */
export const createArgumentChecks = (): CheckArguments => {
  const checks = boundedTo<Check>(checksMax)
  const calls = boundedTo<number>(countedMax)
  let compile: typeof compileCheck | undefined

  const make = async (hash: string, schema: unknown): Promise<Check> => {
    // What it takes to compile is a tenth of a second of every start, and not every process is asked for it.
    compile ??= (await import('./compile.ts')).compileCheck
    const check = compile(schema)
    checks.set(hash, check)
    calls.delete(hash)
    return check
  }
  const isSeldomCalled = (hash: string): boolean => {
    const before = calls.get(hash) ?? 0
    calls.set(hash, before + 1)
    return before < seldom
  }

  return ({ hash, input_schema }, given) => {
    const check = checks.get(hash)
    if (check) return refuseFault(check(given))
    if (isSeldomCalled(hash) && surelyFits(input_schema, given)) return undefined
    return make(hash, input_schema).then((made) => refuseFault(made(given)))
  }
}

// By size and not by number, for which room for all of them would be made at the start.
const boundedTo = <Value extends {}>(maxSize: number) =>
  new LRUCache<string, Value>({ maxSize, sizeCalculation: () => 1 })

const refuseFault = (fault: ErrorDetail | undefined): undefined => {
  if (fault) throw new ReportedError('invalid_arguments', `${fault.path} ${fault.message}.`, { details: [fault] })
}

/** The arguments without those that are null or blank. */
export const withoutEmpty = (given: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => !isEmpty(value)))

const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || (typeof value === 'string' && value.trim() === '')
