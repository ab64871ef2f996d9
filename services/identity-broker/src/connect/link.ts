import { randomUUID } from 'node:crypto'
import { ExternalId, ServerIdentifier, Uuid } from '@onbehalf/contracts'
import { matches, signJwt } from '@onbehalf/rpc'
import type { SigningKeys } from '@onbehalf/service-kit'
import { type Static, Type } from '@sinclair/typebox'
import { createLocalJWKSet, jwtVerify } from 'jose'

/** What a link that we sign says: who is asked to sign in, for which app, at which server. */
export const ConnectAsk = Type.Object({
  tenant_id: Uuid,
  /** Whom it is for; anybody of the tenant where it is left out. */
  user_id: Type.Optional(Uuid),
  /** The app that acts; left out where the user does. */
  app_id: Type.Optional(Uuid),
  /** The platform that asks at the inner listener, where it names no app of ours. */
  installation_id: Type.Optional(Uuid),
  /** What the app calls a user whom nobody here is linked to. */
  external_id: Type.Optional(ExternalId),
  server: Type.Optional(Type.Object({ audience: Type.String(), server_identifier: Type.Optional(ServerIdentifier) }))
})
export type ConnectAsk = Static<typeof ConnectAsk>

const Claims = Type.Object({ ask: ConnectAsk, jti: Type.String(), exp: Type.Integer() })

/** `typ` of such a link: no other token of ours can be read as one. */
export const connectType = 'onbehalf-connect+jwt'
/** How long the link of a refused call can be opened. */
export const linkSeconds = 3_600

type Needs = {
  connectKeys: Pick<SigningKeys, 'signingKey' | 'publicKeys'>
  publicUrl: string
  now?: () => number
}

/** Where a user gives what a call lacked. */
export type ConnectUrl = (ask: ConnectAsk) => string

export type ConnectLinks = ReturnType<typeof createConnectLinks>

/** Links to `/connect` that we sign where a call was refused, so that its page may name who asked and for what. */
export const createConnectLinks = ({ connectKeys, publicUrl, now = Date.now }: Needs) => {
  const audience = `${publicUrl}/connect`
  const urlFor: ConnectUrl = (ask) => {
    const iat = Math.floor(now() / 1000)
    const about = { iss: publicUrl, aud: audience, jti: randomUUID(), iat, exp: iat + linkSeconds }
    const link = signJwt(connectKeys.signingKey(), connectType, { ...about, ask })
    return `${audience}?${new URLSearchParams({ link })}`
  }
  /** What a link of ours says; undefined where it is none, or has ended. */
  const read = async (link: string): Promise<Static<typeof Claims> | undefined> => {
    const keys = createLocalJWKSet({ keys: connectKeys.publicKeys() })
    const options = { algorithms: ['ES256'], typ: connectType, issuer: publicUrl, audience, requiredClaims: ['exp'] }
    const verified = await jwtVerify(link, keys, { ...options, currentDate: new Date(now()) }).catch(() => undefined)
    const claims: unknown = verified?.payload
    return matches(Claims, claims) ? claims : undefined
  }
  return { urlFor, read }
}
