import { discard } from './body.ts'
import { startDeadline } from './deadline.ts'
import type { Tools } from './exchange.ts'
import { legacyHeaders } from './headers.ts'
import type { Json } from './protocol.ts'
import type { Session } from './sessions.ts'
import type { Target } from './target.ts'

/** Posts something that has no answer: a notification, or a reply to the server. */
export const notify = async (
  { send, limits, clock }: Tools,
  { url, headers }: Pick<Target, 'url' | 'headers'>,
  session: Session | undefined,
  message: Json
): Promise<void> => {
  const deadline = startDeadline(clock, { ms: limits.cleanUpMs, msMax: limits.cleanUpMs })
  try {
    const { body } = await (session?.send ?? send)(url, {
      method: 'POST',
      headers: legacyHeaders(headers, session),
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
      signal: deadline.signal,
      headersTimeoutMs: limits.cleanUpMs,
      bodyTimeoutMs: limits.cleanUpMs
    })
    await discard(body, limits.refusalBytesMax)
  } finally {
    deadline.stop()
  }
}
