import type { CatalogueTool } from '@onbehalf/contracts'
import { type ErrorDetail, ReportedError } from '@onbehalf/errors'
import { LRUCache } from 'lru-cache'
import type { Check, compileCheck } from './compile.ts'

/**
 * Throws `invalid_arguments`, naming the first fault, where a tool surely does not take the arguments; at once where its
 * schema has been compiled.
 */
export type CheckArguments = (
  tool: Pick<CatalogueTool, 'hash' | 'input_schema'>,
  given: Record<string, unknown>
) => Promise<void> | undefined

const checksMax = 1_000

/** Checks arguments by the schemas of their tools, each compiled once for as long as the tool is what it is. */
export const createArgumentChecks = (): CheckArguments => {
  const checks = new LRUCache<string, Check>({ maxSize: checksMax, sizeCalculation: () => 1 })
  let compile: typeof compileCheck | undefined

  const make = async (hash: string, schema: unknown): Promise<Check> => {
    // What it takes to compile is a tenth of a second of every start, and not every process is asked for it.
    compile ??= (await import('./compile.ts')).compileCheck
    const check = compile(schema)
    checks.set(hash, check)
    return check
  }

  return ({ hash, input_schema }, given) => {
    const check = checks.get(hash)
    return check ? refuseFault(check(given)) : make(hash, input_schema).then((made) => refuseFault(made(given)))
  }
}

const refuseFault = (fault: ErrorDetail | undefined): undefined => {
  if (fault) throw new ReportedError('invalid_arguments', `${fault.path} ${fault.message}.`, { details: [fault] })
}

/** The arguments without those that are null or blank. */
export const withoutEmpty = (given: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => !isEmpty(value)))

const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || (typeof value === 'string' && value.trim() === '')
