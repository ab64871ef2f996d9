import { Uuid } from '@onbehalf/contracts'
import {
  type App,
  administrators,
  auditContextOf,
  orNull,
  pageAnswer,
  pageQuery,
  takePage,
  typed,
  userOf,
  wordOf
} from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { Domain } from '../database.ts'
import { claimDomain } from './claim.ts'
import { domainEvent } from './event.ts'
import { noSuchDomain } from './problems.ts'
import { recordOf } from './record.ts'
import type { DomainStore } from './store.ts'
import type { LookUpTxt } from './txt-lookup.ts'
import { verifyDomain } from './verify.ts'

const Time = Type.String({ format: 'date-time' })

const DomainAnswer = Type.Object({
  id: Uuid,
  domain: Type.String(),
  /** What to set in DNS. */
  record: Type.Object({ type: Type.Literal('TXT'), name: Type.String(), value: Type.String() }),
  verified_at: orNull(Time),
  verified_by: orNull(wordOf('dns', 'instance')),
  checked_at: orNull(Time),
  created_at: Time
})
const NewDomain = Type.Object(
  { domain: Type.String({ minLength: 1, maxLength: 253 }) },
  { additionalProperties: false }
)
const params = Type.Object({ id: Uuid })

const access = administrators
const tags = ['domains']
const url = '/v1/domains'
const one = `${url}/:id`

const claim = {
  config: { access, errors: ['conflict'] },
  schema: { tags, summary: 'Claim an e-mail domain', body: NewDomain, response: { 201: DomainAnswer } }
} as const
const list = {
  config: { access },
  schema: { tags, summary: 'The domains', querystring: pageQuery({}), response: { 200: pageAnswer(DomainAnswer) } }
} as const
const read = {
  config: { access },
  schema: { tags, summary: 'One domain', params, response: { 200: DomainAnswer } }
} as const
const verify = {
  config: { access, errors: ['conflict'] },
  schema: { tags, summary: 'Look for its record in DNS', params, response: { 200: DomainAnswer } }
} as const
const remove = {
  config: { access },
  schema: { tags, summary: 'Let a domain go', params, response: { 204: Type.Null() } }
} as const

type Needs = { domains: DomainStore; lookUpTxt: LookUpTxt }

/** Whose verified e-mail makes somebody a member at their first sign-in. */
export const domainRoutes = (app: App, needs: Needs): void => {
  const routes = typed(app)
  const { domains } = needs
  const find = async (tenant_id: string, id: string) => {
    const found = await domains.find(tenant_id, id)
    if (!found) throw noSuchDomain()
    return answerOf(found)
  }

  routes.post(url, claim, async (request, reply) => {
    const claimed = await claimDomain(domains, auditContextOf(request), request.body.domain)
    return reply.status(201).send(answerOf(claimed))
  })
  routes.get(url, list, async (request) => {
    const { limit, ...after } = request.query
    const { tenant_id } = userOf(request)
    const page = await takePage(limit, (more) => domains.page(tenant_id, { ...after, limit: more }))
    return { ...page, data: page.data.map(answerOf) }
  })
  routes.get(one, read, (request) => find(userOf(request).tenant_id, request.params.id))
  routes.post(`${one}/verify`, verify, async (request) => {
    const audit = auditContextOf(request)
    await verifyDomain(needs, audit, request.params.id)
    return find(audit.tenant_id, request.params.id)
  })
  routes.delete(one, remove, async (request, reply) => {
    const audit = auditContextOf(request)
    const removed = await domains.remove(audit.tenant_id, request.params.id, (one) =>
      domainEvent(audit, 'deleted', one)
    )
    if (!removed) throw noSuchDomain()
    return reply.status(204).send(null)
  })
}

const answerOf = (domain: Domain) => ({
  id: domain.id,
  domain: domain.name,
  record: recordOf(domain),
  verified_at: domain.verified_at?.toISOString() ?? null,
  verified_by: domain.verified_by,
  checked_at: domain.checked_at?.toISOString() ?? null,
  created_at: domain.created_at.toISOString()
})
