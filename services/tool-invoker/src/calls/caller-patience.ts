import type { IncomingMessage } from 'node:http'
import { type CallSignal, Ending } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'

/** How long the caller waits: until they close the connection, or their own limit ends. Must be ended, which may be done twice. */
export type Patience = {
  signal: CallSignal
  /** Ends it before; the reason is what the caller is told. */
  cancel: (reason: ReportedError) => void
  end: () => void
}

export const patienceOf = (request: IncomingMessage, timeoutMs: number | undefined): Patience => {
  const signal = new Ending()
  const { socket } = request
  const leave = () => signal.abort(hasLeft())
  // The socket's own close: the request's comes as soon as its body was read.
  socket.on('close', leave)
  // They may have left while it was looked who they are.
  if (socket.destroyed) leave()
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => signal.abort(tooLate()), timeoutMs)
  return {
    signal,
    cancel: (reason) => signal.abort(reason),
    end: () => {
      clearTimeout(timer)
      socket.removeListener('close', leave)
    }
  }
}

const hasLeft = () => new ReportedError('cancelled', 'The caller closed the connection before the answer.')
const tooLate = () => new ReportedError('upstream_timeout', 'The call did not end within your timeout_ms.')
