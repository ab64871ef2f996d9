import type { Egress } from '@onbehalf/egress'
import type { CustomFetch } from 'openid-client'
import type { Connection } from '../database.ts'
import { bytesMax, parseShallow, requireShallow } from './json.ts'

/** `fetch` for a token endpoint: a small and shallow answer, with an ID token only where the kind has them. */
export const createTokenFetch = (
  egress: Pick<Egress, 'fetchWith'>,
  { kind }: Pick<Connection, 'kind'>
): CustomFetch => {
  const guarded = egress.fetchWith({ maxBytes: bytesMax })
  return async (url, { method, headers, body, signal }) => {
    const {
      status,
      headers: answered,
      ...response
    } = await readAnswer(await guarded(url, { method, headers, body, ...(signal ? { signal } : {}) }))
    const text = kind === 'oidc' ? response.text : withoutIdToken(response.text)
    return new Response(text === '' ? null : text, { status, headers: answered })
  }
}

const readAnswer = async (response: Response) => {
  const text = await response.text()
  requireShallow(text)
  return { status: response.status, headers: response.headers, text }
}

/** Without discovery nobody knows the keys that an ID token could be checked with, so there is none to believe. */
const withoutIdToken = (text: string): string => {
  if (!text.includes('"id_token"')) return text
  const answer = parseShallow(text)
  return typeof answer === 'object' && answer !== null ? JSON.stringify({ ...answer, id_token: undefined }) : text
}
