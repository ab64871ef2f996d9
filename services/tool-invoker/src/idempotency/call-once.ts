import { wasSent } from '@onbehalf/egress'
import { type ErrorCode, isErrorCode, ReportedError, toReported } from '@onbehalf/errors'
import { upstreamStatusOf } from '@onbehalf/mcp'
import { matches } from '@onbehalf/rpc'
import type { Vault } from '@onbehalf/vault'
import { type Static, Type } from '@sinclair/typebox'
import type { Make } from '../calls/send.ts'
import type { Earlier, IdempotencyStore, Place } from './store.ts'

export type CallOnceTools = {
  idempotency: Pick<IdempotencyStore, 'claim' | 'finish' | 'release'>
  vault: Pick<Vault, 'seal' | 'open'>
}

export type Once = {
  place: Place
  body_digest: string
  /** Throws where the caller may not make the call any more. */
  authorise: () => Promise<unknown>
  /** A place for the record of a call that is not made again; to be given what came of it. */
  beginRecord: () => (outcome: string) => void
}

const answerBytesMax = 256 * 1024

/**
 * Makes a call at most once for its key: what comes again gets the answer of the first, once its caller may still make
 * the call. Throws `conflict` for another body, `outcome_unknown` where the first one has no answer.
 */
export const callOnce = async (
  tools: CallOnceTools,
  once: Once,
  make: Make,
  { onSend, ...hears }: Parameters<Make>[0]
): Promise<string> => {
  const { place, body_digest } = once
  const earlier = await tools.idempotency.claim(place, body_digest)
  if (earlier !== 'claimed') return again(tools, once, earlier)
  let isSent = false
  const noteSent = () => {
    isSent = true
    onSend?.()
  }
  try {
    const text = await make({ ...hears, onSend: noteSent })
    await keep(tools, place, { text })
    return text
  } catch (thrown) {
    if (!isSent || isSurelyNotRun(thrown)) await tools.idempotency.release(place).catch(() => undefined)
    else if (isAnswer(thrown)) await keep(tools, place, { error: toKept(thrown) })
    throw thrown
  }
}

const again = async (tools: Pick<CallOnceTools, 'vault'>, once: Once, earlier: Earlier): Promise<string> => {
  const record = once.beginRecord()
  const kept = await keptFor(tools, once, earlier).catch((thrown: unknown) => {
    record(toReported(thrown).code)
    throw thrown
  })
  record('replayed')
  if ('text' in kept) return kept.text
  const { code, message, ...extras } = kept.error
  throw new ReportedError(isErrorCode(code) ? code : 'upstream_error', message, extras)
}

const keptFor = async (
  { vault }: Pick<CallOnceTools, 'vault'>,
  { place, body_digest, authorise }: Once,
  earlier: Earlier
): Promise<Kept> => {
  if (earlier.body_digest !== body_digest) throw otherBody()
  if (!earlier.is_finished) throw outcomeUnknown()
  await authorise()
  if (!earlier.answer) throw notKept()
  const kept: unknown = JSON.parse(await vault.open(earlier.answer, sealedAt(place)))
  if (!matches(Kept, kept)) throw new Error('a kept answer is not one')
  return kept
}

const KeptError = Type.Object({
  code: Type.String(),
  message: Type.String(),
  details: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() })))
})
const Kept = Type.Union([Type.Object({ text: Type.String() }), Type.Object({ error: KeptError })])
type Kept = Static<typeof Kept>

// The call was made: its answer is given also where it cannot be kept, and who asks again is told that nobody knows.
const keep = async ({ idempotency, vault }: CallOnceTools, place: Place, kept: Kept): Promise<void> => {
  const text = JSON.stringify(kept)
  const isSmall = Buffer.byteLength(text) <= answerBytesMax
  const sealing = isSmall ? vault.seal(text, sealedAt(place)) : Promise.resolve(null)
  await sealing.then((answer) => idempotency.finish(place, answer)).catch(() => undefined)
}

const sealedAt = ({ tenant_id, principal_id, acting_id, key_hash }: Place) => ({
  ...{ tenant_id, table: 'idempotency', column: 'answer', row: key_hash, principal_id, acting_id }
})

const toKept = ({ code, message, extras: { details } }: ReportedError): Static<typeof KeptError> => ({
  code,
  message,
  ...(details && { details })
})

const refusals: ReadonlySet<number> = new Set([401, 403, 429])

const isSurelyNotRun = (thrown: unknown): boolean =>
  wasSent(thrown) === 'no' || refusals.has(upstreamStatusOf(thrown) ?? 0)

/** Whether the server said how it ended, rather than nobody. */
const isAnswer = (thrown: unknown): thrown is ReportedError => {
  const status = upstreamStatusOf(thrown)
  return thrown instanceof ReportedError && status !== null && status < 500
}

const conflict = (code: ErrorCode, sentence: string, message: string) =>
  new ReportedError(code, sentence, { details: [{ path: 'Idempotency-Key', message }] })
const otherBody = () =>
  conflict('conflict', 'This Idempotency-Key was used for another call. Use a new one.', 'was used for another call')
const outcomeUnknown = () =>
  conflict(
    'outcome_unknown',
    'A call with this Idempotency-Key has begun and its end is not known: it may have been made. Look at the MCP server before you make it with a new key.',
    'has begun and not ended'
  )
const notKept = () =>
  conflict(
    'conflict',
    'The call was made, and its answer is not kept: it was too large, or too many came after it. Its record is in /v1/calls.',
    'is used up'
  )
