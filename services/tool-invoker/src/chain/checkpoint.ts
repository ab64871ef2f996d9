import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { matches } from '@onbehalf/rpc'
import { type Static, Type } from '@sinclair/typebox'

const Stretch = Type.Object({
  tenant_id: Type.String(),
  writer: Type.String(),
  first: Type.Integer({ minimum: 1 }),
  last: Type.Integer({ minimum: 1 }),
  /** Of the last record. */
  mac: Type.String()
})
/** Consecutive records of one chain. */
export type Stretch = Static<typeof Stretch>

/** written: what there was at that time. dropped: what was there before its partition was dropped. */
const Checkpoint = Type.Object({
  kind: Type.Union([Type.Literal('written'), Type.Literal('dropped')]),
  at: Type.String(),
  stretches: Type.Array(Stretch)
})
export type Checkpoint = Static<typeof Checkpoint>

const header = part({ alg: 'EdDSA', typ: 'onbehalf-checkpoint+jwt' })

function part(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** How each statement of a dropped month begins; 18 bytes are 24 characters, whatever is behind them. */
export const droppedStart = `${header}.${Buffer.from('{"kind":"dropped",').toString('base64url')}`

/** A statement of what was recorded, as a compact JWS (RFC 7515, EdDSA). */
export const signCheckpoint = (key: KeyObject, checkpoint: Checkpoint): string => {
  const signed = `${header}.${part(checkpoint)}`
  return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`
}

/** What a statement says, where it is one of ours. */
export const readCheckpoint = (key: KeyObject, statement: string): Checkpoint | undefined => {
  const [head, body = '', signature = ''] = statement.split('.')
  const signed = Buffer.from(`${head}.${body}`)
  if (head !== header || !verify(null, signed, createPublicKey(key), Buffer.from(signature, 'base64url')))
    return undefined
  const said: unknown = JSON.parse(Buffer.from(body, 'base64url').toString())
  return matches(Checkpoint, said) ? said : undefined
}
