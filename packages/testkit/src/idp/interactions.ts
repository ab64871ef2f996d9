import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Provider } from 'oidc-provider'
import { consentPage, errorPage, loginPage } from './pages.ts'
import { findUser, type IdpUser } from './users.ts'

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>
type Exchange = { provider: Provider; users: readonly IdpUser[]; request: IncomingMessage; response: ServerResponse }

/** The sign-in and consent pages: a GET shows them, a POST of their form goes on. */
export const interact = async ({ provider, users, request, response }: Exchange): Promise<void> => {
  try {
    const details = await provider.interactionDetails(request, response)
    const form = request.method === 'POST' ? await readForm(request) : undefined
    const step = details.prompt.name === 'login' ? login : consent
    await step({ provider, users, request, response }, details, form)
  } catch (thrown) {
    show(response, 400, errorPage(thrown instanceof Error ? thrown.message : 'unknown error'))
  }
}

type Step = (exchange: Exchange, details: Interaction, form: URLSearchParams | undefined) => Promise<void>

const login: Step = async ({ provider, users, request, response }, _details, form) => {
  if (!form) return show(response, 200, loginPage({ users, isWrong: false }))
  const user = findUser(users, form.get('login') ?? '', form.get('password') ?? '')
  if (!user) return show(response, 200, loginPage({ users, isWrong: true }))
  const result = { login: { accountId: user.sub } }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false })
}

const consent: Step = async ({ provider, request, response }, details, form) => {
  const resources = resourcesOf(details.params.resource)
  const client = String(details.params.client_id)
  const scopes = String(details.params.scope)
  if (!form) return show(response, 200, consentPage({ client, scopes, resources }))
  if (form.get('decision') !== 'allow') {
    const refused = { error: 'access_denied', error_description: 'The user said no.' }
    return provider.interactionFinished(request, response, refused, { mergeWithLastSubmission: false })
  }
  const grant = await openGrant(provider, details)
  grant.addOIDCScope(scopes)
  for (const resource of resources) grant.addResourceScope(resource, 'mcp')
  const result = { consent: { grantId: await grant.save() } }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true })
}

const openGrant = async (provider: Provider, { grantId, session, params }: Interaction) => {
  const found = grantId === undefined ? undefined : await provider.Grant.find(grantId)
  if (found) return found
  if (session === undefined) throw new Error('nobody is signed in')
  return new provider.Grant({ accountId: session.accountId, clientId: String(params.client_id) })
}

const resourcesOf = (resource: unknown): string[] =>
  (Array.isArray(resource) ? resource : [resource]).filter((value) => typeof value === 'string')

const show = (response: ServerResponse, status: number, html: string): void => {
  const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }
  response.writeHead(status, headers).end(html)
}

const readForm = async (request: IncomingMessage): Promise<URLSearchParams> => {
  const bytesMax = 16 * 1024
  let text = ''
  for await (const chunk of request) {
    text += String(chunk)
    if (text.length > bytesMax) throw new Error('the form is too large')
  }
  return new URLSearchParams(text)
}
