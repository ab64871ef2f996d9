import { randomBytes, randomUUID } from 'node:crypto'
import {
  defaultKeyScopes,
  findUser,
  type IdentityChange,
  identityChanges,
  type KeyScope,
  listBrokerKeys,
  type Principal,
  principalTicket,
  type ResolvedPrincipal,
  type Role,
  resolveApiKey,
  resolveSession
} from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type Bus, serve, signTicket, writeFeed } from '@onbehalf/rpc'
import { cookieNamesFor, hashOf, sessionType } from '@onbehalf/service-kit'
import { SignJWT } from 'jose'
import { recordSecrets } from '../test-run.ts'
import { type PlayedDeviceSso, playDeviceSso } from './device-sso.ts'
import { makeKeyPair, type PlayedKey } from './keys.ts'

/** Who signs in; what is left out is made up. A role of null is somebody who is not a member. */
export type Person = {
  tenant_id?: string
  user_id?: string
  role?: Role | null
  email?: string
  name?: string
  /** Of their IdP. */
  issuer?: string
  /** When they signed in there, in seconds since the epoch; left out where it did not say. */
  auth_time?: number
}

type Complete = Required<Omit<Person, 'auth_time'>>

export type SignedIn = {
  tenant_id: string
  user_id: string
  session_id: string
  /** As the browser sends it: `name=value`. */
  cookie: string
  csrf: string
  /** What a request of this session takes along, also an unsafe one. */
  headers: { cookie: string; 'x-csrf-token': string }
  /** The principal ticket, good for 60 s. */
  ticket: string
}

export type ApiKey = { tenant_id: string; app_id: string; key: string; headers: { authorization: string } }

export type PlayedIdentityBroker = {
  signIn: (person?: Person) => Promise<SignedIn>
  /** Ends a session and tells everybody. */
  endSession: (sessionId: string) => void
  /** An API key of an app that may act for the users named. */
  makeApiKey: (app?: { tenant_id?: string; app_id?: string; actsFor?: string[]; scopes?: KeyScope[] }) => ApiKey
  /** A principal ticket of any content, made at any time and signed by any key. */
  ticketFor: (principal: Principal, options?: { key?: PlayedKey; now?: () => number }) => Promise<string>
  deviceSso: PlayedDeviceSso
  change: (...changes: IdentityChange[]) => void
  /** Gives a user another role and tells everybody; undefined: the user is gone. */
  changeRole: (userId: string, role: Role | null | undefined) => void
  /** The next question for a user is answered with this error. */
  failFindUser: (error: ReportedError) => void
  close: () => Promise<void>
}

const lifetimeSeconds = 600
const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds

