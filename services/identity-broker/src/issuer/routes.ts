import { ReportedError } from '@onbehalf/errors'
import { PublicKey } from '@onbehalf/rpc'
import { type App, typed } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyReply } from 'fastify'
import type { UserStore } from '../users/store.ts'
import type { Issuer, Issuers } from './issuers.ts'

const Params = Type.Object({ tenant: Type.String({ maxLength: 64 }) })
const Metadata = Type.Object({
  issuer: Type.String(),
  jwks_uri: Type.String(),
  response_types_supported: Type.Array(Type.String()),
  grant_types_supported: Type.Array(Type.String()),
  subject_types_supported: Type.Array(Type.String()),
  id_token_signing_alg_values_supported: Type.Array(Type.String()),
  claims_supported: Type.Array(Type.String())
})
const Key = Type.Intersect([PublicKey, Type.Object({ alg: Type.Literal('ES256'), use: Type.Literal('sig') })])
const Jwks = Type.Object({ keys: Type.Array(Key) })

// A slug, or the id in other letters, is not the name that tokens have.
const idForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

type Needs = { issuers: Issuers; users: Pick<UserStore, 'findTenant'> }

/** Where an MCP server finds the keys of a tenant's `signed` tokens. Public, and the same for everybody. */
export const issuerRoutes = (app: App, { issuers, users }: Needs): void => {
  const routes = typed(app)

  const findIssuer = async (tenant: string): Promise<Issuer> => {
    const found = idForm.test(tenant) ? await users.findTenant(tenant) : undefined
    if (found) return issuers.find(found.id)
    throw new ReportedError('not_found', 'There is no such issuer.')
  }
  const metadata = async (tenant: string, reply: FastifyReply) => {
    const { issuer } = await findIssuer(tenant)
    cacheable(reply)
    return { issuer, jwks_uri: `${issuer}/.well-known/jwks.json`, ...offered }
  }
  const schema = { tags: ['issuer'], params: Params, response: { 200: Metadata } }

  routes.get(
    '/t/:tenant/.well-known/openid-configuration',
    {
      config: { access: 'public' },
      schema: { ...schema, summary: "A tenant as the issuer of `signed` tokens (OpenID Connect Discovery's place)" }
    },
    async ({ params: { tenant } }, reply) => metadata(tenant, reply)
  )
  routes.get(
    '/.well-known/oauth-authorization-server/t/:tenant',
    {
      config: { access: 'public' },
      schema: { ...schema, summary: "A tenant as the issuer of `signed` tokens (RFC 8414's place)" }
    },
    async ({ params: { tenant } }, reply) => metadata(tenant, reply)
  )
  routes.get(
    '/t/:tenant/.well-known/jwks.json',
    {
      config: { access: 'public' },
      schema: { tags: ['issuer'], summary: 'The keys of `signed` tokens', params: Params, response: { 200: Jwks } }
    },
    async ({ params: { tenant } }, reply) => {
      const { keys } = await findIssuer(tenant)
      cacheable(reply)
      return { keys: keys.publicKeys().map((key) => ({ ...key, alg: 'ES256' as const, use: 'sig' as const })) }
    }
  )
}

/** It issues tokens for calls that Onbehalf makes and to nobody who asks, so no grant and no endpoint is offered. */
const offered = {
  response_types_supported: [],
  grant_types_supported: [],
  subject_types_supported: ['pairwise'],
  id_token_signing_alg_values_supported: ['ES256'],
  claims_supported: ['sub', 'email', 'email_verified', 'auth_time', 'act', 'tool', 'arguments_digest']
}

/** As long as verifiers may keep our keys: a next key is shown for twice that before it signs. */
const cacheable = (reply: FastifyReply) => reply.header('cache-control', 'public, max-age=300')
