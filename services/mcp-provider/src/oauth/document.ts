import { ReportedError } from '@onbehalf/errors'

/** Everything about our client that an authorization server is told, by whichever way it is registered. */
export const createDocument = (publicUrl: string) => {
  const redirectUris = [`${publicUrl}/oauth/callback`, `${publicUrl}/console/api/mcp/oauth/callback`]
  const metadata = {
    client_name: 'Onbehalf',
    client_uri: publicUrl,
    application_type: 'web',
    redirect_uris: redirectUris,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code']
  }
  const client_id = `${publicUrl}/oauth/client.json`
  return {
    client_id,
    metadata,
    /** The client-id metadata document, which is what `client_id` leads to. */
    document: { client_id, ...metadata, token_endpoint_auth_method: 'none' },
    /** Whether others may be told of it: they take https only. */
    isFetchable: publicUrl.startsWith('https:'),
    redirectUris
  }
}
export type ClientDocument = ReturnType<typeof createDocument>

export const misfit = (message: string, cause?: unknown) => new ReportedError('upstream_error', message, { cause })
