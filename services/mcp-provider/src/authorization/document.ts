import type { Egress } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { isJson } from '@onbehalf/mcp'
import { matches } from '@onbehalf/rpc'
import type { Static, TObject } from '@sinclair/typebox'

const limits = { timeoutMs: 5_000, maxBytes: 64 * 1024 }

/**
 * What `schema` names of the first document of these that is there, and nothing else. What is away is not taken for what
 * is not there.
 */
export const firstOf = async <Schema extends TObject>(
  egress: Pick<Egress, 'request'>,
  urls: readonly string[],
  schema: Schema
): Promise<{ url: string; document: Static<Schema> } | undefined> => {
  for (const url of urls) {
    // What we believe because of it decides where a secret is sent, so it must not be changed on the way.
    const asked = { ...limits, headers: { accept: 'application/json' }, carriesCredential: true }
    const response = await egress.request(url, asked).catch(refuseUnlessAway)
    if (response.status === 200) {
      const document = onlyNamed(schema, await response.json().catch(refuseUnlessAway))
      if (matches(schema, document)) return { url, document }
      throw unusable(`The metadata at ${url} is not as it must be.`)
    }
    response.discard()
    if (response.status >= 500 || response.status === 429)
      throw new ReportedError('upstream_unavailable', `"${new URL(url).host}" answered ${response.status}.`)
  }
  return undefined
}

// What is held of a server is what is used of it, however much it says.
const onlyNamed = ({ properties }: TObject, document: unknown): unknown =>
  isJson(document)
    ? Object.fromEntries(Object.entries(document).filter(([name]) => Object.hasOwn(properties, name)))
    : document

const away: ReadonlySet<string> = new Set(['upstream_unavailable', 'upstream_timeout'])

const refuseUnlessAway = (cause: unknown): never => {
  const isAway = cause instanceof ReportedError && away.has(cause.code)
  throw isAway ? cause : unusable('The metadata of the server, or of its authorization server, cannot be read.', cause)
}

export const unusable = (message: string, cause?: unknown) =>
  new ReportedError('audience_not_supported', message, { cause })
