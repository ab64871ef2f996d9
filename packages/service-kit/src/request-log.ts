import type { FastifyBaseLogger } from 'fastify'

type Level = Exclude<keyof FastifyBaseLogger, 'child' | 'level'>

/**
 * A request's own log, whose child is made with its first line: most requests write none, and what a child is bound to
 * is searched for secrets.
 */
export const requestLogOf = (log: FastifyBaseLogger, bindings: Record<string, unknown>): FastifyBaseLogger => {
  let child: FastifyBaseLogger | undefined
  const at =
    (level: Level) =>
    (...given: unknown[]): void => {
      child ??= log.child(bindings)
      Reflect.apply(child[level], child, given)
    }
  return {
    level: log.level,
    ...{ fatal: at('fatal'), error: at('error'), warn: at('warn'), info: at('info') },
    ...{ debug: at('debug'), trace: at('trace'), silent: at('silent') },
    child: (more, options) => log.child({ ...bindings, ...more }, options)
  }
}
