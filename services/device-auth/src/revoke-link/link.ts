import { createHmac } from 'node:crypto'
import { Uuid } from '@onbehalf/contracts'
import { matches } from '@onbehalf/rpc'
import { isSameSecret } from '@onbehalf/service-kit'
import { type Static, Type } from '@sinclair/typebox'

const Claims = Type.Object({
  tenant_id: Uuid,
  id: Uuid,
  /** Which of the sign-ins that the row has seen: a later one is not ended by a link to an earlier one. */
  sign_in: Type.String(),
  /** Seconds since the epoch. */
  exp: Type.Integer()
})

/** The one sign-in that a link ends. */
export type Linked = Pick<Static<typeof Claims>, 'tenant_id' | 'id' | 'sign_in'>

export type RevokeLinks = ReturnType<typeof revokeLinks>

const lifeSeconds = 7 * 86_400

/** Links that end one sign-in and do nothing else, for seven days; whoever has one may. */
export const revokeLinks = ({ publicUrl, key, now }: { publicUrl: string; key: string; now: () => Date }) => {
  // The purpose is signed too, so that nothing else under this key could be read as one.
  const sign = (payload: string) => createHmac('sha256', key).update(`revoke-link.${payload}`).digest('base64url')
  return {
    make: ({ madeAt, ...linked }: Linked & { madeAt: Date }): string => {
      const exp = Math.floor(madeAt.getTime() / 1000) + lifeSeconds
      const payload = Buffer.from(JSON.stringify({ ...linked, exp })).toString('base64url')
      return `${publicUrl}/device/revoke?link=${payload}.${sign(payload)}`
    },
    /** Undefined for one that is not ours or has ended. */
    read: (link: string): Linked | undefined => {
      const [payload = '', signature = ''] = link.split('.')
      if (!isSameSecret(signature, sign(payload))) return undefined
      const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString())
      return matches(Claims, claims) && claims.exp * 1000 > now().getTime() ? claims : undefined
    }
  }
}
