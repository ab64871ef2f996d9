import { Type } from '@sinclair/typebox'
import type { ProviderAnswer } from '../providers/shapes.ts'
import type { ToolDefinition } from '../tools/tool.ts'
import { localized, parametersOf } from './parameters.ts'
import { createRoom, type Room } from './room.ts'

const text = Type.String()

/** Shapes inside that are the reference's own are made here, field by field, and not checked once more. */
export const ConsoleView = Type.Object({
  ...{ id: text, author: text, name: text, type: text, server_url: text, server_identifier: text, identity_mode: text },
  label: Type.Unknown(),
  description: Type.Unknown(),
  icon: Type.Unknown(),
  is_team_authorization: Type.Boolean(),
  configuration: Type.Object({ timeout: Type.Number(), sse_read_timeout: Type.Number() }),
  updated_at: Type.Integer(),
  tools: Type.Array(Type.Unknown()),
  masked_headers: Type.Unknown(),
  is_dynamic_registration: Type.Boolean(),
  authentication: Type.Optional(Type.Object({ client_id: text, client_secret: text }))
})

// Who made a provider is in the record of changes; the reference writes this where it does not know.
const author = 'Anonymous'

/** A provider with the tools of it that were read. */
export type Listed = { provider: ProviderAnswer; toolsCount: number }

/** A provider as the reference shows it, with the tools that there is room for: what is not shown is said in its description. */
const viewOf = ({ provider, toolsCount }: Listed, room: Room) => {
  const { id, name, server_url, server_identifier, configuration } = provider
  const tools = toolViewsOf(provider.tools, room)
  return {
    ...{
      id,
      author,
      name,
      type: 'mcp',
      label: localized(name),
      description: localized(absenceOf(toolsCount - tools.length))
    },
    icon: iconOf(provider),
    is_team_authorization: provider.tools_status === 'fresh',
    ...{ server_url, server_identifier, configuration },
    updated_at: Math.floor(Date.parse(provider.updated_at) / 1000),
    identity_mode: provider.forward_user_identity ? provider.identity_mode : 'off',
    tools
  }
}

/** The first that there is room for: written, a tool is much more than what its server says, each text once for each language. */
const toolViewsOf = (tools: readonly ToolDefinition[], room: Room): ToolView[] => {
  const views: ToolView[] = []
  for (const tool of tools) {
    const view = toolViewOf(tool)
    if (!room.take(Buffer.byteLength(JSON.stringify(view)))) break
    views.push(view)
  }
  return views
}

const absenceOf = (count: number): string =>
  count === 0 ? '' : `${count} more of its tools are not shown here, where they would be too much at once.`

/** The same with what is sensitive, masked. */
export const fullViewOf = (provider: ProviderAnswer) => {
  const { authentication, masked_headers } = provider
  return {
    ...viewOf({ provider, toolsCount: provider.tools.length }, createRoom()),
    masked_headers,
    is_dynamic_registration: authentication === null,
    ...(authentication ? { authentication: credentialsOf(authentication) } : {})
  }
}

const credentialsOf = ({ client_id, client_secret }: NonNullable<ProviderAnswer['authentication']>) => ({
  client_id,
  client_secret: client_secret ?? ''
})

/** In lists a provider goes by the identifier that workflows use. */
export const listViewOf = (listed: Listed, room: Room) => ({
  ...viewOf(listed, room),
  id: listed.provider.server_identifier,
  ...{ masked_headers: {}, is_dynamic_registration: true }
})

const iconOf = ({ icon, icon_type, icon_background }: ProviderAnswer) =>
  icon_type === 'image' ? icon : { content: icon ?? '', background: icon_background ?? '' }

type ToolView = ReturnType<typeof toolViewOf>
const toolViewOf = ({ name, title, description, input_schema, output_schema }: ToolDefinition) => ({
  ...{ author, name, label: localized(title ?? name), description: localized(description) },
  ...{ parameters: parametersOf(input_schema), labels: [], output_schema: output_schema ?? {} }
})
