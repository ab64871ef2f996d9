import type { FastifyReply, FastifyRequest } from 'fastify'
import type { LogOutput } from './log-output.ts'
import type { LogLevel } from './logger.ts'
import { timeText } from './time-text.ts'

/**
 * Writes one line a request, in the form of the log's other lines. The log itself takes five times as long for it: it looks
 * for secrets, which none of these members can hold.
 */
export const answerLog = (
  { service, logLevel }: { service: string; logLevel: LogLevel },
  logTo: LogOutput
): ((request: FastifyRequest, reply: FastifyReply) => void) => {
  if (logLevel !== 'info' && logLevel !== 'debug') return () => {}
  return ({ id, method, ip, routeOptions }, { statusCode, elapsedTime }) => {
    const { url } = routeOptions
    const route = url === undefined ? '' : `"route":${JSON.stringify(url)},`
    const ms = Math.round(elapsedTime * 10) / 10
    // Written out: none but the route and the address can hold anything that JSON writes differently.
    logTo.write(
      `{"level":"info","time":"${timeText(Date.now())}","service":"${service}","reqId":"${id}","method":"${method}",${route}"status":${statusCode},"ms":${ms},"ip":${JSON.stringify(ip ?? null)},"msg":"answered"}\n`
    )
  }
}
