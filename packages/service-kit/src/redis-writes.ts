import type { Redis } from 'ioredis'

/**
 * Lets the commands that are asked for in one turn of the event loop leave in one write: under load a system call each
 * would cost more than all the rest of them.
 */
export const writeTogether = (redis: Redis): void => {
  const send = redis.sendCommand.bind(redis)
  let isHolding = false
  redis.sendCommand = (command, stream) => {
    const socket: Redis['stream'] | undefined = redis.stream
    if (!isHolding && socket) {
      isHolding = true
      socket.cork()
      setImmediate(() => {
        isHolding = false
        socket.uncork()
      })
    }
    return send(command, stream)
  }
}
