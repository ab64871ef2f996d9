import type { Redis } from 'ioredis'

/**
 * Ends each command that has waited for `ms` milliseconds (ETIMEDOUT). Node runs timers before it reads what has come,
 * so an answer that only a busy turn of our own held up is read first: Redis was not late then, we were.
 */
export const endLateCommands = (redis: Redis, ms: number): void => {
  const send = redis.sendCommand.bind(redis)
  redis.sendCommand = (command, stream) => {
    const late = () =>
      command.reject(Object.assign(new Error(`Redis did not answer within ${ms} ms`), { code: 'ETIMEDOUT' }))
    const timer = setTimeout(() => setImmediate(late), ms)
    const answered = () => clearTimeout(timer)
    command.promise.then(answered, answered)
    return send(command, stream)
  }
}