/** identity-broker as the other services see it on the bus: `bus` is connected as identity-broker. */
export const playIdentityBroker = async (
  bus: Bus,
  { publicUrl }: { publicUrl: string }
): Promise<PlayedIdentityBroker> => {
  const [ticketKey, sessionKey, ssoKey] = await Promise.all([makeKeyPair(), makeKeyPair(), makeKeyPair()])
  const sessions = new Map<string, { principal: Principal; auth_time?: number }>()
  const people = new Map<string, Complete>()
  const apiKeys = new Map<string, { app: Extract<Principal, { kind: 'app' }>; actsFor: string[] }>()
  const feed = writeFeed(bus, identityChanges)
  const failures: ReportedError[] = []

  const ticketFor: PlayedIdentityBroker['ticketFor'] = async (principal, { key = ticketKey, now = Date.now } = {}) =>
    (await signTicket(principalTicket, principal, { issuer: 'identity-broker', key: key.signingKey, now })).ticket
  const resolved = async (principal: Principal): Promise<ResolvedPrincipal> => ({
    principal,
    ticket: await ticketFor(principal),
    credential_expires_at: inSeconds(lifetimeSeconds)
  })

  const deviceSso = playDeviceSso(bus, ssoKey)
  const served = [
    deviceSso.served,
    serve(bus, listBrokerKeys, async () => ({
      ticket: [ticketKey.publicKey],
      session: [sessionKey.publicKey],
      device_sso: deviceSso.publicKeys()
    })),
    serve(bus, resolveSession, async ({ tenant_id, session_id }) => {
      const { principal, ...signedIn } = sessions.get(session_id) ?? {}
      if (principal?.tenant_id !== tenant_id) throw new ReportedError('unauthenticated', 'There is no such session.')
      return { ...(await resolved(principal)), ...signedIn }
    }),
    serve(bus, resolveApiKey, async ({ key_hash, user_id = null }) => {
      const held = apiKeys.get(key_hash)
      if (!held) throw new ReportedError('invalid_bearer', 'There is no such API key.')
      const mayAct = user_id === null || held.actsFor.includes(user_id)
      if (!mayAct) throw new ReportedError('policy_denied', 'The app may not act for this user.')
      const person = user_id === null ? undefined : people.get(user_id)
      return resolved({ ...held.app, user_id, ...(person ? { user_role: person.role } : {}) })
    }),
    serve(bus, findUser, async ({ tenant_id, user_id }) => {
      const failure = failures.shift()
      if (failure) throw failure
      const person = people.get(user_id)
      if (person?.tenant_id !== tenant_id) throw new ReportedError('not_found', 'There is no such user.')
      const { role, email, name, issuer } = person
      const isMembers = (other: Complete) =>
        other.tenant_id === tenant_id && other.role !== null && other.email.toLowerCase() === email.toLowerCase()
      const email_belongs_to_member = role === null && [...people.values()].some(isMembers)
      const tenant = { id: tenant_id, name: 'A tenant' }
      return { user: { id: user_id, email, name }, role, tenant, issuer, email_belongs_to_member }
    })
  ]
  // Others ask on connections of their own, which could be faster than these subscriptions.
  await bus.connection.flush()

  return {
    signIn: async (given = {}) => {
      const person = complete(given)
      const { tenant_id, user_id, role } = person
      const session_id = randomUUID()
      const credential = { kind: 'session' as const, id: session_id }
      const principal: Principal = { kind: 'user', tenant_id, user_id, role, credential }
      sessions.set(session_id, { principal, ...(given.auth_time === undefined ? {} : { auth_time: given.auth_time }) })
      people.set(user_id, person)
      const { cookie, csrf } = await makeCookie(principal, session_id, publicUrl, sessionKey)
      const headers = { cookie, 'x-csrf-token': csrf }
      return { tenant_id, user_id, session_id, cookie, csrf, headers, ticket: await ticketFor(principal) }
    },
    endSession: (sessionId) => {
      sessions.delete(sessionId)
      feed.publish({ kind: 'session', id: sessionId })
    },
    makeApiKey: ({
      tenant_id = randomUUID(),
      app_id = randomUUID(),
      actsFor = [],
      scopes = [...defaultKeyScopes]
    } = {}) => {
      const key = `obk_${randomBytes(32).toString('base64url')}`
      recordSecrets([key])
      const credential = { kind: 'api_key' as const, id: randomUUID() }
      apiKeys.set(hashOf(key), { app: { kind: 'app', tenant_id, app_id, user_id: null, scopes, credential }, actsFor })
      return { tenant_id, app_id, key, headers: { authorization: `Bearer ${key}` } }
    },
    ticketFor,
    deviceSso: deviceSso.played,
    change: feed.publish,
    changeRole: (userId, role) => {
      const person = people.get(userId)
      if (person && role !== undefined) people.set(userId, { ...person, role })
      else people.delete(userId)
      feed.publish({ kind: 'user', id: userId })
    },
    failFindUser: (error) => {
      failures.push(error)
    },
    close: async () => {
      feed.close()
      await Promise.all(served.map(({ stop }) => stop()))
    }
  }
}

const complete = ({
  tenant_id = randomUUID(),
  user_id = randomUUID(),
  role = 'member',
  email = `${user_id.slice(0, 8)}@example.com`,
  name = 'Somebody',
  issuer = 'https://idp.partner.example'
}: Person): Complete => ({ tenant_id, user_id, role, email, name, issuer })

const makeCookie = async (
  { tenant_id, user_id }: Principal,
  sid: string,
  publicUrl: string,
  { signingKey }: PlayedKey
): Promise<{ cookie: string; csrf: string }> => {
  const csrf = randomBytes(18).toString('base64url')
  const jwt = await new SignJWT({ tenant_id, sid, csrf })
    .setProtectedHeader({ alg: 'ES256', typ: sessionType, kid: signingKey.kid })
    .setIssuer(publicUrl)
    .setAudience(publicUrl)
    .setSubject(user_id ?? '')
    .setIssuedAt()
    .setExpirationTime(inSeconds(lifetimeSeconds))
    .sign(signingKey.privateKey)
  recordSecrets([jwt])
  return { cookie: `${cookieNamesFor(publicUrl).session}=${jwt}`, csrf }
}
