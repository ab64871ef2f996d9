import { UnixSeconds, Uuid } from '@onbehalf/contracts'
import { defineTicket, type FindKey, type SigningKey, signTicket, verifyTicket } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import { type Static, Type } from '@sinclair/typebox'
import type { Redis } from 'ioredis'
import { orUnavailable } from '../redis/or-unavailable.ts'
import { approvalSeconds } from './cookies.ts'

const Word = Type.String({ minLength: 1, maxLength: 2048 })

/** Says whom an IdP identified for which code, so that they may approve it: by device-auth, to itself. */
export const approvalGrant = defineTicket({
  type: 'onbehalf-approval-grant+jwt',
  audience: 'onbehalf:device-auth:approval-grant',
  seconds: approvalSeconds,
  issuers: ['device-auth'],
  claims: Type.Object({
    tenant_id: Uuid,
    user_id: Uuid,
    subject_email: Word,
    subject_issuer: Word,
    user_code: Word,
    nonce: Word,
    csrf_token: Word,
    /** In milliseconds since the epoch. */
    expires_at: Type.Integer(),
    /** When they signed in at the IdP, in seconds since the epoch. */
    auth_time: Type.Optional(UnixSeconds)
  })
})
export type ApprovalGrant = Static<typeof approvalGrant.claims>

export type GrantStore = ReturnType<typeof grantStore>

type Needs = { redis: Redis; vault: Pick<Vault, 'seal' | 'open'>; signingKey: () => SigningKey; findKey: FindKey }

const keyOf = (id: string) => `device-auth:sso-grant:${hashOf(id)}`
const placeOf = (id: string) => ({ tenant_id: 'instance', table: 'redis', column: 'approval_grant', row: hashOf(id) })

/** Approval grants for five minutes, in Redis: signed, and sealed, since there is a user code in them. */
export const grantStore = ({ redis, vault, signingKey, findKey }: Needs) => ({
  keep: async (id: string, grant: ApprovalGrant): Promise<void> => {
    const { ticket } = await signTicket(approvalGrant, grant, { issuer: 'device-auth', key: signingKey() })
    const sealed = await vault.seal(ticket, placeOf(id))
    await orUnavailable(redis.set(keyOf(id), sealed.toString('base64'), 'EX', approvalSeconds))
  },

  /** Undefined for one that is unknown, has ended or does not hold. */
  find: async (id: string): Promise<ApprovalGrant | undefined> => {
    const sealed = await orUnavailable(redis.get(keyOf(id)))
    if (!sealed) return undefined
    const ticket = await vault.open(Buffer.from(sealed, 'base64'), placeOf(id)).catch(() => '')
    return verifyTicket(approvalGrant, ticket, { findKey }).catch(() => undefined)
  }
})
