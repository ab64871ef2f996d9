import { ReportedError } from '@onbehalf/errors'
import { type App, beginError, describeAnswersAs, hashOf, sendPage, typed, type View } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { TokenLists } from '../device-token/list-store.ts'
import { type RevokeTools, revokeTokens } from '../device-token/revoke.ts'
import { languageFor } from '../page/language.ts'
import type { RevokeLinks } from './link.ts'
import { type RevokeTexts, revokeTexts } from './texts.ts'
import { askView, endedView, problemView } from './views.ts'

export type RevokeLinkTools = RevokeTools & {
  links: Pick<RevokeLinks, 'read'>
  lists: Pick<TokenLists, 'find' | 'hashOf'>
}

const config = { access: 'public' } as const
const Given = Type.Object({ link: Type.String({ minLength: 1, maxLength: 1024 }) })

/** Where the link of a notification leads, at `/device/revoke`: it asks, and a form ends that one sign-in. */
export const revokeLinkRoutes =
  ({ links, lists, ...tools }: RevokeLinkTools) =>
  async (scope: App) => {
    describeAnswersAs(scope, 'page', ['not_found'])
    scope.setErrorHandler((error: Error, request, reply) => {
      const { status } = beginError(error, request, reply)
      const texts = textsFor(request)
      return send(request, reply, problemView(status < 500 ? texts.unknown : texts.failed, texts))
    })
    const readLink = (link: string) => {
      const linked = links.read(link)
      if (linked) return linked
      throw new ReportedError('not_found', 'The link is not one of ours, or older than seven days.')
    }
    typed(scope).get('/', { config, schema: { querystring: Given } }, async (request, reply) => {
      const { query } = request
      const texts = textsFor(request)
      const { tenant_id, id, sign_in } = readLink(query.link)
      const token_hash = await lists.hashOf({ tenant_id }, id)
      const token = await lists.find({ tenant_id }, id)
      if (!token || !token_hash || hashOf(token_hash) !== sign_in) return send(request, reply, endedView(texts))
      return send(request, reply, askView(token, query.link, texts))
    })
    // No cookie takes part: who sends this has the link, which is what it takes.
    typed(scope).post('/', { config, schema: { body: Given } }, async (request, reply) => {
      const { body, id: request_id, ip } = request
      const texts = textsFor(request)
      const { tenant_id, id, sign_in } = readLink(body.link)
      const token_hash = await lists.hashOf({ tenant_id }, id)
      if (!token_hash || hashOf(token_hash) !== sign_in) return send(request, reply, endedView(texts))
      const by = { tenant_id, actor: { kind: 'system' }, request_id, ip, details: { via: 'revoke_link' } } as const
      await revokeTokens({ tenant_id, id, token_hash }, by, tools)
      return send(request, reply, endedView(texts))
    })
  }

const languageOf = ({ headers }: FastifyRequest) => languageFor(headers['accept-language'])
const textsFor = (request: FastifyRequest): RevokeTexts => revokeTexts[languageOf(request)]

const send = (request: FastifyRequest, reply: FastifyReply, view: View): FastifyReply => {
  const language = languageOf(request)
  reply.header('vary', 'accept-language').header('content-language', language)
  return sendPage(reply, { ...view, language })
}
