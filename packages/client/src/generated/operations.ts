// Generated from the services' routes by `npm run generate`; do not edit.
export type ErrorBody = { code: string; message: string; status: number; request_id: string; details?: readonly ({ path: string; message: string })[]; connect_url?: string; authorize_url?: string }
export type OAuthErrorBody = { error: string; error_description: string; connect_url?: string }
export type JsonRpcErrorBody = { jsonrpc: "2.0"; error: { code: number; message: string; data?: unknown } }

export type Operations = {
  /** A tenant as the issuer of `signed` tokens (RFC 8414's place) */
  'GET /.well-known/oauth-authorization-server/t/{tenant}': {
    path: { tenant: string }
    answers: {
      200: { issuer: string; jwks_uri: string; response_types_supported: readonly (string)[]; grant_types_supported: readonly (string)[]; subject_types_supported: readonly (string)[]; id_token_signing_alg_values_supported: readonly (string)[]; claims_supported: readonly (string)[] }
      400: ErrorBody & { code?: "invalid_request" }
      404: ErrorBody & { code?: "not_found" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'GET /auth/allowed': {
    answers: {
      200: string
      303: undefined
      500: string
      503: string
    }
  }
  'POST /auth/allowed': {
    body: { grant_id: string; csrf_token?: string } | { link_id: string; csrf_token?: string }
    answers: {
      200: string
      303: undefined
      400: string
      401: string
      403: string
      404: string
      413: string
      415: string
      429: string
      500: string
      503: string
    }
  }
  'POST /auth/back-channel-logout/{tenant}/{connection}': {
    path: { tenant: string; connection: string }
    body: { logout_token: string }
    answers: {
      200: undefined
      400: OAuthErrorBody & { error?: "invalid_request" }
      404: OAuthErrorBody & { error?: "not_found" }
      413: OAuthErrorBody & { error?: "payload_too_large" }
      415: OAuthErrorBody & { error?: "unsupported_media_type" }
      429: OAuthErrorBody & { error?: "too_many_requests" }
      500: OAuthErrorBody & { error?: "internal" }
      503: OAuthErrorBody & { error?: "unavailable" }
    }
  }
  'GET /auth/callback/{tenant}/{connection}': {
    path: { tenant: string; connection: string }
    answers: {
      200: string
      303: undefined
      400: string
      403: string
      404: string
      409: string
      500: string
      502: string
      503: string
      504: string
    }
  }
  'GET /auth/connections/{tenant}/{connection}/jwks.json': {
    path: { tenant: string; connection: string }
    answers: {
      200: { keys: readonly ({ kid: string; kty: "EC"; crv: "P-256"; x: string; y: string; use: "sig"; alg: "ES256" })[] }
      400: ErrorBody & { code?: "invalid_request" }
      404: ErrorBody & { code?: "not_found" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'GET /auth/invitations/accepted': {
    answers: {
      200: string
      303: undefined
      500: string
      503: string
    }
  }
  'GET /auth/invitations/{token}': {
    path: { token: string }
    answers: {
      200: string
      303: undefined
      400: string
      404: string
      500: string
      503: string
    }
  }
  'GET /auth/jwks.json': {
    answers: {
      200: { keys: readonly ({ kid: string; kty: "EC"; crv: "P-256"; x: string; y: string })[] }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'GET /auth/me': {
    answers: {
      200: { user: { id: string; email: string | null; name: string | null }; tenant: { id: string; name: string }; role: "owner" | "admin" | "member" | null; csrf: string | null; expires_at: string; session: { id: string; renewable_until: string; ends_at: string } | null }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'GET /auth/renew': {
    query: { return_to: string; tenant?: string; is_optional?: boolean }
    answers: {
      200: string
      303: undefined
      400: string
      429: string
      500: string
      503: string
    }
  }
  'GET /auth/saml/complete': {
    query: { state: string; handle: string }
    answers: {
      200: string
      303: undefined
      400: string
      403: string
      404: string
      409: string
      500: string
      502: string
      503: string
      504: string
    }
  }
  'POST /auth/saml/{tenant}/{connection}/acs': {
    path: { tenant: string; connection: string }
    body: { SAMLResponse: string; RelayState?: string }
    answers: {
      200: string
      303: undefined
      400: string
      403: string
      404: string
      409: string
      413: string
      415: string
      429: string
      500: string
      502: string
      503: string
      504: string
    }
  }
  'GET /auth/saml/{tenant}/{connection}/metadata': {
    path: { tenant: string; connection: string }
    answers: {
      200: string
      303: undefined
      400: string
      403: string
      404: string
      409: string
      429: string
      500: string
      502: string
      503: string
      504: string
    }
  }
  'POST /auth/session/renew': {
    answers: {
      200: { csrf: string; expires_at: string; renewable_until: string }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** The browsers you are signed in with */
  'GET /auth/sessions': {
    query?: { limit?: number; cursor?: string }
    answers: {
      200: { data: readonly ({ id: string; is_current: boolean; user_agent: string; created_ip: string; created_at: string; renewed_at: string; renewable_until: string; ends_at: string })[]; next_cursor: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Sign every browser out */
  'DELETE /auth/sessions': {
    query?: { keep_current?: boolean }
    answers: {
      200: { ended: number }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Sign one browser out */
  'DELETE /auth/sessions/{id}': {
    path: { id: string }
    answers: {
      204: undefined
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'GET /auth/sign-in': {
    query?: { tenant?: string; connection?: string; provider?: string; audience?: string; invitation?: string; link?: string; return_url?: string; is_switch?: boolean; max_age?: number; return_to?: string }
    answers: {
      200: string
      303: undefined
      400: string
      403: string
      404: string
      409: string
      429: string
      500: string
      502: string
      503: string
      504: string
    }
  }
  'GET /auth/sign-out': {
    query?: { is_renewed?: boolean }
    answers: {
      200: string
      303: undefined
      400: ErrorBody & { code?: "invalid_request" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'POST /auth/sign-out': {
    body: { where?: "here" | "everywhere" | "identity_provider"; csrf_token?: string } | null
    answers: {
      200: { location: string | null }
      204: undefined
      303: undefined
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'GET /auth/signed-out': {
    query?: { state?: string }
    answers: {
      200: string
      303: undefined
      400: ErrorBody & { code?: "invalid_request" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'GET /connect': {
    query?: { link?: string; return_url?: string; outcome?: "signed_in" | "somebody_else"; is_renewed?: boolean }
    answers: {
      200: string
      303: undefined
      400: string
      404: string
      429: string
      500: string
      503: string
    }
  }
  'POST /connect': {
    body: { link: string; return_url?: string; csrf_token: string }
    answers: {
      200: string
      303: undefined
      400: string
      401: string
      403: string
      404: string
      413: string
      415: string
      429: string
      500: string
      503: string
    }
  }
  'GET /console/api/mcp/oauth/callback': {
    answers: {
      200: string
      303: undefined
      400: string
      403: string
      404: string
      409: string
      428: string
      429: string
      500: string
      502: string
      503: string
      504: string
    }
  }
  /** Register an MCP server */
  'POST /console/api/workspaces/current/tool-provider/mcp': {
    body: { name: string; server_url: string; server_identifier: string; icon?: string | null; icon_type?: "emoji" | "image" | null; icon_background?: string | null; headers?: { [name: string]: string } | null; configuration?: { timeout?: number | null; sse_read_timeout?: number | null }; authentication?: { client_id?: string | null; client_secret?: string | null }; identity_mode?: "off" | "idp_token" | "token_exchange" | "signed" | "id_jag" | null }
    answers: {
      200: { id: string; author: string; name: string; type: string; server_url: string; server_identifier: string; identity_mode: string; label: unknown; description: unknown; icon: unknown; is_team_authorization: boolean; configuration: { timeout: number; sse_read_timeout: number }; updated_at: number; tools: readonly (unknown)[]; masked_headers: unknown; is_dynamic_registration: boolean; authentication?: { client_id: string; client_secret: string } }
      400: { code: "invalid_param"; message: string; status: 400; request_id: string; details?: readonly ({ path: string; message: string })[] }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Change an MCP server */
  'PUT /console/api/workspaces/current/tool-provider/mcp': {
    body: { name: string; server_url: string; server_identifier: string; icon?: string | null; icon_type?: "emoji" | "image" | null; icon_background?: string | null; headers?: { [name: string]: string } | null; configuration?: { timeout?: number | null; sse_read_timeout?: number | null }; authentication?: { client_id?: string | null; client_secret?: string | null }; identity_mode?: "off" | "idp_token" | "token_exchange" | "signed" | "id_jag" | null; provider_id: string }
    answers: {
      200: { result: "success" }
      400: { code: "invalid_param"; message: string; status: 400; request_id: string; details?: readonly ({ path: string; message: string })[] }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Forget an MCP server */
  'DELETE /console/api/workspaces/current/tool-provider/mcp': {
    body: { provider_id: string }
    answers: {
      200: { result: "success" }
      400: { code: "invalid_param"; message: string; status: 400; request_id: string; details?: readonly ({ path: string; message: string })[] }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Get a credential from the server's own authorization server */
  'POST /console/api/workspaces/current/tool-provider/mcp/auth': {
    body: { provider_id: string }
    answers: {
      200: { result: "success" } | { authorization_url: string }
      400: { code: "invalid_param"; message: string; status: 400; request_id: string; details?: readonly ({ path: string; message: string })[] }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "audience_not_supported" | "csrf_rejected" | "forbidden" | "policy_denied" | "upstream_insufficient_scope" }
      404: ErrorBody & { code?: "not_found" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      428: ErrorBody & { code?: "upstream_authorization_required" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      502: ErrorBody & { code?: "upstream_error" | "upstream_unauthorized" | "upstream_unavailable" }
      503: ErrorBody & { code?: "unavailable" }
      504: ErrorBody & { code?: "upstream_timeout" }
    }
  }
  /** One MCP server and its tools */
  'GET /console/api/workspaces/current/tool-provider/mcp/tools/{provider_id}': {
    path: { provider_id: string }
    answers: {
      200: { id: string; author: string; name: string; type: string; server_url: string; server_identifier: string; identity_mode: string; label: unknown; description: unknown; icon: unknown; is_team_authorization: boolean; configuration: { timeout: number; sse_read_timeout: number }; updated_at: number; tools: readonly (unknown)[]; masked_headers: unknown; is_dynamic_registration: boolean; authentication?: { client_id: string; client_secret: string } }
      400: { code: "invalid_param"; message: string; status: 400; request_id: string; details?: readonly ({ path: string; message: string })[] }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** List its tools anew */
  'GET /console/api/workspaces/current/tool-provider/mcp/update/{provider_id}': {
    path: { provider_id: string }
    answers: {
      200: { id: string; author: string; name: string; type: string; server_url: string; server_identifier: string; identity_mode: string; label: unknown; description: unknown; icon: unknown; is_team_authorization: boolean; configuration: { timeout: number; sse_read_timeout: number }; updated_at: number; tools: readonly (unknown)[]; masked_headers: unknown; is_dynamic_registration: boolean; authentication?: { client_id: string; client_secret: string } }
      400: { code: "invalid_param"; message: string; status: 400; request_id: string; details?: readonly ({ path: string; message: string })[] }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** The MCP servers of the tenant, by name */
  'GET /console/api/workspaces/current/tools/mcp': {
    answers: {
      200: readonly ({ id: string; author: string; name: string; type: string; server_url: string; server_identifier: string; identity_mode: string; label: unknown; description: unknown; icon: unknown; is_team_authorization: boolean; configuration: { timeout: number; sse_read_timeout: number }; updated_at: number; tools: readonly (unknown)[]; masked_headers: unknown; is_dynamic_registration: boolean; authentication?: { client_id: string; client_secret: string } })[]
      400: { code: "invalid_param"; message: string; status: 400; request_id: string; details?: readonly ({ path: string; message: string })[] }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'GET /device': {
    query?: { user_code?: string; sso_verified?: string; sso_error?: string }
    answers: {
      200: string
      303: undefined
      400: string
      401: string
      403: string
      404: string
      409: string
      429: string
      500: string
      503: string
    }
  }
  'GET /device/approved': {
    answers: {
      200: string
      303: undefined
      401: string
      403: string
      404: string
      409: string
      429: string
      500: string
      503: string
    }
  }
  'GET /device/choose': {
    answers: {
      200: string
      303: undefined
      401: string
      403: string
      404: string
      409: string
      429: string
      500: string
      503: string
    }
  }
  'POST /device/continue': {
    body: { user_code: string }
    answers: {
      200: string
      303: undefined
      400: string
      401: string
      403: string
      404: string
      409: string
      413: string
      415: string
      429: string
      500: string
      503: string
    }
  }
  'POST /device/decide': {
    body: { user_code: string; decision: "approved" | "denied" }
    answers: {
      200: string
      303: undefined
      400: string
      401: string
      403: string
      404: string
      409: string
      413: string
      415: string
      429: string
      500: string
      503: string
    }
  }
  'GET /device/denied': {
    answers: {
      200: string
      303: undefined
      401: string
      403: string
      404: string
      409: string
      429: string
      500: string
      503: string
    }
  }
  'GET /device/format-code.js': {
    answers: {
      200: string
      303: undefined
      401: string
      403: string
      404: string
      409: string
      429: string
      500: string
      503: string
    }
  }
  'GET /device/revoke': {
    query: { link: string }
    answers: {
      200: string
      303: undefined
      400: string
      404: string
      500: string
      503: string
    }
  }
  'POST /device/revoke': {
    body: { link: string }
    answers: {
      200: string
      303: undefined
      400: string
      404: string
      413: string
      415: string
      500: string
      503: string
    }
  }
  'GET /device/sso': {
    query?: { tenant?: string; max_age?: number }
    answers: {
      200: string
      303: undefined
      400: string
      401: string
      403: string
      404: string
      409: string
      429: string
      500: string
      502: string
      503: string
    }
  }
  'POST /device/sso/decide': {
    body: { user_code: string; decision: "approved" | "denied"; csrf_token?: string }
    answers: {
      200: string
      303: undefined
      400: string
      401: string
      403: string
      404: string
      409: string
      413: string
      415: string
      429: string
      500: string
      502: string
      503: string
    }
  }
  /** MCP endpoint: the tools, prompts and resources of all providers, under joined names */
  'POST /mcp': {
    body: unknown
    answers: {
      200: unknown
      202: undefined
      400: JsonRpcErrorBody
      401: JsonRpcErrorBody
      403: JsonRpcErrorBody
      404: JsonRpcErrorBody
      413: JsonRpcErrorBody
      415: JsonRpcErrorBody
      422: JsonRpcErrorBody
      428: JsonRpcErrorBody
      429: JsonRpcErrorBody
      500: JsonRpcErrorBody
      502: JsonRpcErrorBody
      503: JsonRpcErrorBody
      504: JsonRpcErrorBody
    }
  }
  /** What a session of the MCP endpoint hears besides its answers: the tools, prompts and resources of all providers, under joined names */
  'GET /mcp': {
    answers: {
      200: string
      400: JsonRpcErrorBody
      401: JsonRpcErrorBody
      403: JsonRpcErrorBody
      404: JsonRpcErrorBody
      405: undefined
      422: JsonRpcErrorBody
      428: JsonRpcErrorBody
      429: JsonRpcErrorBody
      500: JsonRpcErrorBody
      502: JsonRpcErrorBody
      503: JsonRpcErrorBody
      504: JsonRpcErrorBody
    }
  }
  /** Ends a session of the MCP endpoint: the tools, prompts and resources of all providers, under joined names */
  'DELETE /mcp': {
    answers: {
      204: undefined
      400: JsonRpcErrorBody
      401: JsonRpcErrorBody
      403: JsonRpcErrorBody
      404: JsonRpcErrorBody
      405: undefined
      413: JsonRpcErrorBody
      415: JsonRpcErrorBody
      422: JsonRpcErrorBody
      428: JsonRpcErrorBody
      429: JsonRpcErrorBody
      500: JsonRpcErrorBody
      502: JsonRpcErrorBody
      503: JsonRpcErrorBody
      504: JsonRpcErrorBody
    }
  }
  /** MCP endpoint: one provider */
  'POST /mcp/{server_identifier}': {
    path: { server_identifier: string }
    body: unknown
    answers: {
      200: unknown
      202: undefined
      400: JsonRpcErrorBody
      401: JsonRpcErrorBody
      403: JsonRpcErrorBody
      404: JsonRpcErrorBody
      413: JsonRpcErrorBody
      415: JsonRpcErrorBody
      422: JsonRpcErrorBody
      428: JsonRpcErrorBody
      429: JsonRpcErrorBody
      500: JsonRpcErrorBody
      502: JsonRpcErrorBody
      503: JsonRpcErrorBody
      504: JsonRpcErrorBody
    }
  }
  /** What a session of the MCP endpoint hears besides its answers: one provider */
  'GET /mcp/{server_identifier}': {
    path: { server_identifier: string }
    answers: {
      200: string
      400: JsonRpcErrorBody
      401: JsonRpcErrorBody
      403: JsonRpcErrorBody
      404: JsonRpcErrorBody
      405: undefined
      422: JsonRpcErrorBody
      428: JsonRpcErrorBody
      429: JsonRpcErrorBody
      500: JsonRpcErrorBody
      502: JsonRpcErrorBody
      503: JsonRpcErrorBody
      504: JsonRpcErrorBody
    }
  }
  /** Ends a session of the MCP endpoint: one provider */
  'DELETE /mcp/{server_identifier}': {
    path: { server_identifier: string }
    answers: {
      204: undefined
      400: JsonRpcErrorBody
      401: JsonRpcErrorBody
      403: JsonRpcErrorBody
      404: JsonRpcErrorBody
      405: undefined
      413: JsonRpcErrorBody
      415: JsonRpcErrorBody
      422: JsonRpcErrorBody
      428: JsonRpcErrorBody
      429: JsonRpcErrorBody
      500: JsonRpcErrorBody
      502: JsonRpcErrorBody
      503: JsonRpcErrorBody
      504: JsonRpcErrorBody
    }
  }
  'GET /oauth/callback': {
    answers: {
      200: string
      303: undefined
      400: string
      403: string
      404: string
      409: string
      428: string
      429: string
      500: string
      502: string
      503: string
      504: string
    }
  }
  'GET /oauth/callback/{issuer}': {
    path: { issuer: string }
    answers: {
      200: string
      303: undefined
      400: string
      403: string
      404: string
      409: string
      428: string
      429: string
      500: string
      502: string
      503: string
      504: string
    }
  }
  /** Our client, as its client_id */
  'GET /oauth/client.json': {
    answers: {
      200: { client_id: string; client_name: string; client_uri: string; application_type: string; redirect_uris: readonly (string)[]; grant_types: readonly (string)[]; response_types: readonly (string)[]; token_endpoint_auth_method: string }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'POST /oauth/connect': {
    body: { id: string; csrf_token?: string; decision?: "connect" | "disconnect" }
    answers: {
      200: string
      303: undefined
      400: string
      401: string
      403: string
      404: string
      409: string
      413: string
      415: string
      428: string
      429: string
      500: string
      502: string
      503: string
      504: string
    }
  }
  'GET /oauth/connect/{id}': {
    path: { id: string }
    answers: {
      200: string
      303: undefined
      400: string
      403: string
      404: string
      409: string
      428: string
      429: string
      500: string
      502: string
      503: string
      504: string
    }
  }
  /** The keys a tenant's clients show themselves with */
  'GET /oauth/tenants/{id}/jwks.json': {
    path: { id: string }
    answers: {
      200: { keys: readonly ({ [name: string]: unknown })[] }
      400: ErrorBody & { code?: "invalid_request" }
      404: ErrorBody & { code?: "not_found" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'GET /openapi/v1/account': {
    answers: {
      200: { subject_type: "account" | "external_sso"; account: { id: string; email: string | null; name: string | null } | null; workspaces: readonly ({ id: string; name: string; role: "owner" | "admin" | "member" })[]; default_workspace_id: string | null; subject_email: string | null; subject_issuer: string; token_id: string; expires_at: string }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'GET /openapi/v1/account/sessions': {
    query?: { page?: number; limit?: number }
    answers: {
      200: { page: number; limit: number; total: number; has_more: boolean; data: readonly ({ id: string; is_current: boolean; prefix: string; client_id: string; device_label: string; created_at: string; last_used_at: string | null; expires_at: string })[] }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'DELETE /openapi/v1/account/sessions': {
    query?: { keep_current?: boolean }
    answers: {
      200: { status: "revoked"; revoked: number }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'DELETE /openapi/v1/account/sessions/self': {
    answers: {
      200: { status: "revoked"; revoked: number }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'DELETE /openapi/v1/account/sessions/{id}': {
    path: { id: string }
    answers: {
      200: { status: "revoked"; revoked: number }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'GET /openapi/v1/oauth/device/approval-context': {
    answers: {
      200: { subject_email: string; subject_issuer: string; user_code: string; csrf_token: string; expires_at: string; client_id?: string; device_label?: string; created_ip?: string; created_at?: string; expires_in_remaining?: number }
      401: OAuthErrorBody & { error?: "no_session" }
      404: OAuthErrorBody & { error?: "not_found" }
      429: OAuthErrorBody & { error?: "too_many_requests" }
      500: OAuthErrorBody & { error?: "internal" }
      503: OAuthErrorBody & { error?: "unavailable" }
    }
  }
  'POST /openapi/v1/oauth/device/approve': {
    body: { user_code: string }
    answers: {
      200: { status: "approved" | "denied" }
      400: OAuthErrorBody & { error?: "invalid_request" }
      401: OAuthErrorBody & { error?: "insufficient_user_authentication" | "invalid_bearer" | "unauthenticated" }
      403: OAuthErrorBody & { error?: "csrf_rejected" | "forbidden" }
      404: OAuthErrorBody & { error?: "expired_or_unknown" }
      409: OAuthErrorBody & { error?: "already_resolved" }
      413: OAuthErrorBody & { error?: "payload_too_large" }
      415: OAuthErrorBody & { error?: "unsupported_media_type" }
      429: OAuthErrorBody & { error?: "too_many_requests" }
      500: OAuthErrorBody & { error?: "internal" }
      503: OAuthErrorBody & { error?: "approval_outcome_unknown" | "unavailable" }
    }
  }
  'POST /openapi/v1/oauth/device/approve-external': {
    body: { user_code: string }
    answers: {
      200: { status: "approved" | "denied" }
      400: OAuthErrorBody & { error?: "invalid_request" | "user_code_mismatch" }
      401: OAuthErrorBody & { error?: "insufficient_user_authentication" | "invalid_session" | "session_already_consumed" }
      403: OAuthErrorBody & { error?: "csrf_mismatch" | "email_belongs_to_member" }
      404: OAuthErrorBody & { error?: "not_found" | "user_code_not_pending" }
      409: OAuthErrorBody & { error?: "state_lost" | "user_code_not_pending" }
      413: OAuthErrorBody & { error?: "payload_too_large" }
      415: OAuthErrorBody & { error?: "unsupported_media_type" }
      429: OAuthErrorBody & { error?: "too_many_requests" }
      500: OAuthErrorBody & { error?: "internal" }
      503: OAuthErrorBody & { error?: "approval_outcome_unknown" | "unavailable" }
    }
  }
  'POST /openapi/v1/oauth/device/code': {
    body: { client_id: string; device_label?: string; scope?: string; code_challenge?: string; code_challenge_method?: "S256"; tenant?: string }
    answers: {
      200: { device_code: string; user_code: string; verification_uri: string; verification_uri_complete: string; expires_in: number; interval: number }
      400: OAuthErrorBody & { error?: "invalid_request" | "unsupported_client" }
      413: OAuthErrorBody & { error?: "payload_too_large" }
      415: OAuthErrorBody & { error?: "unsupported_media_type" }
      429: OAuthErrorBody & { error?: "too_many_requests" }
      500: OAuthErrorBody & { error?: "internal" }
      503: OAuthErrorBody & { error?: "unavailable" | "user_code_exhausted" }
    }
  }
  'POST /openapi/v1/oauth/device/deny': {
    body: { user_code: string }
    answers: {
      200: { status: "approved" | "denied" }
      400: OAuthErrorBody & { error?: "invalid_request" }
      401: OAuthErrorBody & { error?: "invalid_bearer" | "unauthenticated" }
      403: OAuthErrorBody & { error?: "csrf_rejected" | "forbidden" }
      404: OAuthErrorBody & { error?: "expired_or_unknown" }
      409: OAuthErrorBody & { error?: "already_resolved" }
      413: OAuthErrorBody & { error?: "payload_too_large" }
      415: OAuthErrorBody & { error?: "unsupported_media_type" }
      429: OAuthErrorBody & { error?: "too_many_requests" }
      500: OAuthErrorBody & { error?: "internal" }
      503: OAuthErrorBody & { error?: "approval_outcome_unknown" | "unavailable" }
    }
  }
  'POST /openapi/v1/oauth/device/deny-external': {
    body: { user_code: string }
    answers: {
      200: { status: "approved" | "denied" }
      400: OAuthErrorBody & { error?: "invalid_request" | "user_code_mismatch" }
      401: OAuthErrorBody & { error?: "insufficient_user_authentication" | "invalid_session" | "session_already_consumed" }
      403: OAuthErrorBody & { error?: "csrf_mismatch" | "email_belongs_to_member" }
      404: OAuthErrorBody & { error?: "not_found" | "user_code_not_pending" }
      409: OAuthErrorBody & { error?: "state_lost" | "user_code_not_pending" }
      413: OAuthErrorBody & { error?: "payload_too_large" }
      415: OAuthErrorBody & { error?: "unsupported_media_type" }
      429: OAuthErrorBody & { error?: "too_many_requests" }
      500: OAuthErrorBody & { error?: "internal" }
      503: OAuthErrorBody & { error?: "approval_outcome_unknown" | "unavailable" }
    }
  }
  'GET /openapi/v1/oauth/device/lookup': {
    query: { user_code: string }
    answers: {
      200: { valid: boolean; expires_in_remaining: number; client_id: string | null; device_label?: string; created_ip?: string; created_at?: string }
      400: OAuthErrorBody & { error?: "invalid_request" }
      429: OAuthErrorBody & { error?: "too_many_requests" }
      500: OAuthErrorBody & { error?: "internal" }
      503: OAuthErrorBody & { error?: "unavailable" }
    }
  }
  'GET /openapi/v1/oauth/device/sso-complete': {
    query?: { sso_assertion?: string; sso_error?: string }
    answers: {
      200: string
      303: undefined
      400: ErrorBody & { code?: "invalid_request" }
      404: ErrorBody & { code?: "not_found" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'GET /openapi/v1/oauth/device/sso-initiate': {
    query: { user_code: string; tenant?: string; connection?: string; max_age?: number }
    answers: {
      303: undefined
      400: OAuthErrorBody & { error?: "invalid_request" | "invalid_user_code" }
      404: OAuthErrorBody & { error?: "not_found" }
      429: OAuthErrorBody & { error?: "too_many_requests" }
      500: OAuthErrorBody & { error?: "internal" }
      502: OAuthErrorBody & { error?: "sso_initiate_failed" }
      503: OAuthErrorBody & { error?: "identity_provider_unavailable" | "unavailable" }
    }
  }
  'POST /openapi/v1/oauth/device/token': {
    body: { grant_type?: string; device_code: string; client_id: string; code_verifier?: string }
    answers: {
      200: { subject_type: "account" | "external_sso"; account: { id: string; email: string | null; name: string | null } | null; workspaces: readonly ({ id: string; name: string; role: "owner" | "admin" | "member" })[]; default_workspace_id: string | null; subject_email?: string | null; subject_issuer?: string; token: string; token_id: string; expires_at: string; access_token: string; token_type: "Bearer"; expires_in: number; scope: string }
      400: OAuthErrorBody & { error?: "access_denied" | "authorization_pending" | "expired_token" | "invalid_request" | "slow_down" | "unsupported_client" | "unsupported_grant_type" }
      413: OAuthErrorBody & { error?: "payload_too_large" }
      415: OAuthErrorBody & { error?: "unsupported_media_type" }
      500: OAuthErrorBody & { error?: "internal" }
      503: OAuthErrorBody & { error?: "unavailable" }
    }
  }
  /** The keys of `signed` tokens */
  'GET /t/{tenant}/.well-known/jwks.json': {
    path: { tenant: string }
    answers: {
      200: { keys: readonly ({ kid: string; kty: "EC"; crv: "P-256"; x: string; y: string } & { alg: "ES256"; use: "sig" })[] }
      400: ErrorBody & { code?: "invalid_request" }
      404: ErrorBody & { code?: "not_found" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** A tenant as the issuer of `signed` tokens (OpenID Connect Discovery's place) */
  'GET /t/{tenant}/.well-known/openid-configuration': {
    path: { tenant: string }
    answers: {
      200: { issuer: string; jwks_uri: string; response_types_supported: readonly (string)[]; grant_types_supported: readonly (string)[]; subject_types_supported: readonly (string)[]; id_token_signing_alg_values_supported: readonly (string)[]; claims_supported: readonly (string)[] }
      400: ErrorBody & { code?: "invalid_request" }
      404: ErrorBody & { code?: "not_found" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Register an app */
  'POST /v1/apps': {
    body: { name: string; return_urls?: readonly (string)[]; link_keys?: readonly ({ kid: string; kty: "EC" | "OKP"; crv: "P-256" | "Ed25519"; x: string; y?: string })[] }
    answers: {
      201: { id: string; name: string; return_urls: readonly (string)[]; link_keys: readonly ({ kid: string; kty: "EC" | "OKP"; crv: "P-256" | "Ed25519"; x: string; y?: string })[]; created_at: string }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** The apps */
  'GET /v1/apps': {
    query?: { limit?: number; cursor?: string }
    answers: {
      200: { data: readonly ({ id: string; name: string; return_urls: readonly (string)[]; link_keys: readonly ({ kid: string; kty: "EC" | "OKP"; crv: "P-256" | "Ed25519"; x: string; y?: string })[]; created_at: string })[]; next_cursor: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** One app */
  'GET /v1/apps/{id}': {
    path: { id: string }
    answers: {
      200: { id: string; name: string; return_urls: readonly (string)[]; link_keys: readonly ({ kid: string; kty: "EC" | "OKP"; crv: "P-256" | "Ed25519"; x: string; y?: string })[]; created_at: string }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Change an app */
  'PATCH /v1/apps/{id}': {
    path: { id: string }
    body: { name?: string; return_urls?: readonly (string)[]; link_keys?: readonly ({ kid: string; kty: "EC" | "OKP"; crv: "P-256" | "Ed25519"; x: string; y?: string })[] }
    answers: {
      200: { id: string; name: string; return_urls: readonly (string)[]; link_keys: readonly ({ kid: string; kty: "EC" | "OKP"; crv: "P-256" | "Ed25519"; x: string; y?: string })[]; created_at: string }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Delete an app with its keys */
  'DELETE /v1/apps/{id}': {
    path: { id: string }
    answers: {
      204: undefined
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Make an API key */
  'POST /v1/apps/{id}/keys': {
    path: { id: string }
    body: { scopes?: readonly ("tools:call" | "tools:list" | "providers:read" | "providers:write" | "members:read" | "audit:read")[]; act_for?: "none" | "linked" | "listed" | "any"; listed?: readonly (string)[]; expires_at?: string | null }
    answers: {
      201: { id: string; prefix: string; scopes: readonly (string)[]; act_for: "none" | "linked" | "listed" | "any"; listed: readonly (string)[]; set_by: { kind: "user" | "system"; id: string | null }; created_at: string; last_used_at: string | null; expires_at: string | null; revoked_at: string | null; key: string }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** The API keys of an app */
  'GET /v1/apps/{id}/keys': {
    path: { id: string }
    query?: { limit?: number; cursor?: string }
    answers: {
      200: { data: readonly ({ id: string; prefix: string; scopes: readonly (string)[]; act_for: "none" | "linked" | "listed" | "any"; listed: readonly (string)[]; set_by: { kind: "user" | "system"; id: string | null }; created_at: string; last_used_at: string | null; expires_at: string | null; revoked_at: string | null })[]; next_cursor: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Change an API key */
  'PATCH /v1/apps/{id}/keys/{key_id}': {
    path: { id: string; key_id: string }
    body: { act_for?: "none" | "linked" | "listed" | "any"; listed?: readonly (string)[]; expires_at?: string | null }
    answers: {
      200: { id: string; prefix: string; scopes: readonly (string)[]; act_for: "none" | "linked" | "listed" | "any"; listed: readonly (string)[]; set_by: { kind: "user" | "system"; id: string | null }; created_at: string; last_used_at: string | null; expires_at: string | null; revoked_at: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Revoke an API key */
  'DELETE /v1/apps/{id}/keys/{key_id}': {
    path: { id: string; key_id: string }
    answers: {
      204: undefined
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** What tokens may be asked for beside the registered servers */
  'GET /v1/audience-patterns': {
    query?: { limit?: number; cursor?: string }
    answers: {
      200: { data: readonly ({ id: string; pattern: string; created_at: string })[]; next_cursor: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Allow audiences: https://*.tools.example.com/mcp/* */
  'POST /v1/audience-patterns': {
    body: { pattern: string }
    answers: {
      201: { id: string; pattern: string; created_at: string }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Allow them no longer */
  'DELETE /v1/audience-patterns/{id}': {
    path: { id: string }
    answers: {
      204: undefined
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Who changed what */
  'GET /v1/audit/devices': {
    query?: { limit?: number; cursor?: string; action?: string; actor_id?: string; subject_id?: string; since?: string; until?: string }
    answers: {
      200: { data: readonly ({ id: string; action: string; actor: { kind: "user" | "app" | "installation" | "system"; id: string | null }; subject: { kind: string; id: string | null }; details: { [name: string]: unknown }; request_id: string | null; ip: string | null; created_at: string })[]; next_cursor: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Who changed what */
  'GET /v1/audit/identity': {
    query?: { limit?: number; cursor?: string; action?: string; actor_id?: string; subject_id?: string; since?: string; until?: string }
    answers: {
      200: { data: readonly ({ id: string; action: string; actor: { kind: "user" | "app" | "installation" | "system"; id: string | null }; subject: { kind: string; id: string | null }; details: { [name: string]: unknown }; request_id: string | null; ip: string | null; created_at: string })[]; next_cursor: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Who changed what */
  'GET /v1/audit/providers': {
    query?: { limit?: number; cursor?: string; action?: string; actor_id?: string; subject_id?: string; since?: string; until?: string }
    answers: {
      200: { data: readonly ({ id: string; action: string; actor: { kind: "user" | "app" | "installation" | "system"; id: string | null }; subject: { kind: string; id: string | null }; details: { [name: string]: unknown }; request_id: string | null; ip: string | null; created_at: string })[]; next_cursor: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Calls that were made */
  'GET /v1/calls': {
    query?: { limit?: number; cursor?: string; user_id?: string; app_id?: string; server_identifier?: string; tool?: string; outcome?: string; since?: string; until?: string; with_arguments?: boolean }
    answers: {
      200: { data: readonly ({ id: string; user_id: string | null; app_id: string | null; credential: { kind: string; id: string }; provider_id: string | null; server_identifier: string; tool: string; tool_hash: string | null; arguments_digest: string; arguments?: { [name: string]: unknown } | null; mode: string | null; audience: string | null; subject: string | null; token_jti: string | null; outcome: string; upstream_status: number | null; started_at: string; finished_at: string })[]; next_cursor: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Connect an identity provider */
  'POST /v1/connections': {
    body: { name: string; kind?: "oidc" | "oauth2" | "saml"; issuer?: string; authorization_endpoint?: string; token_endpoint?: string; userinfo_endpoint?: string; revocation_endpoint?: string | null; claims?: { subject?: string; email?: string | null; email_verified?: string | null; name?: string | null }; saml?: { idp_entity_id?: string; entry_point?: string; certificates?: readonly (string)[]; name_id_format?: string | null; email_attribute?: string | null; email_verified?: boolean; name_attribute?: string | null }; client_id?: string; client_secret?: string | null; client_authentication?: "basic" | "post" | "private_key_jwt" | "none"; scopes?: string | null; resource_support?: "many" | "one" | "none"; rotating?: boolean; quirks?: readonly ("basic_not_encoded" | "assertion_for_token_endpoint" | "no_nonce" | "no_iss_parameter" | "opaque_tokens_are_bound")[] | null }
    answers: {
      201: { id: string; name: string; kind: "oidc" | "oauth2" | "saml"; issuer: string; authorization_endpoint: string | null; token_endpoint: string | null; userinfo_endpoint: string | null; revocation_endpoint: string | null; claims: { subject: string; email: string | null; email_verified: string | null; name: string | null }; saml: { idp_entity_id: string; entry_point: string; certificates: readonly (string)[]; name_id_format: string | null; email_attribute: string | null; email_verified: boolean; name_attribute: string | null }; client_id: string; client_secret: string | null; client_authentication: "basic" | "post" | "private_key_jwt" | "none"; scopes: string; resource_support: "many" | "one" | "none"; rotating: boolean; quirks: readonly ("basic_not_encoded" | "assertion_for_token_endpoint" | "no_nonce" | "no_iss_parameter" | "opaque_tokens_are_bound")[]; suspected_quirks: readonly ({ quirk: "no_nonce" | "no_iss_parameter" | "opaque_tokens_are_bound"; since: string; last_seen_at: string; message: string })[]; callback_url: string; back_channel_logout_url: string | null; post_logout_redirect_url: string | null; metadata_url: string | null; jwks_url: string | null; revision: number; created_at: string; updated_at: string }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** The identity providers of the tenant */
  'GET /v1/connections': {
    query?: { limit?: number; cursor?: string }
    answers: {
      200: { data: readonly ({ id: string; name: string; kind: "oidc" | "oauth2" | "saml"; issuer: string; authorization_endpoint: string | null; token_endpoint: string | null; userinfo_endpoint: string | null; revocation_endpoint: string | null; claims: { subject: string; email: string | null; email_verified: string | null; name: string | null }; saml: { idp_entity_id: string; entry_point: string; certificates: readonly (string)[]; name_id_format: string | null; email_attribute: string | null; email_verified: boolean; name_attribute: string | null }; client_id: string; client_secret: string | null; client_authentication: "basic" | "post" | "private_key_jwt" | "none"; scopes: string; resource_support: "many" | "one" | "none"; rotating: boolean; quirks: readonly ("basic_not_encoded" | "assertion_for_token_endpoint" | "no_nonce" | "no_iss_parameter" | "opaque_tokens_are_bound")[]; suspected_quirks: readonly ({ quirk: "no_nonce" | "no_iss_parameter" | "opaque_tokens_are_bound"; since: string; last_seen_at: string; message: string })[]; callback_url: string; back_channel_logout_url: string | null; post_logout_redirect_url: string | null; metadata_url: string | null; jwks_url: string | null; revision: number; created_at: string; updated_at: string })[]; next_cursor: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Test a connection before it is saved */
  'POST /v1/connections/test': {
    body: { name: string; kind?: "oidc" | "oauth2" | "saml"; issuer?: string; authorization_endpoint?: string; token_endpoint?: string; userinfo_endpoint?: string; revocation_endpoint?: string | null; claims?: { subject?: string; email?: string | null; email_verified?: string | null; name?: string | null }; saml?: { idp_entity_id?: string; entry_point?: string; certificates?: readonly (string)[]; name_id_format?: string | null; email_attribute?: string | null; email_verified?: boolean; name_attribute?: string | null }; client_id?: string; client_secret?: string | null; client_authentication?: "basic" | "post" | "private_key_jwt" | "none"; scopes?: string | null; resource_support?: "many" | "one" | "none"; rotating?: boolean; quirks?: readonly ("basic_not_encoded" | "assertion_for_token_endpoint" | "no_nonce" | "no_iss_parameter" | "opaque_tokens_are_bound")[] | null }
    answers: {
      200: { checks: readonly ({ check: string; ok: boolean; message: string })[]; quirks: readonly ({ quirk: "basic_not_encoded" | "assertion_for_token_endpoint" | "no_nonce" | "no_iss_parameter" | "opaque_tokens_are_bound"; message: string })[]; suspected_quirks: readonly ({ quirk: "no_nonce" | "no_iss_parameter" | "opaque_tokens_are_bound"; since: string; last_seen_at: string; message: string })[] }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** One connection */
  'GET /v1/connections/{id}': {
    path: { id: string }
    answers: {
      200: { id: string; name: string; kind: "oidc" | "oauth2" | "saml"; issuer: string; authorization_endpoint: string | null; token_endpoint: string | null; userinfo_endpoint: string | null; revocation_endpoint: string | null; claims: { subject: string; email: string | null; email_verified: string | null; name: string | null }; saml: { idp_entity_id: string; entry_point: string; certificates: readonly (string)[]; name_id_format: string | null; email_attribute: string | null; email_verified: boolean; name_attribute: string | null }; client_id: string; client_secret: string | null; client_authentication: "basic" | "post" | "private_key_jwt" | "none"; scopes: string; resource_support: "many" | "one" | "none"; rotating: boolean; quirks: readonly ("basic_not_encoded" | "assertion_for_token_endpoint" | "no_nonce" | "no_iss_parameter" | "opaque_tokens_are_bound")[]; suspected_quirks: readonly ({ quirk: "no_nonce" | "no_iss_parameter" | "opaque_tokens_are_bound"; since: string; last_seen_at: string; message: string })[]; callback_url: string; back_channel_logout_url: string | null; post_logout_redirect_url: string | null; metadata_url: string | null; jwks_url: string | null; revision: number; created_at: string; updated_at: string }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Change a connection: left out stays, null clears */
  'PATCH /v1/connections/{id}': {
    path: { id: string }
    body: { name?: string; issuer?: string; authorization_endpoint?: string; token_endpoint?: string; userinfo_endpoint?: string; revocation_endpoint?: string | null; claims?: { subject?: string; email?: string | null; email_verified?: string | null; name?: string | null }; saml?: { idp_entity_id?: string; entry_point?: string; certificates?: readonly (string)[]; name_id_format?: string | null; email_attribute?: string | null; email_verified?: boolean; name_attribute?: string | null }; client_id?: string; client_secret?: string | null; client_authentication?: "basic" | "post" | "private_key_jwt" | "none"; scopes?: string | null; resource_support?: "many" | "one" | "none"; rotating?: boolean; quirks?: readonly ("basic_not_encoded" | "assertion_for_token_endpoint" | "no_nonce" | "no_iss_parameter" | "opaque_tokens_are_bound")[] | null }
    answers: {
      200: { id: string; name: string; kind: "oidc" | "oauth2" | "saml"; issuer: string; authorization_endpoint: string | null; token_endpoint: string | null; userinfo_endpoint: string | null; revocation_endpoint: string | null; claims: { subject: string; email: string | null; email_verified: string | null; name: string | null }; saml: { idp_entity_id: string; entry_point: string; certificates: readonly (string)[]; name_id_format: string | null; email_attribute: string | null; email_verified: boolean; name_attribute: string | null }; client_id: string; client_secret: string | null; client_authentication: "basic" | "post" | "private_key_jwt" | "none"; scopes: string; resource_support: "many" | "one" | "none"; rotating: boolean; quirks: readonly ("basic_not_encoded" | "assertion_for_token_endpoint" | "no_nonce" | "no_iss_parameter" | "opaque_tokens_are_bound")[]; suspected_quirks: readonly ({ quirk: "no_nonce" | "no_iss_parameter" | "opaque_tokens_are_bound"; since: string; last_seen_at: string; message: string })[]; callback_url: string; back_channel_logout_url: string | null; post_logout_redirect_url: string | null; metadata_url: string | null; jwks_url: string | null; revision: number; created_at: string; updated_at: string }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Delete a connection and the users who sign in by it */
  'DELETE /v1/connections/{id}': {
    path: { id: string }
    answers: {
      204: undefined
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Test a connection, as it is or with changes that are not saved */
  'POST /v1/connections/{id}/test': {
    path: { id: string }
    body: { name?: string; issuer?: string; authorization_endpoint?: string; token_endpoint?: string; userinfo_endpoint?: string; revocation_endpoint?: string | null; claims?: { subject?: string; email?: string | null; email_verified?: string | null; name?: string | null }; saml?: { idp_entity_id?: string; entry_point?: string; certificates?: readonly (string)[]; name_id_format?: string | null; email_attribute?: string | null; email_verified?: boolean; name_attribute?: string | null }; client_id?: string; client_secret?: string | null; client_authentication?: "basic" | "post" | "private_key_jwt" | "none"; scopes?: string | null; resource_support?: "many" | "one" | "none"; rotating?: boolean; quirks?: readonly ("basic_not_encoded" | "assertion_for_token_endpoint" | "no_nonce" | "no_iss_parameter" | "opaque_tokens_are_bound")[] | null } | null
    answers: {
      200: { checks: readonly ({ check: string; ok: boolean; message: string })[]; quirks: readonly ({ quirk: "basic_not_encoded" | "assertion_for_token_endpoint" | "no_nonce" | "no_iss_parameter" | "opaque_tokens_are_bound"; message: string })[]; suspected_quirks: readonly ({ quirk: "no_nonce" | "no_iss_parameter" | "opaque_tokens_are_bound"; since: string; last_seen_at: string; message: string })[] }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** How devices are signed in */
  'GET /v1/device-settings': {
    answers: {
      200: { token_days: number; approval_max_age: number | null }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Change it for the sign-ins to come: what is left out stays, null is what everybody has */
  'PATCH /v1/device-settings': {
    body: { token_days?: number | null; approval_max_age?: number | null }
    answers: {
      200: { token_days: number; approval_max_age: number | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** The devices that are signed in: your own, or as an administrator the tenant's */
  'GET /v1/device-tokens': {
    query?: { limit?: number; cursor?: string; user_id?: string }
    answers: {
      200: { data: readonly ({ id: string; user_id: string; prefix: string; issuer: string; client_id: string; device_label: string; created_at: string; last_used_at: string | null; expires_at: string })[]; next_cursor: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Sign a device out */
  'DELETE /v1/device-tokens/{id}': {
    path: { id: string }
    answers: {
      204: undefined
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Where sign-ins are told */
  'GET /v1/device-webhook': {
    answers: {
      200: { url: string; secret?: string; created_at: string; last_delivered_at: string | null; last_failed_at: string | null; last_error: string | null }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" | "policy_denied" }
      404: ErrorBody & { code?: "not_found" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      502: ErrorBody & { code?: "upstream_error" | "upstream_unavailable" }
      503: ErrorBody & { code?: "unavailable" }
      504: ErrorBody & { code?: "upstream_timeout" }
    }
  }
  /** Have every new sign-in of a device told there, from now on with a new secret */
  'PUT /v1/device-webhook': {
    body: { url: string }
    answers: {
      200: { url: string; secret?: string; created_at: string; last_delivered_at: string | null; last_failed_at: string | null; last_error: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" | "policy_denied" }
      404: ErrorBody & { code?: "not_found" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      502: ErrorBody & { code?: "upstream_error" | "upstream_unavailable" }
      503: ErrorBody & { code?: "unavailable" }
      504: ErrorBody & { code?: "upstream_timeout" }
    }
  }
  /** Tell nobody any more */
  'DELETE /v1/device-webhook': {
    answers: {
      204: undefined
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'GET /v1/device/sso-complete': {
    query?: { sso_assertion?: string; sso_error?: string }
    answers: {
      200: string
      303: undefined
      400: ErrorBody & { code?: "invalid_request" }
      404: ErrorBody & { code?: "not_found" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Claim an e-mail domain */
  'POST /v1/domains': {
    body: { domain: string }
    answers: {
      201: { id: string; domain: string; record: { type: "TXT"; name: string; value: string }; verified_at: string | null; verified_by: "dns" | "instance" | null; checked_at: string | null; created_at: string }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** The domains */
  'GET /v1/domains': {
    query?: { limit?: number; cursor?: string }
    answers: {
      200: { data: readonly ({ id: string; domain: string; record: { type: "TXT"; name: string; value: string }; verified_at: string | null; verified_by: "dns" | "instance" | null; checked_at: string | null; created_at: string })[]; next_cursor: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** One domain */
  'GET /v1/domains/{id}': {
    path: { id: string }
    answers: {
      200: { id: string; domain: string; record: { type: "TXT"; name: string; value: string }; verified_at: string | null; verified_by: "dns" | "instance" | null; checked_at: string | null; created_at: string }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Let a domain go */
  'DELETE /v1/domains/{id}': {
    path: { id: string }
    answers: {
      204: undefined
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Look for its record in DNS */
  'POST /v1/domains/{id}/verify': {
    path: { id: string }
    answers: {
      200: { id: string; domain: string; record: { type: "TXT"; name: string; value: string }; verified_at: string | null; verified_by: "dns" | "instance" | null; checked_at: string | null; created_at: string }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'GET /v1/grants': {
    query?: { limit?: number; cursor?: string; user_id?: string }
    answers: {
      200: { data: readonly ({ id: string; user_id: string; connection_id: string; connection_name: string; resources: readonly (string)[]; status: "live" | "dead"; dead_reason: string | null; created_at: string; updated_at: string })[]; next_cursor: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'DELETE /v1/grants/{id}': {
    path: { id: string }
    answers: {
      200: { revoked_at_idp: boolean }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** What was done with a grant */
  'GET /v1/grants/{id}/issuances': {
    path: { id: string }
    query?: { limit?: number; cursor?: string; actor_id?: string; audience?: string; outcome?: string; since?: string; until?: string }
    answers: {
      200: { data: readonly ({ id: string; user_id: string; actor: { kind: "user" | "app" | "installation" | "system"; id: string | null; name: string | null }; grant_id: string | null; audience: string; mode: string; outcome: string; jti: string | null; generation: number | null; times: number; expires_at: string | null; created_at: string; last_at: string })[]; next_cursor: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'DELETE /v1/grants/{id}/tokens': {
    path: { id: string }
    answers: {
      204: undefined
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Invite somebody by e-mail */
  'POST /v1/invitations': {
    body: { email: string; role: "owner" | "admin" | "member"; expires_at?: string }
    answers: {
      201: { id: string; email: string; role: "owner" | "admin" | "member"; status: "pending" | "accepted" | "revoked" | "expired"; invited_by: string; created_at: string; expires_at: string; accepted_at: string | null; accepted_by: string | null; revoked_at: string | null; link: string }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** The invitations */
  'GET /v1/invitations': {
    query?: { limit?: number; cursor?: string }
    answers: {
      200: { data: readonly ({ id: string; email: string; role: "owner" | "admin" | "member"; status: "pending" | "accepted" | "revoked" | "expired"; invited_by: string; created_at: string; expires_at: string; accepted_at: string | null; accepted_by: string | null; revoked_at: string | null })[]; next_cursor: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Take an invitation back */
  'DELETE /v1/invitations/{id}': {
    path: { id: string }
    answers: {
      204: undefined
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** What was done as you; for administrators, as anybody of the tenant */
  'GET /v1/issuances': {
    query?: { limit?: number; cursor?: string; actor_id?: string; audience?: string; outcome?: string; since?: string; until?: string; user_id?: string; grant_id?: string }
    answers: {
      200: { data: readonly ({ id: string; user_id: string; actor: { kind: "user" | "app" | "installation" | "system"; id: string | null; name: string | null }; grant_id: string | null; audience: string; mode: string; outcome: string; jti: string | null; generation: number | null; times: number; expires_at: string | null; created_at: string; last_at: string })[]; next_cursor: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Which apps act for whom */
  'GET /v1/links': {
    query?: { limit?: number; cursor?: string; app_id?: string; user_id?: string; external_id?: string; search?: string }
    answers: {
      200: { data: readonly ({ id: string; app: { id: string; name: string }; external_id: string; user: { id: string; email: string | null; name: string | null }; created_at: string; updated_at: string })[]; next_cursor: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Link many users of an app */
  'POST /v1/links/import': {
    body: { app_id: string; links: readonly ({ external_id: string; user_id: string })[] }
    answers: {
      200: { links: readonly ({ id: string; external_id: string; user_id: string; outcome: "created" | "unchanged" })[] }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Make the link that a user allowed */
  'POST /v1/links/redeem': {
    body: { code: string; external_id: string }
    answers: {
      200: { id: string; external_id: string; user_id: string }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      404: ErrorBody & { code?: "expired_or_unknown" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Unlink */
  'DELETE /v1/links/{id}': {
    path: { id: string }
    answers: {
      204: undefined
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Register an MCP server */
  'POST /v1/mcp-providers': {
    body: { name: string; server_url: string; server_identifier: string; icon?: string | null; icon_type?: "emoji" | "image" | null; icon_background?: string | null; headers?: { [name: string]: string } | null; configuration?: { timeout?: number; sse_read_timeout?: number }; authentication?: { client_id?: string; client_secret?: string | null; issuer?: string | null }; forward_user_identity?: boolean; identity_mode?: "off" | "idp_token" | "token_exchange" | "signed" | "id_jag"; forward_id_token?: boolean; resource?: string | null; auth_scope?: "tenant" | "user"; tool_changes?: "accept" | "review"; external?: boolean; keep_arguments?: boolean }
    answers: {
      201: { id: string; name: string; server_url: string; server_identifier: string; icon: string | null; icon_type: "emoji" | "image" | null; icon_background: string | null; masked_headers: { [name: string]: string }; configuration: { timeout: number; sse_read_timeout: number }; authentication: { client_id: string; client_secret: string | null; issuer?: string }; forward_user_identity: boolean; identity_mode: "off" | "idp_token" | "token_exchange" | "signed" | "id_jag"; forward_id_token: boolean; resource: string | null; auth_scope: "tenant" | "user"; tool_changes: "accept" | "review"; external: boolean; keep_arguments: boolean; warnings: readonly (string)[]; tools_status: "fresh" | "stale" | "needs_identity" | "unreachable"; tools_error: string | null; tools_left_out: readonly ({ name: string; member?: string; reason: string })[]; revision: number; created_at: string; updated_at: string; tools: readonly ({ name: string; title?: string; description: string; input_schema: unknown; output_schema?: unknown; annotations?: unknown; icons?: readonly (unknown)[]; _meta?: unknown; execution?: unknown; hash: string; is_approved: boolean; approved_definition?: { name: string; title?: string; description: string; input_schema: unknown; output_schema?: unknown; annotations?: unknown; icons?: readonly (unknown)[]; _meta?: unknown; execution?: unknown } })[] }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** The MCP servers of the tenant */
  'GET /v1/mcp-providers': {
    query?: { limit?: number; cursor?: string; search?: string; order?: "name" | "-name" | "created_at" | "-created_at" }
    answers: {
      200: { data: readonly ({ id: string; name: string; server_url: string; server_identifier: string; icon: string | null; icon_type: "emoji" | "image" | null; icon_background: string | null; masked_headers: { [name: string]: string }; configuration: { timeout: number; sse_read_timeout: number }; authentication: { client_id: string; client_secret: string | null; issuer?: string }; forward_user_identity: boolean; identity_mode: "off" | "idp_token" | "token_exchange" | "signed" | "id_jag"; forward_id_token: boolean; resource: string | null; auth_scope: "tenant" | "user"; tool_changes: "accept" | "review"; external: boolean; keep_arguments: boolean; warnings: readonly (string)[]; tools_status: "fresh" | "stale" | "needs_identity" | "unreachable"; tools_error: string | null; tools_left_out: readonly ({ name: string; member?: string; reason: string })[]; revision: number; created_at: string; updated_at: string })[]; next_cursor: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Register the servers of an MCP client's file: all of them, or none */
  'POST /v1/mcp-providers/import': {
    body: { mcpServers: { [name: string]: { url?: string; serverUrl?: string; headers?: { [name: string]: string }; command?: string; disabled?: boolean; enabled?: boolean } } }
    answers: {
      201: { data: readonly ({ entry: string; id: string; name: string; server_identifier: string; tools_status: "fresh" | "stale" | "needs_identity" | "unreachable"; tools_error: string | null })[]; skipped: readonly ({ entry: string; reason: string })[] }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Try an MCP server without registering it */
  'POST /v1/mcp-providers/test': {
    body: { name?: string; server_url: string; server_identifier?: string; icon?: string | null; icon_type?: "emoji" | "image" | null; icon_background?: string | null; headers?: { [name: string]: string } | null; configuration?: { timeout?: number; sse_read_timeout?: number }; authentication?: { client_id?: string; client_secret?: string | null; issuer?: string | null }; forward_user_identity?: boolean; identity_mode?: "off" | "idp_token" | "token_exchange" | "signed" | "id_jag"; forward_id_token?: boolean; resource?: string | null; auth_scope?: "tenant" | "user"; tool_changes?: "accept" | "review"; external?: boolean; keep_arguments?: boolean }
    answers: {
      200: { tools_status: "fresh" | "stale" | "needs_identity" | "unreachable"; tools_error: string | null; tools: readonly ({ name: string; title?: string; description: string; input_schema: unknown; output_schema?: unknown; annotations?: unknown; icons?: readonly (unknown)[]; _meta?: unknown; execution?: unknown; hash: string })[]; tools_left_out: readonly ({ name: string; member?: string; reason: string })[] }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** One MCP server and its tools */
  'GET /v1/mcp-providers/{id}': {
    path: { id: string }
    answers: {
      200: { id: string; name: string; server_url: string; server_identifier: string; icon: string | null; icon_type: "emoji" | "image" | null; icon_background: string | null; masked_headers: { [name: string]: string }; configuration: { timeout: number; sse_read_timeout: number }; authentication: { client_id: string; client_secret: string | null; issuer?: string }; forward_user_identity: boolean; identity_mode: "off" | "idp_token" | "token_exchange" | "signed" | "id_jag"; forward_id_token: boolean; resource: string | null; auth_scope: "tenant" | "user"; tool_changes: "accept" | "review"; external: boolean; keep_arguments: boolean; warnings: readonly (string)[]; tools_status: "fresh" | "stale" | "needs_identity" | "unreachable"; tools_error: string | null; tools_left_out: readonly ({ name: string; member?: string; reason: string })[]; revision: number; created_at: string; updated_at: string; tools: readonly ({ name: string; title?: string; description: string; input_schema: unknown; output_schema?: unknown; annotations?: unknown; icons?: readonly (unknown)[]; _meta?: unknown; execution?: unknown; hash: string; is_approved: boolean; approved_definition?: { name: string; title?: string; description: string; input_schema: unknown; output_schema?: unknown; annotations?: unknown; icons?: readonly (unknown)[]; _meta?: unknown; execution?: unknown } })[] }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Change an MCP server: left out stays, null clears */
  'PUT /v1/mcp-providers/{id}': {
    path: { id: string }
    body: { name?: string; server_url?: string; server_identifier?: string; icon?: string | null; icon_type?: "emoji" | "image" | null; icon_background?: string | null; headers?: { [name: string]: string } | null; configuration?: { timeout?: number; sse_read_timeout?: number }; authentication?: { client_id?: string; client_secret?: string | null; issuer?: string | null }; forward_user_identity?: boolean; identity_mode?: "off" | "idp_token" | "token_exchange" | "signed" | "id_jag"; forward_id_token?: boolean; resource?: string | null; auth_scope?: "tenant" | "user"; tool_changes?: "accept" | "review"; external?: boolean; keep_arguments?: boolean }
    answers: {
      200: { id: string; name: string; server_url: string; server_identifier: string; icon: string | null; icon_type: "emoji" | "image" | null; icon_background: string | null; masked_headers: { [name: string]: string }; configuration: { timeout: number; sse_read_timeout: number }; authentication: { client_id: string; client_secret: string | null; issuer?: string }; forward_user_identity: boolean; identity_mode: "off" | "idp_token" | "token_exchange" | "signed" | "id_jag"; forward_id_token: boolean; resource: string | null; auth_scope: "tenant" | "user"; tool_changes: "accept" | "review"; external: boolean; keep_arguments: boolean; warnings: readonly (string)[]; tools_status: "fresh" | "stale" | "needs_identity" | "unreachable"; tools_error: string | null; tools_left_out: readonly ({ name: string; member?: string; reason: string })[]; revision: number; created_at: string; updated_at: string; tools: readonly ({ name: string; title?: string; description: string; input_schema: unknown; output_schema?: unknown; annotations?: unknown; icons?: readonly (unknown)[]; _meta?: unknown; execution?: unknown; hash: string; is_approved: boolean; approved_definition?: { name: string; title?: string; description: string; input_schema: unknown; output_schema?: unknown; annotations?: unknown; icons?: readonly (unknown)[]; _meta?: unknown; execution?: unknown } })[] }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Change an MCP server: left out stays, null clears */
  'PATCH /v1/mcp-providers/{id}': {
    path: { id: string }
    body: { name?: string; server_url?: string; server_identifier?: string; icon?: string | null; icon_type?: "emoji" | "image" | null; icon_background?: string | null; headers?: { [name: string]: string } | null; configuration?: { timeout?: number; sse_read_timeout?: number }; authentication?: { client_id?: string; client_secret?: string | null; issuer?: string | null }; forward_user_identity?: boolean; identity_mode?: "off" | "idp_token" | "token_exchange" | "signed" | "id_jag"; forward_id_token?: boolean; resource?: string | null; auth_scope?: "tenant" | "user"; tool_changes?: "accept" | "review"; external?: boolean; keep_arguments?: boolean }
    answers: {
      200: { id: string; name: string; server_url: string; server_identifier: string; icon: string | null; icon_type: "emoji" | "image" | null; icon_background: string | null; masked_headers: { [name: string]: string }; configuration: { timeout: number; sse_read_timeout: number }; authentication: { client_id: string; client_secret: string | null; issuer?: string }; forward_user_identity: boolean; identity_mode: "off" | "idp_token" | "token_exchange" | "signed" | "id_jag"; forward_id_token: boolean; resource: string | null; auth_scope: "tenant" | "user"; tool_changes: "accept" | "review"; external: boolean; keep_arguments: boolean; warnings: readonly (string)[]; tools_status: "fresh" | "stale" | "needs_identity" | "unreachable"; tools_error: string | null; tools_left_out: readonly ({ name: string; member?: string; reason: string })[]; revision: number; created_at: string; updated_at: string; tools: readonly ({ name: string; title?: string; description: string; input_schema: unknown; output_schema?: unknown; annotations?: unknown; icons?: readonly (unknown)[]; _meta?: unknown; execution?: unknown; hash: string; is_approved: boolean; approved_definition?: { name: string; title?: string; description: string; input_schema: unknown; output_schema?: unknown; annotations?: unknown; icons?: readonly (unknown)[]; _meta?: unknown; execution?: unknown } })[] }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Forget an MCP server */
  'DELETE /v1/mcp-providers/{id}': {
    path: { id: string }
    answers: {
      204: undefined
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Let tools be called as they were seen: each by name and hash */
  'POST /v1/mcp-providers/{id}/approve-tools': {
    path: { id: string }
    body: { tools: readonly ({ name: string; hash: string })[] }
    answers: {
      200: { id: string; name: string; server_url: string; server_identifier: string; icon: string | null; icon_type: "emoji" | "image" | null; icon_background: string | null; masked_headers: { [name: string]: string }; configuration: { timeout: number; sse_read_timeout: number }; authentication: { client_id: string; client_secret: string | null; issuer?: string }; forward_user_identity: boolean; identity_mode: "off" | "idp_token" | "token_exchange" | "signed" | "id_jag"; forward_id_token: boolean; resource: string | null; auth_scope: "tenant" | "user"; tool_changes: "accept" | "review"; external: boolean; keep_arguments: boolean; warnings: readonly (string)[]; tools_status: "fresh" | "stale" | "needs_identity" | "unreachable"; tools_error: string | null; tools_left_out: readonly ({ name: string; member?: string; reason: string })[]; revision: number; created_at: string; updated_at: string; tools: readonly ({ name: string; title?: string; description: string; input_schema: unknown; output_schema?: unknown; annotations?: unknown; icons?: readonly (unknown)[]; _meta?: unknown; execution?: unknown; hash: string; is_approved: boolean; approved_definition?: { name: string; title?: string; description: string; input_schema: unknown; output_schema?: unknown; annotations?: unknown; icons?: readonly (unknown)[]; _meta?: unknown; execution?: unknown } })[] }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** What was authorized there, for whoever asks */
  'GET /v1/mcp-providers/{id}/authorization': {
    path: { id: string }
    answers: {
      200: { auth_scope: "tenant" | "user"; status: "none" | "authorized" | "sign_in_again"; issuer: string | null; client_id: string | null; grant_type: "authorization_code" | "client_credentials" | null; scope: string | null; expires_at: string | null; authorized_at: string | null; refused_reason: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Forget what was authorized there */
  'DELETE /v1/mcp-providers/{id}/authorization': {
    path: { id: string }
    answers: {
      204: undefined
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Get a credential from the server's own authorization server */
  'POST /v1/mcp-providers/{id}/authorize': {
    path: { id: string }
    body: { grant_type?: "authorization_code" | "client_credentials" } | null
    answers: {
      200: { status: "authorized" | "authorization_required"; authorize_url?: string; redirect_uri?: string }
      400: ErrorBody & { code?: "access_denied" | "invalid_request" | "sign_in_failed" | "user_required" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "audience_not_supported" | "csrf_rejected" | "forbidden" | "policy_denied" | "upstream_insufficient_scope" }
      404: ErrorBody & { code?: "not_found" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      428: ErrorBody & { code?: "upstream_authorization_required" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      502: ErrorBody & { code?: "upstream_error" | "upstream_unauthorized" | "upstream_unavailable" }
      503: ErrorBody & { code?: "unavailable" }
      504: ErrorBody & { code?: "upstream_timeout" }
    }
  }
  /** List its tools anew */
  'POST /v1/mcp-providers/{id}/refresh-tools': {
    path: { id: string }
    answers: {
      200: { id: string; name: string; server_url: string; server_identifier: string; icon: string | null; icon_type: "emoji" | "image" | null; icon_background: string | null; masked_headers: { [name: string]: string }; configuration: { timeout: number; sse_read_timeout: number }; authentication: { client_id: string; client_secret: string | null; issuer?: string }; forward_user_identity: boolean; identity_mode: "off" | "idp_token" | "token_exchange" | "signed" | "id_jag"; forward_id_token: boolean; resource: string | null; auth_scope: "tenant" | "user"; tool_changes: "accept" | "review"; external: boolean; keep_arguments: boolean; warnings: readonly (string)[]; tools_status: "fresh" | "stale" | "needs_identity" | "unreachable"; tools_error: string | null; tools_left_out: readonly ({ name: string; member?: string; reason: string })[]; revision: number; created_at: string; updated_at: string; tools: readonly ({ name: string; title?: string; description: string; input_schema: unknown; output_schema?: unknown; annotations?: unknown; icons?: readonly (unknown)[]; _meta?: unknown; execution?: unknown; hash: string; is_approved: boolean; approved_definition?: { name: string; title?: string; description: string; input_schema: unknown; output_schema?: unknown; annotations?: unknown; icons?: readonly (unknown)[]; _meta?: unknown; execution?: unknown } })[] }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** The members of the tenant */
  'GET /v1/members': {
    query?: { limit?: number; cursor?: string; search?: string; role?: "owner" | "admin" | "member" }
    answers: {
      200: { data: readonly ({ user_id: string; role: "owner" | "admin" | "member"; email: string | null; is_email_verified: boolean; name: string | null; subject: string; connection_id: string; created_at: string; signed_in_at: string | null })[]; next_cursor: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** One member */
  'GET /v1/members/{user_id}': {
    path: { user_id: string }
    answers: {
      200: { user_id: string; role: "owner" | "admin" | "member"; email: string | null; is_email_verified: boolean; name: string | null; subject: string; connection_id: string; created_at: string; signed_in_at: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Give a member another role */
  'PATCH /v1/members/{user_id}': {
    path: { user_id: string }
    body: { role: "owner" | "admin" | "member" }
    answers: {
      200: { user_id: string; role: "owner" | "admin" | "member"; email: string | null; is_email_verified: boolean; name: string | null; subject: string; connection_id: string; created_at: string; signed_in_at: string | null }
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Make a member an external user */
  'DELETE /v1/members/{user_id}': {
    path: { user_id: string }
    answers: {
      204: undefined
      400: ErrorBody & { code?: "invalid_request" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "csrf_rejected" | "forbidden" }
      404: ErrorBody & { code?: "not_found" }
      409: ErrorBody & { code?: "conflict" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'GET /v1/oauth/device/approval-context': {
    answers: {
      200: { subject_email: string; subject_issuer: string; user_code: string; csrf_token: string; expires_at: string; client_id?: string; device_label?: string; created_ip?: string; created_at?: string; expires_in_remaining?: number }
      401: OAuthErrorBody & { error?: "no_session" }
      404: OAuthErrorBody & { error?: "not_found" }
      429: OAuthErrorBody & { error?: "too_many_requests" }
      500: OAuthErrorBody & { error?: "internal" }
      503: OAuthErrorBody & { error?: "unavailable" }
    }
  }
  'POST /v1/oauth/device/approve': {
    body: { user_code: string }
    answers: {
      200: { status: "approved" | "denied" }
      400: OAuthErrorBody & { error?: "invalid_request" }
      401: OAuthErrorBody & { error?: "insufficient_user_authentication" | "invalid_bearer" | "unauthenticated" }
      403: OAuthErrorBody & { error?: "csrf_rejected" | "forbidden" }
      404: OAuthErrorBody & { error?: "expired_or_unknown" }
      409: OAuthErrorBody & { error?: "already_resolved" }
      413: OAuthErrorBody & { error?: "payload_too_large" }
      415: OAuthErrorBody & { error?: "unsupported_media_type" }
      429: OAuthErrorBody & { error?: "too_many_requests" }
      500: OAuthErrorBody & { error?: "internal" }
      503: OAuthErrorBody & { error?: "approval_outcome_unknown" | "unavailable" }
    }
  }
  'POST /v1/oauth/device/approve-external': {
    body: { user_code: string }
    answers: {
      200: { status: "approved" | "denied" }
      400: OAuthErrorBody & { error?: "invalid_request" | "user_code_mismatch" }
      401: OAuthErrorBody & { error?: "insufficient_user_authentication" | "invalid_session" | "session_already_consumed" }
      403: OAuthErrorBody & { error?: "csrf_mismatch" | "email_belongs_to_member" }
      404: OAuthErrorBody & { error?: "not_found" | "user_code_not_pending" }
      409: OAuthErrorBody & { error?: "state_lost" | "user_code_not_pending" }
      413: OAuthErrorBody & { error?: "payload_too_large" }
      415: OAuthErrorBody & { error?: "unsupported_media_type" }
      429: OAuthErrorBody & { error?: "too_many_requests" }
      500: OAuthErrorBody & { error?: "internal" }
      503: OAuthErrorBody & { error?: "approval_outcome_unknown" | "unavailable" }
    }
  }
  'POST /v1/oauth/device/code': {
    body: { client_id: string; device_label?: string; scope?: string; code_challenge?: string; code_challenge_method?: "S256"; tenant?: string }
    answers: {
      200: { device_code: string; user_code: string; verification_uri: string; verification_uri_complete: string; expires_in: number; interval: number }
      400: OAuthErrorBody & { error?: "invalid_request" | "unsupported_client" }
      413: OAuthErrorBody & { error?: "payload_too_large" }
      415: OAuthErrorBody & { error?: "unsupported_media_type" }
      429: OAuthErrorBody & { error?: "too_many_requests" }
      500: OAuthErrorBody & { error?: "internal" }
      503: OAuthErrorBody & { error?: "unavailable" | "user_code_exhausted" }
    }
  }
  'POST /v1/oauth/device/deny': {
    body: { user_code: string }
    answers: {
      200: { status: "approved" | "denied" }
      400: OAuthErrorBody & { error?: "invalid_request" }
      401: OAuthErrorBody & { error?: "invalid_bearer" | "unauthenticated" }
      403: OAuthErrorBody & { error?: "csrf_rejected" | "forbidden" }
      404: OAuthErrorBody & { error?: "expired_or_unknown" }
      409: OAuthErrorBody & { error?: "already_resolved" }
      413: OAuthErrorBody & { error?: "payload_too_large" }
      415: OAuthErrorBody & { error?: "unsupported_media_type" }
      429: OAuthErrorBody & { error?: "too_many_requests" }
      500: OAuthErrorBody & { error?: "internal" }
      503: OAuthErrorBody & { error?: "approval_outcome_unknown" | "unavailable" }
    }
  }
  'POST /v1/oauth/device/deny-external': {
    body: { user_code: string }
    answers: {
      200: { status: "approved" | "denied" }
      400: OAuthErrorBody & { error?: "invalid_request" | "user_code_mismatch" }
      401: OAuthErrorBody & { error?: "insufficient_user_authentication" | "invalid_session" | "session_already_consumed" }
      403: OAuthErrorBody & { error?: "csrf_mismatch" | "email_belongs_to_member" }
      404: OAuthErrorBody & { error?: "not_found" | "user_code_not_pending" }
      409: OAuthErrorBody & { error?: "state_lost" | "user_code_not_pending" }
      413: OAuthErrorBody & { error?: "payload_too_large" }
      415: OAuthErrorBody & { error?: "unsupported_media_type" }
      429: OAuthErrorBody & { error?: "too_many_requests" }
      500: OAuthErrorBody & { error?: "internal" }
      503: OAuthErrorBody & { error?: "approval_outcome_unknown" | "unavailable" }
    }
  }
  'GET /v1/oauth/device/lookup': {
    query: { user_code: string }
    answers: {
      200: { valid: boolean; expires_in_remaining: number; client_id: string | null; device_label?: string; created_ip?: string; created_at?: string }
      400: OAuthErrorBody & { error?: "invalid_request" }
      429: OAuthErrorBody & { error?: "too_many_requests" }
      500: OAuthErrorBody & { error?: "internal" }
      503: OAuthErrorBody & { error?: "unavailable" }
    }
  }
  'GET /v1/oauth/device/sso-complete': {
    query?: { sso_assertion?: string; sso_error?: string }
    answers: {
      200: string
      303: undefined
      400: ErrorBody & { code?: "invalid_request" }
      404: ErrorBody & { code?: "not_found" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  'GET /v1/oauth/device/sso-initiate': {
    query: { user_code: string; tenant?: string; connection?: string; max_age?: number }
    answers: {
      303: undefined
      400: OAuthErrorBody & { error?: "invalid_request" | "invalid_user_code" }
      404: OAuthErrorBody & { error?: "not_found" }
      429: OAuthErrorBody & { error?: "too_many_requests" }
      500: OAuthErrorBody & { error?: "internal" }
      502: OAuthErrorBody & { error?: "sso_initiate_failed" }
      503: OAuthErrorBody & { error?: "identity_provider_unavailable" | "unavailable" }
    }
  }
  'POST /v1/oauth/device/token': {
    body: { grant_type?: string; device_code: string; client_id: string; code_verifier?: string }
    answers: {
      200: { subject_type: "account" | "external_sso"; account: { id: string; email: string | null; name: string | null } | null; workspaces: readonly ({ id: string; name: string; role: "owner" | "admin" | "member" })[]; default_workspace_id: string | null; subject_email?: string | null; subject_issuer?: string; token: string; token_id: string; expires_at: string; access_token: string; token_type: "Bearer"; expires_in: number; scope: string }
      400: OAuthErrorBody & { error?: "access_denied" | "authorization_pending" | "expired_token" | "invalid_request" | "slow_down" | "unsupported_client" | "unsupported_grant_type" }
      413: OAuthErrorBody & { error?: "payload_too_large" }
      415: OAuthErrorBody & { error?: "unsupported_media_type" }
      500: OAuthErrorBody & { error?: "internal" }
      503: OAuthErrorBody & { error?: "unavailable" }
    }
  }
  /** Tools that may be called */
  'GET /v1/tools': {
    query?: { limit?: number; cursor?: string; search?: string; server_identifier?: string }
    answers: {
      200: { data: readonly ({ provider_id: string; server_identifier: string; name: string; title?: string; description: string; input_schema: unknown; output_schema?: unknown; annotations?: unknown; hash: string; icons?: readonly (unknown)[]; _meta?: unknown; execution?: unknown })[]; next_cursor: string | null }
      400: ErrorBody & { code?: "invalid_request" | "user_required" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "forbidden" | "policy_denied" }
      404: ErrorBody & { code?: "not_found" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      503: ErrorBody & { code?: "unavailable" }
    }
  }
  /** Call a tool */
  'POST /v1/tools/call': {
    body: { server_identifier: string; tool: string; arguments?: { [name: string]: unknown }; user_id?: string; app_id?: string; drop_empty_arguments?: boolean; timeout_ms?: number; capabilities?: { [name: string]: unknown }; inputResponses?: { [name: string]: unknown }; requestState?: string }
    answers: {
      200: { call_id: string; result: unknown; usage?: { [name: string]: unknown }; identity: { mode: string; user_id: string; subject: string; audience: string; expires_at: string; jti: string | null }; duration_ms: number }
      400: ErrorBody & { code?: "invalid_request" | "user_required" }
      401: ErrorBody & { code?: "invalid_bearer" | "unauthenticated" }
      403: ErrorBody & { code?: "audience_not_allowed" | "audience_not_supported" | "csrf_rejected" | "forbidden" | "policy_denied" | "tool_not_approved" | "upstream_insufficient_scope" }
      404: ErrorBody & { code?: "not_found" }
      409: ErrorBody & { code?: "conflict" | "outcome_unknown" }
      413: ErrorBody & { code?: "payload_too_large" }
      415: ErrorBody & { code?: "unsupported_media_type" }
      422: ErrorBody & { code?: "invalid_arguments" }
      428: ErrorBody & { code?: "identity_refresh_rejected" | "no_refresh_token" | "resource_not_granted" | "upstream_authorization_required" }
      429: ErrorBody & { code?: "too_many_requests" }
      500: ErrorBody & { code?: "internal" }
      502: ErrorBody & { code?: "upstream_error" | "upstream_rejected_identity" | "upstream_unauthorized" | "upstream_unavailable" }
      503: ErrorBody & { code?: "identity_provider_unavailable" | "recording_unavailable" | "unavailable" }
      504: ErrorBody & { code?: "upstream_timeout" }
    }
  }
}

/** The statuses that each operation answers with. */
export const statuses: { readonly [Name in keyof Operations]: readonly (keyof Operations[Name]['answers'])[] } = {
  'GET /.well-known/oauth-authorization-server/t/{tenant}': [200, 400, 404, 500, 503],
  'GET /auth/allowed': [200, 303, 500, 503],
  'POST /auth/allowed': [200, 303, 400, 401, 403, 404, 413, 415, 429, 500, 503],
  'POST /auth/back-channel-logout/{tenant}/{connection}': [200, 400, 404, 413, 415, 429, 500, 503],
  'GET /auth/callback/{tenant}/{connection}': [200, 303, 400, 403, 404, 409, 500, 502, 503, 504],
  'GET /auth/connections/{tenant}/{connection}/jwks.json': [200, 400, 404, 500, 503],
  'GET /auth/invitations/accepted': [200, 303, 500, 503],
  'GET /auth/invitations/{token}': [200, 303, 400, 404, 500, 503],
  'GET /auth/jwks.json': [200, 500, 503],
  'GET /auth/me': [200, 401, 403, 429, 500, 503],
  'GET /auth/renew': [200, 303, 400, 429, 500, 503],
  'GET /auth/saml/complete': [200, 303, 400, 403, 404, 409, 500, 502, 503, 504],
  'POST /auth/saml/{tenant}/{connection}/acs': [200, 303, 400, 403, 404, 409, 413, 415, 429, 500, 502, 503, 504],
  'GET /auth/saml/{tenant}/{connection}/metadata': [200, 303, 400, 403, 404, 409, 429, 500, 502, 503, 504],
  'POST /auth/session/renew': [200, 400, 401, 403, 413, 415, 429, 500, 503],
  'GET /auth/sessions': [200, 400, 401, 403, 429, 500, 503],
  'DELETE /auth/sessions': [200, 400, 401, 403, 413, 415, 429, 500, 503],
  'DELETE /auth/sessions/{id}': [204, 400, 401, 403, 404, 413, 415, 429, 500, 503],
  'GET /auth/sign-in': [200, 303, 400, 403, 404, 409, 429, 500, 502, 503, 504],
  'GET /auth/sign-out': [200, 303, 400, 500, 503],
  'POST /auth/sign-out': [200, 204, 303, 400, 401, 403, 413, 415, 429, 500, 503],
  'GET /auth/signed-out': [200, 303, 400, 500, 503],
  'GET /connect': [200, 303, 400, 404, 429, 500, 503],
  'POST /connect': [200, 303, 400, 401, 403, 404, 413, 415, 429, 500, 503],
  'GET /console/api/mcp/oauth/callback': [200, 303, 400, 403, 404, 409, 428, 429, 500, 502, 503, 504],
  'POST /console/api/workspaces/current/tool-provider/mcp': [200, 400, 401, 403, 413, 415, 429, 500, 503],
  'PUT /console/api/workspaces/current/tool-provider/mcp': [200, 400, 401, 403, 404, 413, 415, 429, 500, 503],
  'DELETE /console/api/workspaces/current/tool-provider/mcp': [200, 400, 401, 403, 404, 413, 415, 429, 500, 503],
  'POST /console/api/workspaces/current/tool-provider/mcp/auth': [200, 400, 401, 403, 404, 409, 413, 415, 428, 429, 500, 502, 503, 504],
  'GET /console/api/workspaces/current/tool-provider/mcp/tools/{provider_id}': [200, 400, 401, 403, 404, 429, 500, 503],
  'GET /console/api/workspaces/current/tool-provider/mcp/update/{provider_id}': [200, 400, 401, 403, 404, 429, 500, 503],
  'GET /console/api/workspaces/current/tools/mcp': [200, 400, 401, 403, 429, 500, 503],
  'GET /device': [200, 303, 400, 401, 403, 404, 409, 429, 500, 503],
  'GET /device/approved': [200, 303, 401, 403, 404, 409, 429, 500, 503],
  'GET /device/choose': [200, 303, 401, 403, 404, 409, 429, 500, 503],
  'POST /device/continue': [200, 303, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'POST /device/decide': [200, 303, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'GET /device/denied': [200, 303, 401, 403, 404, 409, 429, 500, 503],
  'GET /device/format-code.js': [200, 303, 401, 403, 404, 409, 429, 500, 503],
  'GET /device/revoke': [200, 303, 400, 404, 500, 503],
  'POST /device/revoke': [200, 303, 400, 404, 413, 415, 500, 503],
  'GET /device/sso': [200, 303, 400, 401, 403, 404, 409, 429, 500, 502, 503],
  'POST /device/sso/decide': [200, 303, 400, 401, 403, 404, 409, 413, 415, 429, 500, 502, 503],
  'POST /mcp': [200, 202, 400, 401, 403, 404, 413, 415, 422, 428, 429, 500, 502, 503, 504],
  'GET /mcp': [200, 400, 401, 403, 404, 405, 422, 428, 429, 500, 502, 503, 504],
  'DELETE /mcp': [204, 400, 401, 403, 404, 405, 413, 415, 422, 428, 429, 500, 502, 503, 504],
  'POST /mcp/{server_identifier}': [200, 202, 400, 401, 403, 404, 413, 415, 422, 428, 429, 500, 502, 503, 504],
  'GET /mcp/{server_identifier}': [200, 400, 401, 403, 404, 405, 422, 428, 429, 500, 502, 503, 504],
  'DELETE /mcp/{server_identifier}': [204, 400, 401, 403, 404, 405, 413, 415, 422, 428, 429, 500, 502, 503, 504],
  'GET /oauth/callback': [200, 303, 400, 403, 404, 409, 428, 429, 500, 502, 503, 504],
  'GET /oauth/callback/{issuer}': [200, 303, 400, 403, 404, 409, 428, 429, 500, 502, 503, 504],
  'GET /oauth/client.json': [200, 429, 500, 503],
  'POST /oauth/connect': [200, 303, 400, 401, 403, 404, 409, 413, 415, 428, 429, 500, 502, 503, 504],
  'GET /oauth/connect/{id}': [200, 303, 400, 403, 404, 409, 428, 429, 500, 502, 503, 504],
  'GET /oauth/tenants/{id}/jwks.json': [200, 400, 404, 429, 500, 503],
  'GET /openapi/v1/account': [200, 401, 403, 429, 500, 503],
  'GET /openapi/v1/account/sessions': [200, 400, 401, 403, 429, 500, 503],
  'DELETE /openapi/v1/account/sessions': [200, 400, 401, 403, 413, 415, 429, 500, 503],
  'DELETE /openapi/v1/account/sessions/self': [200, 400, 401, 403, 413, 415, 429, 500, 503],
  'DELETE /openapi/v1/account/sessions/{id}': [200, 400, 401, 403, 404, 413, 415, 429, 500, 503],
  'GET /openapi/v1/oauth/device/approval-context': [200, 401, 404, 429, 500, 503],
  'POST /openapi/v1/oauth/device/approve': [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'POST /openapi/v1/oauth/device/approve-external': [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'POST /openapi/v1/oauth/device/code': [200, 400, 413, 415, 429, 500, 503],
  'POST /openapi/v1/oauth/device/deny': [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'POST /openapi/v1/oauth/device/deny-external': [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'GET /openapi/v1/oauth/device/lookup': [200, 400, 429, 500, 503],
  'GET /openapi/v1/oauth/device/sso-complete': [200, 303, 400, 404, 500, 503],
  'GET /openapi/v1/oauth/device/sso-initiate': [303, 400, 404, 429, 500, 502, 503],
  'POST /openapi/v1/oauth/device/token': [200, 400, 413, 415, 500, 503],
  'GET /t/{tenant}/.well-known/jwks.json': [200, 400, 404, 500, 503],
  'GET /t/{tenant}/.well-known/openid-configuration': [200, 400, 404, 500, 503],
  'POST /v1/apps': [201, 400, 401, 403, 409, 413, 415, 429, 500, 503],
  'GET /v1/apps': [200, 400, 401, 403, 429, 500, 503],
  'GET /v1/apps/{id}': [200, 400, 401, 403, 404, 429, 500, 503],
  'PATCH /v1/apps/{id}': [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'DELETE /v1/apps/{id}': [204, 400, 401, 403, 404, 413, 415, 429, 500, 503],
  'POST /v1/apps/{id}/keys': [201, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'GET /v1/apps/{id}/keys': [200, 400, 401, 403, 404, 429, 500, 503],
  'PATCH /v1/apps/{id}/keys/{key_id}': [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'DELETE /v1/apps/{id}/keys/{key_id}': [204, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'GET /v1/audience-patterns': [200, 400, 401, 403, 429, 500, 503],
  'POST /v1/audience-patterns': [201, 400, 401, 403, 409, 413, 415, 429, 500, 503],
  'DELETE /v1/audience-patterns/{id}': [204, 400, 401, 403, 404, 413, 415, 429, 500, 503],
  'GET /v1/audit/devices': [200, 400, 401, 403, 429, 500, 503],
  'GET /v1/audit/identity': [200, 400, 401, 403, 429, 500, 503],
  'GET /v1/audit/providers': [200, 400, 401, 403, 429, 500, 503],
  'GET /v1/calls': [200, 400, 401, 403, 429, 500, 503],
  'POST /v1/connections': [201, 400, 401, 403, 409, 413, 415, 429, 500, 503],
  'GET /v1/connections': [200, 400, 401, 403, 429, 500, 503],
  'POST /v1/connections/test': [200, 400, 401, 403, 413, 415, 429, 500, 503],
  'GET /v1/connections/{id}': [200, 400, 401, 403, 404, 429, 500, 503],
  'PATCH /v1/connections/{id}': [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'DELETE /v1/connections/{id}': [204, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'POST /v1/connections/{id}/test': [200, 400, 401, 403, 404, 413, 415, 429, 500, 503],
  'GET /v1/device-settings': [200, 401, 403, 429, 500, 503],
  'PATCH /v1/device-settings': [200, 400, 401, 403, 413, 415, 429, 500, 503],
  'GET /v1/device-tokens': [200, 400, 401, 403, 429, 500, 503],
  'DELETE /v1/device-tokens/{id}': [204, 400, 401, 403, 404, 413, 415, 429, 500, 503],
  'GET /v1/device-webhook': [200, 401, 403, 404, 429, 500, 502, 503, 504],
  'PUT /v1/device-webhook': [200, 400, 401, 403, 404, 413, 415, 429, 500, 502, 503, 504],
  'DELETE /v1/device-webhook': [204, 400, 401, 403, 404, 413, 415, 429, 500, 503],
  'GET /v1/device/sso-complete': [200, 303, 400, 404, 500, 503],
  'POST /v1/domains': [201, 400, 401, 403, 409, 413, 415, 429, 500, 503],
  'GET /v1/domains': [200, 400, 401, 403, 429, 500, 503],
  'GET /v1/domains/{id}': [200, 400, 401, 403, 404, 429, 500, 503],
  'DELETE /v1/domains/{id}': [204, 400, 401, 403, 404, 413, 415, 429, 500, 503],
  'POST /v1/domains/{id}/verify': [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'GET /v1/grants': [200, 400, 401, 403, 429, 500, 503],
  'DELETE /v1/grants/{id}': [200, 400, 401, 403, 404, 413, 415, 429, 500, 503],
  'GET /v1/grants/{id}/issuances': [200, 400, 401, 403, 404, 429, 500, 503],
  'DELETE /v1/grants/{id}/tokens': [204, 400, 401, 403, 404, 413, 415, 429, 500, 503],
  'POST /v1/invitations': [201, 400, 401, 403, 409, 413, 415, 429, 500, 503],
  'GET /v1/invitations': [200, 400, 401, 403, 429, 500, 503],
  'DELETE /v1/invitations/{id}': [204, 400, 401, 403, 404, 413, 415, 429, 500, 503],
  'GET /v1/issuances': [200, 400, 401, 403, 429, 500, 503],
  'GET /v1/links': [200, 400, 401, 403, 429, 500, 503],
  'POST /v1/links/import': [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'POST /v1/links/redeem': [200, 400, 401, 403, 404, 413, 415, 429, 500, 503],
  'DELETE /v1/links/{id}': [204, 400, 401, 403, 404, 413, 415, 429, 500, 503],
  'POST /v1/mcp-providers': [201, 400, 401, 403, 409, 413, 415, 429, 500, 503],
  'GET /v1/mcp-providers': [200, 400, 401, 403, 429, 500, 503],
  'POST /v1/mcp-providers/import': [201, 400, 401, 403, 409, 413, 415, 429, 500, 503],
  'POST /v1/mcp-providers/test': [200, 400, 401, 403, 413, 415, 429, 500, 503],
  'GET /v1/mcp-providers/{id}': [200, 400, 401, 403, 404, 429, 500, 503],
  'PUT /v1/mcp-providers/{id}': [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'PATCH /v1/mcp-providers/{id}': [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'DELETE /v1/mcp-providers/{id}': [204, 400, 401, 403, 404, 413, 415, 429, 500, 503],
  'POST /v1/mcp-providers/{id}/approve-tools': [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'GET /v1/mcp-providers/{id}/authorization': [200, 400, 401, 403, 404, 429, 500, 503],
  'DELETE /v1/mcp-providers/{id}/authorization': [204, 400, 401, 403, 404, 413, 415, 429, 500, 503],
  'POST /v1/mcp-providers/{id}/authorize': [200, 400, 401, 403, 404, 409, 413, 415, 428, 429, 500, 502, 503, 504],
  'POST /v1/mcp-providers/{id}/refresh-tools': [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'GET /v1/members': [200, 400, 401, 403, 429, 500, 503],
  'GET /v1/members/{user_id}': [200, 400, 401, 403, 404, 429, 500, 503],
  'PATCH /v1/members/{user_id}': [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'DELETE /v1/members/{user_id}': [204, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'GET /v1/oauth/device/approval-context': [200, 401, 404, 429, 500, 503],
  'POST /v1/oauth/device/approve': [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'POST /v1/oauth/device/approve-external': [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'POST /v1/oauth/device/code': [200, 400, 413, 415, 429, 500, 503],
  'POST /v1/oauth/device/deny': [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'POST /v1/oauth/device/deny-external': [200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
  'GET /v1/oauth/device/lookup': [200, 400, 429, 500, 503],
  'GET /v1/oauth/device/sso-complete': [200, 303, 400, 404, 500, 503],
  'GET /v1/oauth/device/sso-initiate': [303, 400, 404, 429, 500, 502, 503],
  'POST /v1/oauth/device/token': [200, 400, 413, 415, 500, 503],
  'GET /v1/tools': [200, 400, 401, 403, 404, 429, 500, 503],
  'POST /v1/tools/call': [200, 400, 401, 403, 404, 409, 413, 415, 422, 428, 429, 500, 502, 503, 504]
}
