import { setTimeout as sleep } from 'node:timers/promises'
import { type AnswerOf, type Client, UnexpectedAnswer } from '@onbehalf/client'
import type { Pending } from '../accounts/accounts.ts'
import { Problem } from '../problem.ts'
import { clientId } from './begin.ts'

type Answer = AnswerOf<'POST /openapi/v1/oauth/device/token'>
export type Granted = Extract<Answer, { status: 200 }>['body']

const slowDownSeconds = 5
const waitSecondsMax = 60

const over = () => new Problem('refused', 'Nobody approved in time. Begin again: onbehalf login')

/** What a refused poll ends with, by its code; the others go on. */
const ends: Readonly<Record<string, () => Problem>> = {
  access_denied: () => new Problem('refused', 'The sign-in was denied.'),
  expired_token: over
}

type Step = { interval: number; failures: number }

export type Polling = {
  signal: AbortSignal
  /** Whether it was begun a while ago, so that somebody may have decided by now. */
  isLate?: boolean
  now?: () => number
  wait?: (seconds: number) => Promise<void>
}

/**
 * Polls until somebody decided (RFC 8628 §3.5): slow_down adds 5 s for good, and what is no answer is asked again with
 * twice the wait each time, until the code's own end.
 */
export const pollUntilDecided = async (
  client: Client,
  pending: Pending,
  { signal, isLate = false, now = Date.now, wait = waiting(signal) }: Polling
): Promise<Granted> => {
  let step: Step = { interval: pending.interval, failures: 0 }
  let seconds = isLate ? 0 : pending.interval
  for (;;) {
    if (now() + seconds * 1000 > pending.ends_at) throw over()
    await wait(seconds)
    const answer = await askOnce(client, pending, signal)
    if (answer?.status === 200) return answer.body
    step = next(step, answer)
    seconds = Math.min(waitSecondsMax, step.interval * 2 ** step.failures)
  }
}

const waiting = (signal: AbortSignal) => async (seconds: number) => {
  await sleep(seconds * 1000, undefined, { signal })
}

const next = ({ interval, failures }: Step, answer: Answer | undefined): Step => {
  if (answer === undefined || answer.status !== 400) return { interval, failures: failures + 1 }
  const { error = '', error_description } = { ...answer.body }
  const end = ends[error]
  if (end) throw end()
  if (error === 'authorization_pending') return { interval, failures: 0 }
  if (error === 'slow_down') return { interval: interval + slowDownSeconds, failures: 0 }
  throw new Problem('refused', `The server refuses the sign-in (${error}): ${error_description}`)
}

/** Nothing where the server is away, or something in between answers for it. */
const askOnce = async (
  client: Client,
  { device_code, code_verifier }: Pending,
  signal: AbortSignal
): Promise<Answer | undefined> => {
  try {
    const body = { client_id: clientId, device_code, code_verifier }
    return await client.ask('POST /openapi/v1/oauth/device/token', { body })
  } catch (error) {
    const isAway = error instanceof UnexpectedAnswer || error instanceof Problem || isTimeout(error)
    if (signal.aborted || !isAway) throw error
    return undefined
  }
}

const isTimeout = (error: unknown): boolean => error instanceof Error && error.name === 'TimeoutError'
