import { IdentityMode, ServerIdentifier, Uuid } from '@onbehalf/contracts'
import { cursorQuery, orNull, pageAnswer, wordOf } from '@onbehalf/service-kit'
import { type Static, Type } from '@sinclair/typebox'
import { KeptTool, LeftOut, SeenTool, Tool, ToolsError, ToolsStatus } from '../tools/tool.ts'

const closed = { additionalProperties: false } as const
// Nothing that a terminal or a log would obey, and no NUL, which Postgres refuses.
const line = { pattern: '^[^\\u0000-\\u001f\\u007f]*$' }

export const Mode = wordOf(...IdentityMode.anyOf.map(({ const: word }) => word))
const Name = Type.String({ minLength: 1, maxLength: 40, pattern: '^(?=.*\\S)[^\\u0000-\\u001f\\u007f]*$' })
const AuthScope = wordOf('tenant', 'user')
const ToolChanges = wordOf('accept', 'review')
const ServerUrl = Type.String({ minLength: 1, maxLength: 2048 })
export const Timeout = Type.Number({ minimum: 1, maximum: 600 })
export const SseReadTimeout = Type.Number({ minimum: 1, maximum: 3600 })
const Credential = Type.String({ minLength: 1, maxLength: 2048, ...line })
// Not Type.Record: its pattern leaves out names with a line break, and what it leaves out is not checked.
const HeaderMap = Type.Unsafe<Record<string, string>>({ type: 'object', additionalProperties: { type: 'string' } })

/** Whatever may be left out of a request: then the default holds on create, and what is stored on update. */
const leavable = {
  icon: Type.Optional(orNull(Type.String({ maxLength: 2048, ...line }))),
  icon_type: Type.Optional(orNull(wordOf('emoji', 'image'))),
  icon_background: Type.Optional(orNull(Type.String({ maxLength: 32, ...line }))),
  headers: Type.Optional(orNull(HeaderMap)),
  configuration: Type.Optional(
    orNull(
      Type.Object({ timeout: Type.Optional(Timeout), sse_read_timeout: Type.Optional(SseReadTimeout) }, { ...closed })
    )
  ),
  authentication: Type.Optional(
    orNull(
      Type.Object(
        {
          client_id: Type.Optional(Credential),
          client_secret: Type.Optional(orNull(Credential)),
          issuer: Type.Optional(orNull(Credential))
        },
        { ...closed }
      )
    )
  ),
  forward_user_identity: Type.Optional(Type.Boolean()),
  identity_mode: Type.Optional(Mode),
  forward_id_token: Type.Optional(Type.Boolean()),
  resource: Type.Optional(orNull(ServerUrl)),
  auth_scope: Type.Optional(AuthScope),
  tool_changes: Type.Optional(ToolChanges),
  external: Type.Optional(Type.Boolean()),
  keep_arguments: Type.Optional(Type.Boolean())
}

export const NewProvider = Type.Object(
  { name: Name, server_url: ServerUrl, server_identifier: ServerIdentifier, ...leavable },
  closed
)
export type NewProvider = Static<typeof NewProvider>

/** A server to try: what it is called is of no matter. */
export const TriedProvider = Type.Object(
  {
    name: Type.Optional(Name),
    server_url: ServerUrl,
    server_identifier: Type.Optional(ServerIdentifier),
    ...leavable
  },
  closed
)
export type TriedProvider = Static<typeof TriedProvider>

/** An update: what is left out stays, null clears. */
export const ProviderChange = Type.Object(
  {
    name: Type.Optional(Name),
    server_url: Type.Optional(ServerUrl),
    server_identifier: Type.Optional(ServerIdentifier),
    ...leavable
  },
  closed
)
export type ProviderChange = Static<typeof ProviderChange>

const shown = {
  id: Uuid,
  name: Type.String(),
  server_url: Type.String(),
  server_identifier: Type.String(),
  icon: orNull(Type.String()),
  icon_type: orNull(wordOf('emoji', 'image')),
  icon_background: orNull(Type.String()),
  masked_headers: HeaderMap,
  configuration: Type.Object({ timeout: Type.Number(), sse_read_timeout: Type.Number() }),
  authentication: orNull(
    Type.Object({
      client_id: Type.String(),
      client_secret: orNull(Type.String()),
      issuer: Type.Optional(Type.String())
    })
  ),
  forward_user_identity: Type.Boolean(),
  identity_mode: Mode,
  forward_id_token: Type.Boolean(),
  resource: orNull(Type.String()),
  auth_scope: AuthScope,
  tool_changes: ToolChanges,
  external: Type.Boolean(),
  keep_arguments: Type.Boolean(),
  /** What an administrator should know of these settings. */
  warnings: Type.Array(Type.String()),
  tools_status: ToolsStatus,
  tools_error: ToolsError,
  /** Tools of the server that cannot be offered, or not with all they have. */
  tools_left_out: Type.Array(LeftOut),
  revision: Type.Integer(),
  created_at: Type.String({ format: 'date-time' }),
  updated_at: Type.String({ format: 'date-time' })
}

export const ProviderSummary = Type.Object(shown)
export type ProviderSummary = Static<typeof ProviderSummary>

export const ProviderAnswer = Type.Object({ ...shown, tools: Type.Array(KeptTool) })
export type ProviderAnswer = Static<typeof ProviderAnswer>

/** What a server that was tried would offer. */
export const Trial = Type.Object({
  tools_status: ToolsStatus,
  tools_error: ToolsError,
  tools: Type.Array(Tool),
  tools_left_out: Type.Array(LeftOut)
})
export type Trial = Static<typeof Trial>

/** Catalogues can be large, so a page has the providers without their tools. */
export const ProviderPage = pageAnswer(ProviderSummary)
export type ProviderPage = Static<typeof ProviderPage>

export const ToolsSeen = Type.Object({ tools: Type.Array(SeenTool, { minItems: 1, maxItems: 1_000 }) }, closed)

export const PageQuery = cursorQuery(Type.String({ maxLength: 1_000 }), {
  search: Type.Optional(Type.String({ maxLength: 200, description: 'What the name or the identifier holds.' })),
  order: Type.Unsafe<'name' | '-name' | 'created_at' | '-created_at'>({
    type: 'string',
    enum: ['name', '-name', 'created_at', '-created_at'],
    default: 'created_at'
  })
})
export const ProviderId = Type.Object({ id: Uuid }, closed)
