import type { FastifyReply, FastifyRequest } from 'fastify'
import type { LogOutput } from './log-output.ts'
import type { LogLevel } from './logger.ts'

/**
 * Writes one line a request, in the form of the log's other lines. The log itself takes five times as long for it: it looks
 * for secrets, which none of these members can hold.
 */
export const answerLog = (
  { service, logLevel }: { service: string; logLevel: LogLevel },
  logTo: LogOutput
): ((request: FastifyRequest, reply: FastifyReply) => void) => {
  if (logLevel !== 'info' && logLevel !== 'debug') return () => {}
  return ({ id: reqId, method, ip, routeOptions }, { statusCode: status, elapsedTime }) => {
    const time = new Date().toISOString()
    const ms = Math.round(elapsedTime * 10) / 10
    const line = {
      level: 'info',
      time,
      service,
      reqId,
      method,
      route: routeOptions.url,
      status,
      ms,
      ip,
      msg: 'answered'
    }
    logTo.write(`${JSON.stringify(line)}\n`)
  }
}
