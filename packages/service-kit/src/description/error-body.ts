import { Type } from '@sinclair/typebox'

/** What `renderError` writes. */
export const ErrorBody = Type.Object(
  {
    code: Type.String({ description: 'For programs; the words of `message` may change.' }),
    message: Type.String({ description: 'What happened and what to do, for people.' }),
    status: Type.Integer(),
    request_id: Type.String(),
    details: Type.Optional(
      Type.Array(Type.Object({ path: Type.String(), message: Type.String() }), {
        description: 'Each fault of the input.'
      })
    ),
    connect_url: Type.Optional(
      Type.String({ format: 'uri', description: 'Where the user signs in, so that the call can be made.' })
    ),
    authorize_url: Type.Optional(
      Type.String({
        format: 'uri',
        description: "Where the user gives consent at the MCP server's authorization server."
      })
    )
  },
  { $id: 'Error' }
)

/** JSON-RPC 2.0 §5.1, with our own code in `data` where the error is ours. */
export const JsonRpcErrorBody = Type.Object(
  {
    jsonrpc: Type.Literal('2.0'),
    error: Type.Object({ code: Type.Integer(), message: Type.String(), data: Type.Optional(Type.Unknown()) })
  },
  { $id: 'JsonRpcError' }
)

/** What `renderOAuthError` writes: RFC 6749 §5.2, and where to go where signing in again helps. */
export const OAuthErrorBody = Type.Object(
  {
    error: Type.String(),
    error_description: Type.String(),
    connect_url: Type.Optional(Type.String({ format: 'uri', description: 'Where the user signs in again.' }))
  },
  { $id: 'OAuthError' }
)
