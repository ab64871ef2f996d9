import type { McpEvent } from '@onbehalf/mcp'
import type { EventStream } from '../events/stream.ts'

const names = new Map([
  ['notifications/progress', 'progress'],
  ['notifications/message', 'log']
])

/** Progress and log messages of the server, as events of a call. */
export const tellingTo =
  ({ tell }: Pick<EventStream, 'tell'>) =>
  ({ method, params }: McpEvent): void => {
    const name = names.get(method)
    // The token is between us and the server.
    const { progressToken: _, ...told } = params
    if (name !== undefined) tell(name, told)
  }
