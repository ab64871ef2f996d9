import { ExternalId, ModeName, ServerIdentifier, Uuid } from '@onbehalf/contracts'
import { AskedTime, askedText, cursorQuery, orNull, pageAnswer } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import { stateLengthMax } from './request-state.ts'

const timeoutMsMax = 600_000
// Names are the server's to choose; control characters are in none.
export const ToolName = Type.String({ minLength: 1, maxLength: 256, pattern: '^[^\\u0000-\\u001f\\u007f]+$' })
const Time = Type.String({ format: 'date-time' })
const AnyObject = Type.Unsafe<Record<string, unknown>>({ type: 'object' })

export const CallBody = Type.Object(
  {
    server_identifier: ServerIdentifier,
    tool: ToolName,
    arguments: { ...AnyObject, default: {} },
    user_id: Type.Optional({
      ...ExternalId,
      description:
        "The app's own id of a linked user, or else the id the user has here, which no key with act_for `linked` may give."
    }),
    app_id: Type.Optional(Uuid),
    drop_empty_arguments: Type.Optional(Type.Boolean({ description: 'Leaves out arguments that are null or blank.' })),
    timeout_ms: Type.Optional(Type.Integer({ minimum: 1, maximum: timeoutMsMax })),
    capabilities: Type.Optional({
      ...AnyObject,
      description:
        "What you can be asked for in the middle of a call, as MCP's ClientCapabilities; nothing when left out."
    }),
    inputResponses: Type.Optional({ ...AnyObject, description: 'Your answers to the inputRequests of a result.' }),
    requestState: Type.Optional(
      Type.String({ maxLength: stateLengthMax, description: 'Of the result that had the inputRequests.' })
    )
  },
  { additionalProperties: false }
)

/** As whom the MCP server was called; never the token. */
const Identity = Type.Object({
  mode: ModeName,
  user_id: Type.String(),
  subject: Type.String(),
  audience: Type.String(),
  expires_at: Type.String(),
  jti: orNull(Type.String())
})

const CallAnswer = Type.Object({
  call_id: Type.String(),
  /** The CallToolResult as the server sent it. */
  result: Type.Unknown(),
  /** What the server's `_meta` tells of tokens, prices and times. */
  usage: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  identity: orNull(Identity),
  duration_ms: Type.Integer()
})

/** As one body, or as events that end with it. */
export const CallAnswers = {
  description: 'What the tool answered',
  content: { 'application/json': { schema: CallAnswer }, 'text/event-stream': { schema: Type.String() } }
} as const

const text = Type.Optional(askedText(256))

export const CallsQuery = cursorQuery(Type.String({ maxLength: 200 }), {
  user_id: Type.Optional(Uuid),
  app_id: Type.Optional(Uuid),
  server_identifier: text,
  tool: text,
  outcome: text,
  since: Type.Optional(AskedTime),
  until: Type.Optional(AskedTime),
  with_arguments: Type.Optional(
    Type.Boolean({ description: 'Also what was kept of the arguments, for whose call it was and for owners.' })
  )
})

const textOrNull = orNull(Type.String())

const CallItem = Type.Object({
  id: Uuid,
  user_id: textOrNull,
  app_id: textOrNull,
  credential: Type.Object({ kind: Type.String(), id: Uuid }),
  provider_id: textOrNull,
  server_identifier: Type.String(),
  tool: Type.String(),
  tool_hash: textOrNull,
  arguments_digest: Type.String(),
  arguments: Type.Optional(orNull(Type.Record(Type.String(), Type.Unknown()))),
  mode: textOrNull,
  audience: textOrNull,
  subject: { ...textOrNull, description: 'Whom the token named to the MCP server.' },
  token_jti: textOrNull,
  outcome: Type.String(),
  upstream_status: orNull(Type.Integer()),
  started_at: Time,
  finished_at: Time
})

/** As a page, or all of them as lines. */
export const CallsAnswers = {
  description: 'Calls, the newest first',
  content: { 'application/json': { schema: pageAnswer(CallItem) }, 'application/x-ndjson': { schema: Type.String() } }
} as const
