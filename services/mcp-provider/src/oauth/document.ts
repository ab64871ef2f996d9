import type { Callbacks } from './callbacks.ts'

/** Everything about our client that an authorization server is told, by whichever way it is registered. */
export const createDocument = (publicUrl: string, callbacks: Callbacks) => {
  const metadata = {
    client_name: 'Onbehalf',
    client_uri: publicUrl,
    application_type: 'web',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code']
  }
  const client_id = `${publicUrl}/oauth/client.json`
  return {
    client_id,
    /** The client-id metadata document, which is what `client_id` leads to; the same for every server. */
    document: { client_id, ...metadata, redirect_uris: [callbacks.shared], token_endpoint_auth_method: 'none' },
    /** What is registered at one server (RFC 7591). */
    registrationFor: (redirect_uri: string) => ({ ...metadata, redirect_uris: [redirect_uri] }),
    /** Whether others may be told of it: they take https only. */
    isFetchable: publicUrl.startsWith('https:')
  }
}
export type ClientDocument = ReturnType<typeof createDocument>
