import type { FastifyBaseLogger } from 'fastify'

type Bindings = Record<string, unknown>
type Level = Exclude<keyof FastifyBaseLogger, 'child' | 'level'>

/**
 * A request's own log, whose child is made with its first line: most requests write none, and what a child is bound to
 * is searched for secrets.
 */
export const requestLogOf = (log: FastifyBaseLogger, bindings: Bindings): FastifyBaseLogger =>
  new RequestLog(log, bindings)

// A class, so that its methods are not made anew for each request.
class RequestLog implements FastifyBaseLogger {
  readonly level: string
  readonly #log: FastifyBaseLogger
  readonly #bindings: Bindings
  #own: FastifyBaseLogger | undefined

  constructor(log: FastifyBaseLogger, bindings: Bindings) {
    this.level = log.level
    this.#log = log
    this.#bindings = bindings
  }

  fatal(...given: unknown[]): void {
    this.#write('fatal', given)
  }
  error(...given: unknown[]): void {
    this.#write('error', given)
  }
  warn(...given: unknown[]): void {
    this.#write('warn', given)
  }
  info(...given: unknown[]): void {
    this.#write('info', given)
  }
  debug(...given: unknown[]): void {
    this.#write('debug', given)
  }
  trace(...given: unknown[]): void {
    this.#write('trace', given)
  }
  silent(...given: unknown[]): void {
    this.#write('silent', given)
  }
  child(more: Bindings, options?: Parameters<FastifyBaseLogger['child']>[1]): FastifyBaseLogger {
    return this.#log.child({ ...this.#bindings, ...more }, options)
  }

  #write(level: Level, given: unknown[]): void {
    this.#own ??= this.#log.child(this.#bindings)
    Reflect.apply(this.#own[level], this.#own, given)
  }
}
